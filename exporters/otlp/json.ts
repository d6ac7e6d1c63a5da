// OTLP/JSON from OTLP protobuf bytes, driven by tables of the fields that the agent and its SDK write. Pure. JSON rules: OTLP
// specification, "JSON Protobuf Encoding"; 64-bit integers are strings, bytes of values base64, ids of traces hex.

import { Wire } from '../../agent/core/protobuf.ts';
import { ProtoReader } from '../../agent/core/protobuf-reader.ts';
import type { Signal } from './settings.ts';

type Kind =
  | 'text'
  | 'bytes'
  | 'hex'
  | 'bool'
  | 'enum'
  | 'fixed32'
  | 'int64'
  | 'fixed64'
  | 'sfixed64'
  | 'double'
  | 'fixed64s'
  | 'doubles';

interface Field {
  readonly name: string;
  /** A scalar, or the fields of a nested message. */
  readonly kind: Kind | (() => Message);
  readonly many?: boolean;
}

type Message = Readonly<Record<number, Field>>;

const one = (name: string, kind: Field['kind']): Field => ({ name, kind });
const many = (name: string, kind: Field['kind']): Field => ({ name, kind, many: true });

const VALUE: Message = {
  1: one('stringValue', 'text'),
  2: one('boolValue', 'bool'),
  3: one('intValue', 'int64'),
  4: one('doubleValue', 'double'),
  5: one('arrayValue', () => ({ 1: many('values', () => VALUE) })),
  6: one('kvlistValue', () => ({ 1: many('values', () => PAIR) })),
  7: one('bytesValue', 'bytes'),
};
const PAIR: Message = { 1: one('key', 'text'), 2: one('value', () => VALUE) };
const RESOURCE: Message = { 1: many('attributes', () => PAIR) };
const SCOPE: Message = { 1: one('name', 'text'), 2: one('version', 'text') };
const RECORD: Message = {
  1: one('timeUnixNano', 'fixed64'),
  2: one('severityNumber', 'enum'),
  3: one('severityText', 'text'),
  5: one('body', () => VALUE),
  6: many('attributes', () => PAIR),
  8: one('flags', 'fixed32'),
  9: one('traceId', 'hex'),
  10: one('spanId', 'hex'),
  11: one('observedTimeUnixNano', 'fixed64'),
  12: one('eventName', 'text'),
};
const NUMBER_POINT: Message = {
  2: one('startTimeUnixNano', 'fixed64'),
  3: one('timeUnixNano', 'fixed64'),
  4: one('asDouble', 'double'),
  6: one('asInt', 'sfixed64'),
  7: many('attributes', () => PAIR),
};
const HISTOGRAM_POINT: Message = {
  2: one('startTimeUnixNano', 'fixed64'),
  3: one('timeUnixNano', 'fixed64'),
  4: one('count', 'fixed64'),
  5: one('sum', 'double'),
  6: one('bucketCounts', 'fixed64s'),
  7: one('explicitBounds', 'doubles'),
  9: many('attributes', () => PAIR),
  11: one('min', 'double'),
  12: one('max', 'double'),
};
const TEMPORALITY = one('aggregationTemporality', 'enum');
const METRIC: Message = {
  1: one('name', 'text'),
  2: one('description', 'text'),
  3: one('unit', 'text'),
  5: one('gauge', () => ({ 1: many('dataPoints', () => NUMBER_POINT) })),
  7: one('sum', () => ({
    1: many('dataPoints', () => NUMBER_POINT),
    2: TEMPORALITY,
    3: one('isMonotonic', 'bool'),
  })),
  9: one('histogram', () => ({ 1: many('dataPoints', () => HISTOGRAM_POINT), 2: TEMPORALITY })),
};
const REQUEST: Readonly<Record<Signal, Message>> = {
  logs: {
    1: many('resourceLogs', () => ({
      1: one('resource', () => RESOURCE),
      2: many('scopeLogs', () => ({ 1: one('scope', () => SCOPE), 2: many('logRecords', () => RECORD) })),
    })),
  },
  metrics: {
    1: many('resourceMetrics', () => ({
      1: one('resource', () => RESOURCE),
      2: many('scopeMetrics', () => ({ 1: one('scope', () => SCOPE), 2: many('metrics', () => METRIC) })),
    })),
  },
};

/** The request as OTLP/JSON text. Throws for damaged input. */
export function toJson(signal: Signal, request: Uint8Array): string {
  return JSON.stringify(message(new ProtoReader(request), REQUEST[signal]));
}

function message(reader: ProtoReader, fields: Message): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  while (reader.next()) {
    const field = fields[reader.field];
    if (!field) {
      reader.skip();
      continue;
    }
    const value =
      typeof field.kind === 'string' ? scalar(reader, field.kind) : message(reader.message(), field.kind());
    if (!field.many) result[field.name] = value;
    else if (field.name in result) (result[field.name] as unknown[]).push(value);
    else result[field.name] = [value];
  }
  return result;
}

function scalar(reader: ProtoReader, kind: Kind): unknown {
  switch (kind) {
    case 'text':
      return reader.string();
    case 'bytes':
      return reader.bytes().toBase64();
    case 'hex':
      return reader.bytes().toHex();
    case 'fixed32':
      return reader.fixed32();
    case 'bool':
      return reader.varint() !== 0;
    case 'enum':
      return reader.varint();
    case 'int64':
      return String(reader.int64());
    case 'fixed64':
      return String(reader.fixed64());
    case 'sfixed64':
      return String(BigInt.asIntN(64, reader.fixed64()));
    case 'double':
      return number(reader.double());
    case 'fixed64s':
      return packed(reader, each => String(each.fixed64()));
    case 'doubles':
      return packed(reader, each => number(each.double()));
  }
}

/** JSON has no NaN and no infinities; ProtoJSON writes them as strings. */
const number = (value: number): number | string => (Number.isFinite(value) ? value : String(value));

function packed<T>(reader: ProtoReader, take: (reader: ProtoReader) => T): T[] {
  if (reader.wire !== Wire.Bytes) throw new Error('cannot decode protobuf: list is not packed');
  const items = reader.message();
  const result: T[] = [];
  while (!items.done) result.push(take(items));
  return result;
}
