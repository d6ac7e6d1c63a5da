// The syslog collector with a sink that keeps what it gets, as a receiver of OTLP would see it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentEvent, RecordSink, Stream, StreamRoom } from '../../../agent/core/collector.ts';
import type { DaemonLookup, DaemonSpec } from '../../../agent/core/daemon.ts';
import { type DecodedRecord, decodeLogs } from '../../../agent/core/decode.ts';
import { encodeRecord, encodeResource, sealRequest } from '../../../agent/core/encode.ts';
import { createMeter, type MeterTable } from '../../../agent/core/meter.ts';
import { ProtoWriter } from '../../../agent/core/protobuf.ts';
import { createOrigins } from '../../../agent/core/record.ts';
import { create } from '../../../collectors/syslog/index.ts';
import { options, type SyslogOptions } from '../../../collectors/syslog/options.ts';
import { quiet } from '../../quiet.ts';

export interface Collected extends DecodedRecord {
  /** The declared daemon of its origin. */
  daemon: string | undefined;
}

export interface Collector {
  readonly dir: string;
  readonly stream: Stream;
  readonly meter: MeterTable;
  readonly records: Collected[];
  /** Whether each record may wait until it is written. */
  readonly mayWait: boolean[];
  /** How often the sink was asked to let nothing wait. */
  readonly settled: number;
  readonly dropped: Map<string, number>;
  readonly events: AgentEvent[];
  /** While true the sink says it is full with every record. */
  full: boolean;
  /** Resolves when this many records are there. */
  until(count: number): Promise<Collected[]>;
  /** Confirms all records so far. */
  commit(): void;
  /** Closes the collector, confirming what it hands over. */
  close(): Promise<void>;
}

export const daemon = (name: string, spec: Partial<DaemonSpec> = {}): DaemonSpec => ({
  name,
  match: { exe: `/usr/sbin/${name}` },
  logs: { identifiers: [name], files: [], parse: 'none' },
  health: [],
  expect: {},
  labels: {},
  ...spec,
});

/** Daemons by declaration; `pids` says whose process is whose. */
export const lookup = (
  declared: readonly DaemonSpec[],
  pids: (pid: number) => string | undefined,
): DaemonLookup => ({
  declared,
  ofPid: pids,
  ofProcess: () => undefined,
  ofIdentifier: tag => declared.find(({ logs }) => logs.identifiers.includes(tag))?.name,
  ofFile: () => undefined,
});

export const noDaemons = lookup([], () => undefined);

export const temporaryDirectory = (): string => mkdtempSync(join(tmpdir(), 'eudaemon-syslog-'));

/** Options as the configuration gives them; throws when they are refused. */
export function parseOptions(input: unknown): SyslogOptions {
  const problems: string[] = [];
  const formats = { regex: () => undefined, glob: () => undefined };
  const parsed = options.parse(input, [], {
    problem: (path, message) => problems.push(`${path.join('.')}: ${message}`),
    formats,
  });
  if (!parsed) throw new Error(problems.join('\n'));
  return parsed;
}

/** Starts a collector; paths in `listen` are taken below its directory. */
export async function collect(
  input: object = {},
  { dir = temporaryDirectory(), daemons = noDaemons, room = {} as Partial<Omit<StreamRoom, 'events'>> } = {},
): Promise<Collector> {
  const meter = createMeter();
  const events: AgentEvent[] = [];
  const stream = create(parseOptions(input), {
    name: 'syslog',
    root: '/',
    stateDir: dir,
    runDir: dir,
    log: quiet,
    meter,
    daemons,
    origins: createOrigins(),
    events: { emit: event => void events.push(event) },
    held: [],
    legacy: [],
    now: Date.now,
    patterns: {
      regex: () => ({ matches: () => false, exec: () => undefined }),
    } as unknown as StreamRoom['patterns'],
    ...room,
  });
  const records: Collected[] = [];
  const mayWait: boolean[] = [];
  let settled = 0;
  const dropped = new Map<string, number>();
  let wake = () => {};
  const writer = new ProtoWriter();
  const sink: RecordSink = {
    get pushed() {
      return records.length;
    },
    push(record) {
      writer.reset();
      encodeRecord(writer, record);
      const group = {
        resource: encodeResource(record.origin, []),
        records: writer.buf,
        start: 0,
        end: writer.pos,
      };
      for (const decoded of decodeLogs(sealRequest([group])))
        records.push({ ...decoded, daemon: record.origin.daemon });
      mayWait.push(record.mayWait);
      wake();
      return !collector.full;
    },
    drop(reason, count) {
      dropped.set(reason, (dropped.get(reason) ?? 0) + count);
      wake();
    },
    lost() {},
    settle() {
      settled++;
    },
  };
  const collector: Collector = {
    dir,
    stream,
    meter,
    records,
    mayWait,
    get settled() {
      return settled;
    },
    dropped,
    events,
    full: false,
    async until(count) {
      while (records.length < count)
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      return records;
    },
    commit: () => stream.committed(records.length, records.length),
    async close() {
      wake = () => stream.committed(records.length, records.length);
      wake();
      await stream.close();
      stream.release?.();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  await stream.open(sink);
  return collector;
}
