// The OTLP exporter with its options as a file would give them, beside a receiver that fails on demand.
import { afterEach, expect } from 'vitest';
import { encodeRecord, encodeResource, sealRequest } from '../../../agent/core/encode.ts';
import {
  type Delivery,
  type ExporterRoom,
  type LogExporter,
  RetryLater,
} from '../../../agent/core/exporter.ts';
import type { Log } from '../../../agent/core/log.ts';
import { createMeter } from '../../../agent/core/meter.ts';
import { ProtoWriter } from '../../../agent/core/protobuf.ts';
import { LogRecord, utf8 } from '../../../agent/core/record.ts';
import { logs } from '../../../exporters/otlp/index.ts';
import { options as schema } from '../../../exporters/otlp/options.ts';
import { type Receiver, startReceiver } from '../../receiver.ts';

export const HOST: [string, string][] = [
  ['host.name', 'node-1'],
  ['host.id', 'abc'],
];
export const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

export const read = (input: object) => {
  const problems: string[] = [];
  const checker = {
    problem: (path: unknown, message: string) => problems.push(`${path}: ${message}`),
    formats: { regex: () => undefined, glob: () => undefined },
  };
  const parsed = schema.parse(input, [], checker);
  if (!parsed) throw new Error(problems.join());
  return parsed;
};

export function createRoom(): ExporterRoom & { lines: string[] } {
  const lines: string[] = [];
  const write = (message: string) => {
    lines.push(message);
  };
  const log: Log = { debug: write, info: write, warn: write, error: write, room: () => log };
  return { name: 'otlp', stateDir: '/nowhere', log, meter: createMeter(), host: HOST, now: Date.now, lines };
}

export async function receiver(): Promise<Receiver> {
  const started = await startReceiver();
  closers.push(() => started.close());
  return started;
}

export async function exporter(input: object, room = createRoom()): Promise<LogExporter> {
  const made = (await logs(read(input), room))!;
  closers.push(() => made.close());
  return made;
}

export function batch(...texts: string[]) {
  const w = new ProtoWriter();
  const r = new LogRecord();
  for (const text of texts) {
    r.clear();
    r.buf = utf8(text);
    r.bodyEnd = r.buf.length;
    r.observedSeconds = 1_795_000_000;
    r.attributes.int(utf8('n'), -5);
    r.attributes.double(utf8('d'), Number.NaN);
    r.attributes.value(utf8('raw'), Uint8Array.of(0x3a, 2, 0, 255));
    encodeRecord(w, r);
  }
  const origin = { service: 'nginx', daemon: 'nginx', host: undefined, attributes: [] };
  return {
    bytes: sealRequest([{ resource: encodeResource(origin, HOST), records: w.copy() }]),
    records: texts.length,
  };
}
export const never = new AbortController().signal;
export const failure = (delivery: Promise<Delivery>): Promise<RetryLater> =>
  delivery.then(
    () => expect.fail('delivered'),
    error => {
      expect(error).toBeInstanceOf(RetryLater);
      return error;
    },
  );
