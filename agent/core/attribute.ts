// Attributes as OTLP KeyValue, for what is encoded once and appended as it is. Pure.
// Field numbers: opentelemetry/proto/common/v1/common.proto.

import { ProtoWriter, Wire } from './protobuf.ts';

/** null is an empty AnyValue; members of a map that are undefined are left out. */
export type EventValue =
  | string
  | number
  | boolean
  | null
  | readonly EventValue[]
  | { readonly [key: string]: EventValue | undefined };

/** One `LogRecord.attributes` entry, tag included: for `Attributes.fields()`. */
export function encodeAttribute(key: string, value: EventValue): Uint8Array {
  const w = new ProtoWriter(256);
  writeAttribute(w, 6, key, value);
  return w.copy();
}

/** An encoded AnyValue of raw bytes. */
export function bytesValue(buf: Uint8Array, start: number, end: number): Uint8Array {
  const w = new ProtoWriter(end - start + 16);
  w.tag(7, Wire.Bytes);
  w.bytes(buf, start, end);
  return w.copy();
}

/** Appends one OTLP KeyValue as field `field` (Resource 1, LogRecord 6, NumberDataPoint 7, HistogramDataPoint 9). */
export function writeAttribute(w: ProtoWriter, field: number, key: string, value: EventValue): void {
  w.tag(field, Wire.Bytes);
  const entry = w.begin();
  w.tag(1, Wire.Bytes);
  w.string(key);
  anyValue(w, 2, value);
  w.end(entry);
}

function anyValue(w: ProtoWriter, field: number, value: EventValue): void {
  w.tag(field, Wire.Bytes);
  const any = w.begin();
  if (typeof value === 'string') {
    w.tag(1, Wire.Bytes);
    w.string(value);
  } else if (typeof value === 'boolean') {
    w.tag(2, Wire.Varint);
    w.varint(value ? 1 : 0);
  } else if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) {
      w.tag(3, Wire.Varint);
      w.int64(value);
    } else {
      w.tag(4, Wire.Fixed64);
      w.double(value);
    }
  } else if (value !== null) {
    const isList = Array.isArray(value);
    w.tag(isList ? 5 : 6, Wire.Bytes);
    const items = w.begin();
    if (isList) for (const item of value) anyValue(w, 1, item);
    else
      for (const [key, item] of Object.entries(value))
        if (item !== undefined) writeAttribute(w, 1, key, item);
    w.end(items);
  }
  w.end(any);
}
