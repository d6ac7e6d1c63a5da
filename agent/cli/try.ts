// `eudaemon check --try LINE`: what a line becomes. It goes the way of every record: the collector's own reading, the
// processors, the encoding. Nothing is sent or kept.

import { readText } from '../../collectors/files/text.ts';
import { Recorder } from '../../collectors/syslog/record.ts';
import { createSenders, type Sender } from '../../collectors/syslog/sender.ts';
import { type Config, createPatterns } from '../config/index.ts';
import type { RecordSink, StreamRoom } from '../core/collector.ts';
import type { LineFormat } from '../core/daemon.ts';
import { type DecodedRecord, decodeLogs } from '../core/decode.ts';
import type { SealedBatch } from '../core/exporter.ts';
import { createEncoder } from '../core/line.ts';
import { createMeter } from '../core/meter.ts';
import { STEPS } from '../core/processor.ts';
import { createOrigins, type LogRecord } from '../core/record.ts';
import { createLookup } from '../identity/lookup.ts';
import { createFlow } from '../pipeline/flow.ts';
import { createProcessors } from '../pipeline/processors/index.ts';
import { describeRecord } from './try-print.ts';

export interface TryOptions {
  /** A line, or those of a file; the last one may have no newline. */
  readonly text: Uint8Array;
  readonly source: 'syslog' | 'file';
  /** A declared daemon that sent it, or whose file it is. */
  readonly daemon?: string;
  readonly format?: LineFormat;
  /** The file it is of. */
  readonly path?: string;
  readonly json: boolean;
  /** Records shown. */
  readonly limit: number;
  /** Unix ms. */
  readonly now: number;
  /** Attributes of this host's resource. */
  readonly host: ReadonlyArray<readonly [string, string]>;
  readonly out: (line: string) => void;
}

/** What became of a record. */
type Outcome = DecodedRecord | { readonly reason: string; readonly by: string };

/** Prints every record of the text, or why it is dropped. */
export function tryText(config: Config, options: TryOptions): void {
  const { text, json, limit, out } = options;
  const room = createRoom(config, options.now);
  const encode = createEncoder(options.host);
  let shown = 0;
  const sink = createTrial(config, options, room, outcome => {
    if (json) out('by' in outcome ? JSON.stringify({ dropped: outcome }) : encode(outcome).trimEnd());
    else
      out(
        `${shown > 0 ? '\n' : ''}${'by' in outcome ? `dropped: ${outcome.reason}, by ${outcome.by}` : describeRecord(outcome)}`,
      );
    return ++shown < limit;
  });
  if (options.source === 'file') {
    const { path = '-', daemon, format: parse } = options;
    const files = config.collectors['files'];
    readText(text, { path, daemon, parse }, Array.isArray(files) ? files : [], room, sink);
  } else receive(text, options, room, sink);
}

/** A line, or every line of a file, as a message to the syslog socket. */
function receive(
  text: Uint8Array,
  { daemon, path, now }: TryOptions,
  room: StreamRoom,
  sink: RecordSink,
): void {
  const recorder = new Recorder(room);
  const unknown = createSenders(room).peer('');
  const origin = daemon === undefined ? undefined : room.origins.of(daemon, daemon);
  const sender: Sender = { ...unknown, daemon, origin };
  for (let at = 0, more = path === undefined || text.length > 0; more; ) {
    const newline = text.indexOf(10, at);
    const end = newline < 0 || path === undefined ? text.length : newline;
    recorder.fill(text, at, end, sender, now, false);
    at = end + 1;
    more = sink.push(recorder.record) && at < text.length;
  }
}

/** A flow of its own with the configuration's processors, which hands out each record as it would be kept. */
function createTrial(
  config: Config,
  { source, host, now }: TryOptions,
  room: StreamRoom,
  show: (outcome: Outcome) => boolean,
): RecordSink {
  let sealed: SealedBatch | undefined;
  let reason = '';
  const flow = createFlow({
    host,
    meter: room.meter,
    ledger: {
      received() {},
      dropped: why => {
        reason = why;
      },
      lost() {},
    },
    outlet: {
      append(batch) {
        sealed = batch;
        return 1;
      },
    },
    sealed() {},
  });
  const processors = createProcessors({
    flow,
    events: { emit() {} },
    patterns: room.patterns,
    now: () => now,
  });
  processors.apply(config.processors, config.daemons);
  const inlet = flow.attach(source === 'file' ? 'files' : 'syslog', { resume() {}, committed() {} });

  const stoppedBy = (): string => {
    const at = processors.chain()?.stoppedAt ?? -1;
    const spec = config.processors[at];
    return `processors[${at}].${STEPS.find(step => spec?.[step] !== undefined)}`;
  };
  return {
    pushed: 0,
    drop() {},
    lost() {},
    settle() {},
    push(record: LogRecord) {
      sealed = undefined;
      inlet.push(record);
      flow.flush();
      const [kept] = sealed === undefined ? [] : [...decodeLogs((sealed as SealedBatch).bytes)];
      return show(kept ?? { reason, by: stoppedBy() });
    },
  };
}

function createRoom(config: Config, now: number): StreamRoom {
  const patterns = createPatterns();
  const log = { debug() {}, info() {}, warn() {}, error() {}, room: () => log };
  const root = config.agent.host_root;
  return {
    name: 'try',
    root,
    stateDir: config.agent.state_dir,
    runDir: config.agent.run_dir,
    log,
    meter: createMeter(),
    daemons: createLookup({ declared: config.daemons, root, patterns, now: () => now, elapsed: () => 0 }),
    patterns,
    now: () => now,
    origins: createOrigins(),
    events: { emit() {} },
    held: [],
    legacy: [],
  };
}
