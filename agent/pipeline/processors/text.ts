// What steps read out of a record: its body as text, its attributes one by one.

import { Wire } from '../../core/protobuf.ts';
import { ProtoReader } from '../../core/protobuf-reader.ts';
import { Attributes, Kind, type LogRecord } from '../../core/record.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Bytes as text, U+FFFD for what is no UTF-8. */
export const textOf = (bytes: Uint8Array, start: number, end: number): string =>
  start === end
    ? ''
    : decoder.decode(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));

/** The body as text, decoded once for all steps of a chain until one changes it. */
export class Body {
  private text: string | undefined;
  private buf: Uint8Array | undefined;
  private start = 0;
  private end = 0;

  /** Another record begins. */
  begin(): void {
    this.buf = undefined;
  }

  of(record: LogRecord): string {
    const { buf, bodyStart, bodyEnd } = record;
    if (this.buf !== buf || this.start !== bodyStart || this.end !== bodyEnd) {
      this.buf = buf;
      this.start = bodyStart;
      this.end = bodyEnd;
      this.text = textOf(buf, bodyStart, bodyEnd);
    }
    return this.text!;
  }
}

/** The value of attribute `i`, which is not `Fields`, as text; undefined for lists, maps and empty values. */
export function valueText(a: Attributes, i: number): string | undefined {
  switch (a.kinds[i]) {
    case Kind.Text:
    case Kind.TraceId:
    case Kind.SpanId:
    case Kind.TraceFlags:
      return textOf(a.bytes[i]!, a.starts[i]!, a.ends[i]!);
    case Kind.Int:
    case Kind.Double:
      return String(a.numbers[i]);
    case Kind.Bool:
      return a.numbers[i] === 0 ? 'false' : 'true';
    default:
      return undefined;
  }
}

/** Takes encoded fields apart, so that every attribute stands by itself. What never changes is taken apart once. */
export class Unpacker {
  private readonly known = new WeakMap<Uint8Array, Attributes>();
  private readonly scratch = new Attributes();

  unpack(a: Attributes): void {
    for (let i = 0; i < a.size; i++) {
      if (a.kinds[i] !== Kind.Fields) continue;
      const parts = this.parts(a, i);
      if (parts.size === 0) a.delete(i--);
      else replace(a, i, parts);
    }
  }

  /** The attributes within entry `i`, valid until the next call. */
  parts(a: Attributes, i: number): Attributes {
    const bytes = a.bytes[i]!;
    if (!a.isConstant(i)) {
      this.scratch.clear();
      read(bytes, a.starts[i]!, a.ends[i]!, this.scratch);
      return this.scratch;
    }
    let parts = this.known.get(bytes);
    if (parts === undefined) {
      parts = new Attributes();
      read(bytes, 0, bytes.length, parts);
      this.known.set(bytes, parts);
    }
    return parts;
  }
}

/** Puts `parts`, which are not empty, in the place of entry `i`. */
export function replace(a: Attributes, i: number, parts: Attributes): void {
  for (let k = 1; k < parts.size; k++) a.take(parts, k);
  a.take(parts, 0, i);
}

/** `repeated KeyValue attributes = 6`, as `Attributes.fields()` takes them. */
function read(bytes: Uint8Array, start: number, end: number, into: Attributes): void {
  const reader = new ProtoReader(bytes, start, end);
  while (reader.next()) {
    if (!reader.is(6, Wire.Bytes)) {
      reader.skip();
      continue;
    }
    const entry = reader.message();
    let key: Uint8Array = NOTHING;
    let value: Uint8Array = NOTHING;
    while (entry.next()) {
      if (entry.is(1, Wire.Bytes)) key = entry.bytes();
      else if (entry.is(2, Wire.Bytes)) value = entry.bytes();
      else entry.skip();
    }
    readValue(key, value, into);
  }
}

/** An AnyValue (opentelemetry/proto/common/v1). What a number cannot hold stays encoded. */
function readValue(key: Uint8Array, value: Uint8Array, into: Attributes): void {
  const reader = new ProtoReader(value);
  if (!reader.next()) into.value(key, value);
  else if (reader.is(1, Wire.Bytes)) into.text(key, reader.bytes());
  else if (reader.is(2, Wire.Varint)) into.bool(key, reader.uint64() !== 0);
  else if (reader.is(4, Wire.Fixed64)) into.double(key, reader.double());
  else {
    const number = reader.is(3, Wire.Varint) ? reader.int64() : undefined;
    if (typeof number === 'number') into.int(key, number);
    else into.value(key, value);
  }
}

const NOTHING = new Uint8Array(0);
