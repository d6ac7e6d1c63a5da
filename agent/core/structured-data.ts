// STRUCTURED-DATA of RFC 5424 section 6.3: where it ends, and as an OTLP value. Pure.

import { type ProtoWriter, Wire } from './protobuf.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const EQUALS = 0x3d;
const SPACE = 0x20;

/** Elements and parameters in one message; what has more counts as malformed. Bounds the work of finding repeats. */
const MAX_NAMES = 256;
/** SD-NAME = 1*32PRINTUSASCII. */
const MAX_NAME = 32;

/** Where a name ends; `at` itself when there is none. */
function nameEnd(buf: Uint8Array, at: number, end: number): number {
  let pos = at;
  for (; pos < end; pos++) {
    const byte = buf[pos]!;
    if (byte <= SPACE || byte > 0x7e || byte === EQUALS || byte === CLOSE || byte === QUOTE) break;
  }
  return pos - at > MAX_NAME ? at : pos;
}

/** Where a value's closing quote is, `at` being behind the opening one; -1 when there is none or a bare `]` comes first. */
function valueEnd(buf: Uint8Array, at: number, end: number): number {
  for (let pos = at; pos < end; pos++) {
    const byte = buf[pos]!;
    if (byte === QUOTE) return pos;
    if (byte === CLOSE) return -1;
    if (byte === BACKSLASH) pos++;
  }
  return -1;
}

function same(buf: Uint8Array, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (buf[a + i] !== buf[b + i]) return false;
  return true;
}

/** Whether an element between `from` and `until`, all well-formed, has the SD-ID `id..idEnd`. */
function idSeen(buf: Uint8Array, from: number, until: number, id: number, idEnd: number): boolean {
  for (let pos = from; pos < until; ) {
    const other = nameEnd(buf, pos + 1, until);
    if (other - pos - 1 === idEnd - id && same(buf, pos + 1, id, idEnd - id)) return true;
    for (pos = other; buf[pos] === SPACE; ) pos = valueEnd(buf, nameEnd(buf, pos + 1, until) + 2, until) + 1;
    pos++;
  }
  return false;
}

/** The position behind the elements that begin at `start`, or -1 when they are malformed. */
export function structureEnd(buf: Uint8Array, start: number, end: number): number {
  let names = 0;
  let pos = start;
  while (pos < end && buf[pos] === OPEN) {
    const id = pos + 1;
    const idEnd = nameEnd(buf, id, end);
    if (idEnd === id || ++names > MAX_NAMES || idSeen(buf, start, pos, id, idEnd)) return -1;
    for (pos = idEnd; pos < end && buf[pos] === SPACE; ) {
      const name = nameEnd(buf, pos + 1, end);
      if (name === pos + 1 || ++names > MAX_NAMES || buf[name] !== EQUALS || buf[name + 1] !== QUOTE)
        return -1;
      const value = valueEnd(buf, name + 2, end);
      if (value < 0) return -1;
      pos = value + 1;
    }
    if (pos >= end || buf[pos] !== CLOSE) return -1;
    pos++;
  }
  return pos > start ? pos : -1;
}

/** Appends an OTLP AnyValue: a map from SD-ID to a map from parameter to text, or to a list where a name repeats. */
export function encodeStructure(w: ProtoWriter, buf: Uint8Array, start: number, end: number): void {
  w.tag(6, Wire.Bytes);
  const elements = w.begin(end - start);
  for (let pos = start; pos < end; ) {
    const idEnd = nameEnd(buf, pos + 1, end);
    w.tag(1, Wire.Bytes);
    const element = w.begin();
    w.tag(1, Wire.Bytes);
    w.bytes(buf, pos + 1, idEnd);
    w.tag(2, Wire.Bytes);
    const any = w.begin();
    w.tag(6, Wire.Bytes);
    const parameters = w.begin();
    for (pos = idEnd; buf[pos] === SPACE; ) {
      const name = nameEnd(buf, pos + 1, end);
      encodeParameter(w, buf, idEnd, pos + 1, name, end);
      pos = valueEnd(buf, name + 2, end) + 1;
    }
    pos++;
    w.end(parameters);
    w.end(any);
    w.end(element);
  }
  w.end(elements);
}

/** One KeyValue; a name that came before in the element (`first` on) has taken its later values with it. */
function encodeParameter(
  w: ProtoWriter,
  buf: Uint8Array,
  first: number,
  name: number,
  nameStop: number,
  end: number,
): void {
  if (repeat(buf, first, name, nameStop, end) < name - 1) return;
  const next = repeat(buf, valueEnd(buf, nameStop + 2, end) + 1, name, nameStop, end);
  w.tag(1, Wire.Bytes);
  const entry = w.begin();
  w.tag(1, Wire.Bytes);
  w.bytes(buf, name, nameStop);
  w.tag(2, Wire.Bytes);
  if (next === Number.POSITIVE_INFINITY) encodeText(w, buf, nameStop + 2, end);
  else {
    const any = w.begin();
    w.tag(5, Wire.Bytes);
    const list = w.begin();
    for (let pos = name - 1; pos < end; ) {
      const value = pos + 1 + nameStop - name + 2;
      w.tag(1, Wire.Bytes);
      encodeText(w, buf, value, end);
      pos = repeat(buf, valueEnd(buf, value, end) + 1, name, nameStop, end);
    }
    w.end(list);
    w.end(any);
  }
  w.end(entry);
}

/** The space before the next parameter of that name from `pos` on in this element; Infinity when there is none. */
function repeat(buf: Uint8Array, from: number, name: number, nameStop: number, end: number): number {
  for (let pos = from; buf[pos] === SPACE; ) {
    const stop = nameEnd(buf, pos + 1, end);
    if (stop - pos === nameStop - name + 1 && same(buf, pos + 1, name, nameStop - name)) return pos;
    pos = valueEnd(buf, stop + 2, end) + 1;
  }
  return Number.POSITIVE_INFINITY;
}

/** A length-delimited AnyValue with the value that begins at `start`, `\"`, `\\` and `\]` without their backslash. */
function encodeText(w: ProtoWriter, buf: Uint8Array, start: number, end: number): void {
  const stop = valueEnd(buf, start, end);
  const any = w.begin(stop - start + 2);
  w.tag(1, Wire.Bytes);
  let clean = true;
  for (let pos = start; pos < stop && clean; pos++) clean = buf[pos] !== BACKSLASH;
  if (clean) w.text(buf, start, stop);
  else w.text(unescaped(buf, start, stop));
  w.end(any);
}

function unescaped(buf: Uint8Array, start: number, stop: number): Uint8Array {
  const plain = new Uint8Array(stop - start);
  let length = 0;
  for (let pos = start; pos < stop; pos++) {
    const next = buf[pos + 1];
    if (buf[pos] === BACKSLASH && (next === QUOTE || next === BACKSLASH || next === CLOSE)) pos++;
    plain[length++] = buf[pos]!;
  }
  return plain.subarray(0, length);
}
