// OTLP logs back from their bytes, for whoever reads batches again. Pure. Damaged input throws a plain Error.
// Field numbers: opentelemetry/proto/logs/v1/logs.proto and common/v1/common.proto.

import { Wire } from './protobuf.ts';
import { ProtoReader } from './protobuf-reader.ts';

/** A decoded AnyValue. Integers are numbers while those are exact, else bigint; null is an empty AnyValue. */
export type Value =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | Value[]
  | { [key: string]: Value };

export interface DecodedRecord {
  /** Resource attributes; one object for all records of a resource. */
  resource: Record<string, Value>;
  /** Unix nanoseconds; 0 when unset. */
  time: bigint;
  observed: bigint;
  /** SeverityNumber; 0 when unset. */
  severity: number;
  severityText: string;
  body: Value;
  eventName: string;
  /** Lower-case hex digits; empty when unset. */
  traceId: string;
  spanId: string;
  /** W3C trace flags, two hex digits; empty when unset. */
  traceFlags: string;
  attributes: Record<string, Value>;
}

/** Deepest nesting of values accepted, as other protobuf decoders have it. */
const MAX_DEPTH = 100;

/** The records of an ExportLogsServiceRequest, in order. Byte values are views into it. */
export function* decodeLogs(request: Uint8Array): Generator<DecodedRecord> {
  for (const resourceLogs of messages(new ProtoReader(request), 1)) {
    const resource: Record<string, Value> = {};
    // The resource may stand behind its records.
    for (const message of messages(resourceLogs.again(), 1))
      for (const pair of messages(message, 1)) attribute(pair, resource, 0);
    for (const scopeLogs of messages(resourceLogs, 2))
      for (const record of messages(scopeLogs, 2)) yield decodeRecord(record, resource);
  }
}

/** The same in the order they were observed in: a request has them by their resources. */
export const decodeInOrder = (request: Uint8Array): DecodedRecord[] =>
  [...decodeLogs(request)].sort((a, b) => (a.observed < b.observed ? -1 : a.observed > b.observed ? 1 : 0));

/** Entries of `ScopeLogs.log_records`, tags included, as `encodeRecord()` writes them. */
export function* decodeRecords(entries: Uint8Array): Generator<DecodedRecord> {
  for (const record of messages(new ProtoReader(entries), 2)) yield decodeRecord(record, {});
}

/** The nested messages in one field. */
function* messages(reader: ProtoReader, field: number): Generator<ProtoReader> {
  while (reader.next())
    if (reader.is(field, Wire.Bytes)) yield reader.message();
    else reader.skip();
}

function decodeRecord(reader: ProtoReader, resource: Record<string, Value>): DecodedRecord {
  const record: DecodedRecord = {
    resource,
    time: 0n,
    observed: 0n,
    severity: 0,
    severityText: '',
    body: null,
    eventName: '',
    traceId: '',
    spanId: '',
    traceFlags: '',
    attributes: {},
  };
  while (reader.next()) {
    if (reader.is(1, Wire.Fixed64)) record.time = reader.fixed64();
    else if (reader.is(2, Wire.Varint)) record.severity = reader.varint();
    else if (reader.is(3, Wire.Bytes)) record.severityText = reader.string();
    else if (reader.is(5, Wire.Bytes)) record.body = anyValue(reader.message(), 0);
    else if (reader.is(6, Wire.Bytes)) attribute(reader.message(), record.attributes, 0);
    else if (reader.is(8, Wire.Fixed32)) record.traceFlags = Uint8Array.of(reader.fixed32()).toHex();
    else if (reader.is(9, Wire.Bytes)) record.traceId = reader.bytes().toHex();
    else if (reader.is(10, Wire.Bytes)) record.spanId = reader.bytes().toHex();
    else if (reader.is(11, Wire.Fixed64)) record.observed = reader.fixed64();
    else if (reader.is(12, Wire.Bytes)) record.eventName = reader.string();
    else reader.skip();
  }
  return record;
}

/** A KeyValue into `into`; the last of equal keys stays. */
function attribute(reader: ProtoReader, into: Record<string, Value>, depth: number): void {
  let key = '';
  let value: Value = null;
  while (reader.next()) {
    if (reader.is(1, Wire.Bytes)) key = reader.string();
    else if (reader.is(2, Wire.Bytes)) value = anyValue(reader.message(), depth);
    else reader.skip();
  }
  if (key !== '__proto__') into[key] = value;
  else Object.defineProperty(into, key, { value, enumerable: true, configurable: true, writable: true });
}

function anyValue(reader: ProtoReader, depth: number): Value {
  if (depth > MAX_DEPTH) throw new Error(`cannot decode value: nested deeper than ${MAX_DEPTH}`);
  let value: Value = null;
  while (reader.next()) {
    if (reader.is(1, Wire.Bytes)) value = reader.string();
    else if (reader.is(2, Wire.Varint)) value = reader.uint64() !== 0;
    else if (reader.is(3, Wire.Varint)) value = reader.int64();
    else if (reader.is(4, Wire.Fixed64)) value = reader.double();
    else if (reader.is(5, Wire.Bytes))
      value = Array.from(messages(reader.message(), 1), item => anyValue(item, depth + 1));
    else if (reader.is(6, Wire.Bytes)) {
      const map: Record<string, Value> = {};
      for (const pair of messages(reader.message(), 1)) attribute(pair, map, depth + 1);
      value = map;
    } else if (reader.is(7, Wire.Bytes)) value = reader.bytes();
    else reader.skip();
  }
  return value;
}
