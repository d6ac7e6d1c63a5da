// JSON values as OTLP AnyValues (opentelemetry/proto/common/v1), encoded as they are read. Pure; no string, no object.

import { writeNumber, writeText } from '../key-value.ts';
import { ProtoWriter, varintSize, Wire } from '../protobuf.ts';
import { writeWide } from '../wide.ts';
import { isSame } from './keys.ts';
import { Found, JsonScanner } from './scan.ts';

/** Deeper nesting than any log has; beyond it a text counts as damaged. */
const MAX_DEPTH = 64;
/** Members of one object that are compared with those before them, so that none takes long. */
const MAX_COMPARED = 128;

export class JsonValues extends JsonScanner {
  /** Encoded AnyValues of the text. */
  readonly any = new ProtoWriter(1024);
  /** Of the list last encoded: the next will be about as long. */
  private listBytes = 0x80;

  override reset(buf: Uint8Array, end: number): void {
    super.reset(buf, end);
    this.any.pos = 0;
  }

  /** Any value, appended to `any` as the content of an AnyValue message. */
  encode(i: number, depth = 0): number {
    const { any } = this;
    const byte = this.peek(i);
    if (byte === 0x7b || byte === 0x5b) {
      if (depth >= MAX_DEPTH) return -1;
      any.tag(byte === 0x7b ? 6 : 5, Wire.Bytes);
      const list = any.begin(this.listBytes);
      const behind = byte === 0x7b ? this.members(i, depth + 1) : this.items(i, depth + 1);
      any.end(list);
      this.listBytes = any.pos - list;
      return behind;
    }
    const behind = this.scalar(i);
    if (behind < 0) return -1;
    if (this.found === Found.Text) {
      any.tag(1, Wire.Bytes);
      any.text(this.text, this.from, this.to);
    } else if (this.found !== Found.Number) {
      if (this.found === Found.Null) return behind;
      any.tag(2, Wire.Varint);
      any.varint(this.found === Found.True ? 1 : 0);
    } else this.encodeNumber();
    return behind;
  }

  /** The number last read, as the content of an AnyValue message. */
  encodeNumber(): void {
    const { any, value } = this;
    if (this.wide !== undefined) {
      any.tag(3, Wire.Varint);
      writeWide(any, this.wide);
    } else if (this.whole && Number.isSafeInteger(value)) {
      any.tag(3, Wire.Varint);
      any.int64(value);
    } else {
      any.tag(4, Wire.Fixed64);
      any.double(value);
    }
  }

  /** The elements of the list at `i`, as an ArrayValue. */
  private items(i: number, depth: number): number {
    const { any } = this;
    let at = this.space(i + 1);
    if (this.peek(at) === 0x5d) return at + 1;
    for (;;) {
      any.tag(1, Wire.Bytes);
      const entry = any.begin();
      at = this.encode(at, depth);
      any.end(entry);
      if (at < 0) return -1;
      at = this.space(at);
      if (this.peek(at) === 0x5d) return at + 1;
      if (this.peek(at) !== 0x2c) return -1;
      at = this.space(at + 1);
    }
  }

  /** The members of the object at `i`, as a KeyValueList. Of those of one key the last stays, as in `JSON.parse()`. */
  private members(i: number, depth: number): number {
    const { any } = this;
    const first = any.pos;
    /** A bit for each length and end of a key: most keys are told apart by it. */
    let seen = 0;
    let at = this.space(i + 1);
    if (this.peek(at) === 0x7d) return at + 1;
    for (let count = 0; ; count++) {
      at = this.key(at);
      if (at < 0) return -1;
      const entry = any.pos;
      at = this.member(at, depth);
      if (at < 0) return -1;
      const key = keyAt(any.buf, entry);
      const keyEnd = valueEnd(any.buf, key);
      const bit = 1 << (keyEnd - key + 5 * any.buf[keyEnd - 1]!);
      if ((seen & bit) !== 0 && count < MAX_COMPARED)
        this.forget(any.buf.subarray(key, keyEnd), first, entry);
      seen |= bit;
      at = this.space(at);
      if (this.peek(at) === 0x7d) return at + 1;
      if (this.peek(at) !== 0x2c) return -1;
      at = this.space(at + 1);
    }
  }

  /** Takes the member of this key, length and all, out of those encoded at `first..behind`. */
  private forget(key: Uint8Array, first: number, behind: number): void {
    const { any } = this;
    for (let entry = first; entry < behind; ) {
      const next = valueEnd(any.buf, entry + 1);
      const start = keyAt(any.buf, entry);
      if (isSame(key, any.buf, start, valueEnd(any.buf, start))) {
        any.buf.copyWithin(entry, next, any.pos);
        any.pos -= next - entry;
        return;
      }
      entry = next;
    }
  }

  /** The value at `i` of the member whose key was read last. */
  private member(i: number, depth: number): number {
    const { any, text: key, from, to } = this;
    const byte = this.peek(i);
    if (byte === 0x22) {
      const behind = this.string(i);
      if (behind >= 0) writeText(any, 1, key, from, to, this.text, this.from, this.to);
      return behind;
    }
    if (byte !== 0x7b && byte !== 0x5b) {
      const behind = this.scalar(i);
      if (behind < 0) return -1;
      if (this.found === Found.Number && this.wide === undefined) {
        writeNumber(any, 1, key, from, to, this.value, this.whole);
        return behind;
      }
    }
    any.tag(1, Wire.Bytes);
    const entry = any.begin();
    any.tag(1, Wire.Bytes);
    any.text(key, from, to);
    any.tag(2, Wire.Bytes);
    const value = any.begin();
    const behind = this.encode(i, depth);
    any.end(value);
    any.end(entry);
    return behind;
  }
}

function varintAt(buf: Uint8Array, pos: number): number {
  let n = 0;
  for (let at = pos, scale = 1; ; at++, scale *= 0x80) {
    n += (buf[at]! & 0x7f) * scale;
    if (buf[at]! < 0x80) return n;
  }
}

/** The position behind the length-delimited value whose length stands at `pos`. */
function valueEnd(buf: Uint8Array, pos: number): number {
  const length = varintAt(buf, pos);
  return pos + varintSize(length) + length;
}

/** Where the length of the key of the KeyValue at `entry` stands. */
const keyAt = (buf: Uint8Array, entry: number): number => entry + 2 + varintSize(varintAt(buf, entry + 1));
