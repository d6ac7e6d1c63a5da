// KeyValue messages whose lengths are known before they are written, so that nothing is moved. Pure.
// Field numbers: opentelemetry/proto/common/v1/common.proto.

import { type ProtoWriter, varintSize, Wire } from './protobuf.ts';
import { isUtf8Between, repaired } from './utf8.ts';

/** Within a shorter message each length takes one byte. */
const SHORT = 0x80;

/**
 * A KeyValue as field `field` (below 16), but for the content of its AnyValue: `size` bytes that the caller appends. The
 * key is bytes `from..to`; ill-formed UTF-8 becomes U+FFFD.
 */
export function writeKey(
  w: ProtoWriter,
  field: number,
  key: Uint8Array,
  from: number,
  to: number,
  size: number,
): void {
  const length = to - from;
  const whole = length + size + 4;
  if (whole < SHORT) {
    w.ensure(SHORT + 2);
    const { buf } = w;
    let { pos } = w;
    let bits = 0;
    buf[pos++] = (field << 3) | Wire.Bytes;
    buf[pos++] = whole;
    buf[pos++] = KEY;
    buf[pos++] = length;
    for (let i = from; i < to; i++) {
      const byte = key[i]!;
      buf[pos++] = byte;
      bits |= byte;
    }
    buf[pos++] = VALUE;
    buf[pos++] = size;
    if (bits < 0x80 || isUtf8Between(key, from, to)) {
      w.pos = pos;
      return;
    }
  }
  writeAnyKey(
    w,
    field,
    isUtf8Between(key, from, to) ? key.subarray(from, to) : repaired(key, from, to),
    size,
  );
}

function writeAnyKey(w: ProtoWriter, field: number, key: Uint8Array, size: number): void {
  const { length } = key;
  w.tag(field, Wire.Bytes);
  w.varint(2 + varintSize(length) + length + varintSize(size) + size);
  w.tag(1, Wire.Bytes);
  w.bytes(key);
  w.tag(2, Wire.Bytes);
  w.varint(size);
}

/** A KeyValue whose value is the text of bytes `start..end`; ill-formed UTF-8 becomes U+FFFD. */
export function writeText(
  w: ProtoWriter,
  field: number,
  key: Uint8Array,
  from: number,
  to: number,
  src: Uint8Array,
  start: number,
  end: number,
): void {
  const { pos } = w;
  const size = end - start;
  writeKey(w, field, key, from, to, 1 + varintSize(size) + size);
  w.tag(1, Wire.Bytes);
  if (w.utf8(src, start, end)) return;
  // It is longer than it was.
  w.pos = pos;
  const text = repaired(src, start, end);
  writeText(w, field, key, from, to, text, 0, text.length);
}

/** A KeyValue whose value is a number: as int64 when it is `whole` and safe, else as double. */
export function writeNumber(
  w: ProtoWriter,
  field: number,
  key: Uint8Array,
  from: number,
  to: number,
  n: number,
  whole: boolean,
): void {
  if (whole && Number.isSafeInteger(n)) {
    writeKey(w, field, key, from, to, 1 + int64Size(n));
    w.tag(3, Wire.Varint);
    w.int64(n);
  } else {
    writeKey(w, field, key, from, to, 9);
    w.tag(4, Wire.Fixed64);
    w.double(n);
  }
}

/** A KeyValue whose value is a boolean. */
export function writeBool(
  w: ProtoWriter,
  field: number,
  key: Uint8Array,
  from: number,
  to: number,
  value: boolean,
): void {
  writeKey(w, field, key, from, to, 2);
  w.tag(2, Wire.Varint);
  w.varint(value ? 1 : 0);
}

/** Tags of the key and the value within a KeyValue. */
const KEY = (1 << 3) | Wire.Bytes;
const VALUE = (2 << 3) | Wire.Bytes;

const int64Size = (n: number): number =>
  n < 0 ? 10 : n < 2 ** 28 ? varintSize(n) : n < 2 ** 35 ? 5 : n < 2 ** 42 ? 6 : n < 2 ** 49 ? 7 : 8;
