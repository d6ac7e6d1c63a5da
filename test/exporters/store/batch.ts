// Batches as the pipeline seals them, from plain descriptions, and a room to store them in.

import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeRecord, encodeResource, sealRequest } from '../../../agent/core/encode.ts';
import type { ExporterRoom, SealedBatch } from '../../../agent/core/exporter.ts';
import type { Log } from '../../../agent/core/log.ts';
import { createMeter } from '../../../agent/core/meter.ts';
import { ProtoWriter } from '../../../agent/core/protobuf.ts';
import { createOrigins, LogRecord, severityLabel, utf8 } from '../../../agent/core/record.ts';

export interface Given {
  body: string;
  service?: string;
  severity?: number;
  /** Unix seconds. */
  at?: number;
}

export const HOST = [
  ['host.name', 'box'],
  ['os.type', 'linux'],
] as const;

export function batch(...given: Given[]): SealedBatch {
  const origins = createOrigins();
  const groups = new Map<string, ProtoWriter>();
  for (const { body, service = 'web', severity = 9, at = 1_800_000_000 } of given) {
    const record = new LogRecord();
    record.origin = origins.of(service, service);
    record.seconds = at;
    record.observedSeconds = at;
    record.severity = severity;
    record.severityText = utf8(severityLabel(severity));
    record.buf = utf8(body);
    record.bodyEnd = record.buf.length;
    record.attributes.int(utf8('process.pid'), 42);
    const writer = groups.get(service) ?? new ProtoWriter();
    groups.set(service, writer);
    encodeRecord(writer, record);
  }
  const sealed = Array.from(groups, ([service, writer]) => ({
    resource: encodeResource(origins.of(service, service), HOST),
    records: writer.copy(),
  }));
  return { bytes: sealRequest(sealed), records: given.length };
}

export const scratch = (): string => mkdtempSync(join(tmpdir(), 'store-'));

/** A room whose clock the test turns; what was logged is kept. */
export function createRoom(stateDir = scratch()) {
  const logged: string[] = [];
  const keep = (message: string) => void logged.push(message);
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep, room: () => log };
  const clock = { now: 1_800_000_000_000 };
  const meter = createMeter(() => clock.now);
  const room: ExporterRoom = { name: 'store', stateDir, log, meter, host: HOST, now: () => clock.now };
  return { room, clock, logged, meter };
}

export const segments = (directory: string): string[] => readdirSync(directory).sort();

/** Bodies of all stored records, in the order of the files. */
export const bodies = (directory: string): string[] =>
  segments(directory).flatMap(name =>
    readFileSync(join(directory, name), 'utf8')
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line).body),
  );
