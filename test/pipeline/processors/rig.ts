// A chain of processors as a configuration gives it, and records through it to what a receiver of OTLP sees.

import { loadConfig } from '../../../agent/config/index.ts';
import { createPatterns } from '../../../agent/config/patterns.ts';
import { encodeAttribute } from '../../../agent/core/attribute.ts';
import type { AgentEvent } from '../../../agent/core/collector.ts';
import { type DecodedRecord, decodeLogs } from '../../../agent/core/decode.ts';
import { encodeOutline, encodeRecord, encodeResource, sealRequest } from '../../../agent/core/encode.ts';
import { ProtoWriter } from '../../../agent/core/protobuf.ts';
import { createOrigins, LogRecord, SYSLOG_SEVERITY, utf8 } from '../../../agent/core/record.ts';
import { createChain } from '../../../agent/pipeline/processors/chain.ts';
import { createUserMetrics } from '../../../agent/pipeline/processors/user-metrics.ts';
import { collectors } from '../../../collectors/index.ts';
import { exporters } from '../../../exporters/index.ts';
import { decodeOfficial } from '../../official.ts';
import { recordsOf } from '../../receiver.ts';

export interface Given {
  readonly body?: string | Uint8Array;
  readonly service?: string;
  /** Whether the service is a declared daemon. */
  readonly declared?: boolean;
  readonly source?: string;
  /** A syslog severity, 0..7. */
  readonly severity?: number;
  readonly attributes?: Readonly<Record<string, string | number | boolean | Uint8Array>>;
  /** Attributes that come encoded: kept by a collector and never changed. */
  readonly constants?: Readonly<Record<string, string | number>>;
  /** Unix seconds. */
  readonly at?: number;
}

const origins = createOrigins();

function fill(record: LogRecord, given: Given): void {
  record.clear();
  const service = given.service ?? 'nginx';
  record.origin = origins.of(service, given.declared === false ? undefined : service);
  const at = given.at ?? 1_700_000_000;
  record.observedSeconds = Math.floor(at);
  record.observedNanos = Math.round((at % 1) * 1e9);
  if (given.severity !== undefined) {
    record.severity = SYSLOG_SEVERITY[given.severity]!.number;
    record.severityText = SYSLOG_SEVERITY[given.severity]!.bytes;
  }
  // As in a ring: the body lies within a larger buffer.
  const body = typeof given.body === 'string' ? utf8(given.body) : (given.body ?? utf8('hello'));
  record.buf = new Uint8Array([60, ...body, 62]);
  record.bodyStart = 1;
  record.bodyEnd = 1 + body.length;
  for (const [key, value] of Object.entries(given.constants ?? {}))
    record.attributes.fields(encodeAttribute(key, value));
  for (const [key, value] of Object.entries(given.attributes ?? {})) {
    if (typeof value === 'string') record.attributes.text(utf8(key), utf8(value));
    else if (typeof value === 'boolean') record.attributes.bool(utf8(key), value);
    else if (typeof value !== 'number') record.attributes.value(utf8(key), value);
    else if (Number.isInteger(value)) record.attributes.int(utf8(key), value);
    else record.attributes.double(utf8(key), value);
  }
  // A step that changes the record without saying so would leave no trace.
  record.position = 0;
  record.outline = encodeOutline(record);
}

/** An encoded AnyValue of what JSON has. */
export function anyValue(value: unknown): Uint8Array {
  const w = new ProtoWriter();
  write(w, value);
  return w.copy();
}

function write(w: ProtoWriter, value: unknown): void {
  if (typeof value === 'string') {
    w.tag(1, 2);
    w.string(value);
  } else if (typeof value === 'number') {
    w.tag(3, 0);
    w.int64(value);
  } else if (Array.isArray(value)) {
    w.tag(5, 2);
    const list = w.begin();
    for (const item of value) {
      w.tag(1, 2);
      const mark = w.begin();
      write(w, item);
      w.end(mark);
    }
    w.end(list);
  } else {
    w.tag(6, 2);
    const map = w.begin();
    for (const [key, item] of Object.entries(value as object)) {
      w.tag(1, 2);
      const entry = w.begin();
      w.tag(1, 2);
      w.string(key);
      w.tag(2, 2);
      const mark = w.begin();
      write(w, item);
      w.end(mark);
      w.end(entry);
    }
    w.end(map);
  }
}

/** `processors:` is YAML: a list of steps. Throws ConfigError. */
export async function chainOf(processors: string) {
  const text = `processors:\n${processors.trim().replace(/^/gm, '  ')}\n`;
  const { processors: specs } = await loadConfig({
    collectors,
    exporters,
    file: 'e.yaml',
    env: {},
    readFile: () => Buffer.from(text),
  });
  const events: AgentEvent[] = [];
  const metrics = createUserMetrics(() => 0);
  const chain = createChain(specs, {
    patterns: createPatterns(),
    origins,
    events: { emit: event => events.push(event) },
    meterOf: metrics.meterOf,
  })!;
  const record = new LogRecord();
  return {
    events,
    metrics,
    chain,
    /** What is kept of a record, or why it is not. */
    run(given: Given): DecodedRecord | string {
      fill(record, given);
      const reason = chain.run(record, given.source ?? 'syslog');
      if (reason !== '') return reason;
      const w = new ProtoWriter();
      encodeRecord(w, record);
      const request = sealRequest([{ resource: encodeResource(record.origin, []), records: w.copy() }]);
      // Throws where an attribute stands twice.
      recordsOf(decodeOfficial('logs', request));
      const kept = [...decodeLogs(request)][0]!;
      delete kept.attributes['log.record.uid'];
      return kept;
    },
  };
}

/** One record through steps. */
export const through = async (processors: string, given: Given): Promise<DecodedRecord | string> =>
  (await chainOf(processors)).run(given);
