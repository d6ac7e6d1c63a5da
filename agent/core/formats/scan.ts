// A scanner of JSON text (RFC 8259) in bytes: strings as ranges, values as OTLP AnyValues. Pure; no string, no object.

import { ProtoWriter, Wire } from '../protobuf.ts';
import { writeWide } from '../wide.ts';
import { putCodePoint } from './code-point.ts';

/** Deeper nesting than any log has; beyond it a text counts as damaged. */
const MAX_DEPTH = 64;

/** What `scalar()` found. */
export const Found = { Text: 0, Number: 1, True: 2, False: 3, Null: 4 } as const;

/** Every method takes a position and returns the one behind what it read, or -1 when it is not there. */
export class JsonScanner {
  /** The string or number last read: bytes `from..to` of `text`, which lives until `reset()`. */
  text: Uint8Array = new Uint8Array(0);
  from = 0;
  to = 0;
  /** The scalar last read. */
  found = 0;
  value = 0;
  /** Whether `value` was written as a whole number. */
  whole = true;
  /** That whole number, where `value` lacks digits of it and an int64 does not. */
  wide: bigint | undefined;
  /** Encoded AnyValues, and strings without their escapes. */
  readonly any = new ProtoWriter(1024);
  /** Of the list last encoded: the next will be about as long. */
  private listBytes = 0x80;
  private readonly plain = new ProtoWriter(1024);
  private buf: Uint8Array = new Uint8Array(0);
  /** Where the text ends. */
  end = 0;

  /** Takes up a new text, bytes `..end`; what was read before is gone. */
  reset(buf: Uint8Array, end: number): void {
    this.buf = buf;
    this.end = end;
    this.any.pos = 0;
    this.plain.pos = 0;
  }

  space(i: number): number {
    const { buf, end } = this;
    // Most texts have none.
    if (i < end && buf[i]! > 0x20) return i;
    let at = i;
    while (at < end && (buf[at] === 0x20 || buf[at] === 0x09 || buf[at] === 0x0a || buf[at] === 0x0d)) at++;
    return at;
  }

  /** The byte at `i`; -1 behind the end. */
  peek(i: number): number {
    return i < this.end ? this.buf[i]! : -1;
  }

  /** A key and its colon. */
  key(i: number): number {
    if (this.peek(i) !== 0x22) return -1;
    const behind = this.string(i);
    return behind < 0 ? -1 : this.colon(behind);
  }

  /** A colon, and blanks around it. */
  colon(i: number): number {
    const colon = this.space(i);
    return this.peek(colon) === 0x3a ? this.space(colon + 1) : -1;
  }

  /** A string, from its opening quote. */
  string(i: number): number {
    const { buf, end } = this;
    for (let at = i + 1; at < end; at++) {
      const byte = buf[at]!;
      if (byte === 0x22) {
        this.text = buf;
        this.from = i + 1;
        this.to = at;
        return at + 1;
      }
      if (byte === 0x5c) return this.escaped(i + 1, at);
    }
    return -1;
  }

  /** A string whose first escape is at `at`; its text starts at `start`. */
  private escaped(start: number, first: number): number {
    const { buf, end, plain } = this;
    // Unescaped text is never longer than escaped text, so the writer does not move while this string grows.
    plain.ensure(end - start);
    const from = plain.pos;
    plain.raw(buf, start, first);
    for (let at = first; at < end; at++) {
      const byte = buf[at]!;
      if (byte === 0x22) {
        this.text = plain.buf;
        this.from = from;
        this.to = plain.pos;
        return at + 1;
      }
      if (byte !== 0x5c) {
        plain.buf[plain.pos++] = byte;
        continue;
      }
      const letter = this.peek(++at);
      if (letter === 0x75) {
        let code = this.hex(at + 1);
        if (code < 0) return -1;
        at += 4;
        if (code >= 0xd800 && code < 0xdc00 && this.peek(at + 1) === 0x5c && this.peek(at + 2) === 0x75) {
          const low = this.hex(at + 3);
          if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            at += 6;
          }
        }
        putCodePoint(plain, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
      } else {
        const meaning = letter < 0 ? undefined : ESCAPES[letter];
        if (meaning === undefined) return -1;
        plain.buf[plain.pos++] = meaning;
      }
    }
    return -1;
  }

  private hex(i: number): number {
    let code = 0;
    for (let k = 0; k < 4; k++) {
      const byte = this.peek(i + k);
      const lower = byte | 0x20;
      const digit = byte >= 48 && byte <= 57 ? byte - 48 : lower >= 0x61 && lower <= 0x66 ? lower - 87 : -1;
      if (digit < 0) return -1;
      code = code * 16 + digit;
    }
    return code;
  }

  /** Any value but an object or array; sets `found` and the fields that belong to it. */
  scalar(i: number): number {
    switch (this.peek(i)) {
      case 0x22:
        this.found = Found.Text;
        return this.string(i);
      case 0x74:
        this.found = Found.True;
        return this.word(i, TRUE);
      case 0x66:
        this.found = Found.False;
        return this.word(i, FALSE);
      case 0x6e:
        this.found = Found.Null;
        return this.word(i, NULL);
      default:
        this.found = Found.Number;
        return this.number(i);
    }
  }

  private word(i: number, word: string): number {
    for (let k = 0; k < word.length; k++) if (this.peek(i + k) !== word.charCodeAt(k)) return -1;
    return i + word.length;
  }

  private number(i: number): number {
    const { buf, end } = this;
    let at = this.peek(i) === 0x2d ? i + 1 : i;
    const digits = at;
    let value = 0;
    for (; at < end && buf[at]! >= 48 && buf[at]! <= 57; at++) value = value * 10 + buf[at]! - 48;
    if (at === digits) return -1;
    const byte = this.peek(at);
    this.whole = byte !== 0x2e && byte !== 0x65 && byte !== 0x45;
    this.wide = undefined;
    if (this.whole && at - digits <= 15) this.value = digits > i ? -value : value;
    else at = this.fraction(i, at, digits, value);
    this.text = buf;
    this.from = i;
    this.to = at;
    return at;
  }

  /** A number that is not short and whole; its whole digits `digits..point` are `value`. */
  private fraction(i: number, point: number, digits: number, value: number): number {
    const { buf, end } = this;
    if (this.peek(point) === 0x2e) {
      let at = point + 1;
      let all = value;
      for (; at < end && buf[at]! >= 48 && buf[at]! <= 57; at++) all = all * 10 + buf[at]! - 48;
      const byte = this.peek(at);
      // Both are exact in a double, so their quotient is the nearest there is.
      if (at > point + 1 && at - digits <= 16 && byte !== 0x65 && byte !== 0x45) {
        const size = all / POWERS[at - point - 1]!;
        this.value = digits > i ? -size : size;
        return at;
      }
    }
    let at = i;
    let text = '';
    for (; at < end && NUMERIC.includes(buf[at]!); at++) text += String.fromCharCode(buf[at]!);
    this.value = Number(text);
    if (Number.isNaN(this.value)) return -1;
    if (this.whole && Math.abs(this.value) <= 2 ** 63 && !Number.isSafeInteger(this.value)) {
      const exact = BigInt(text);
      if (BigInt.asIntN(64, exact) === exact) this.wide = exact;
    }
    return at;
  }

  /** Any value, appended to `any` as the content of an AnyValue message (opentelemetry/proto/common/v1). */
  encode(i: number, depth = 0): number {
    const { any } = this;
    const byte = this.peek(i);
    if (byte === 0x7b || byte === 0x5b) {
      if (depth >= MAX_DEPTH) return -1;
      any.tag(byte === 0x7b ? 6 : 5, Wire.Bytes);
      const list = any.begin(this.listBytes);
      const behind = this.members(i, byte === 0x7b, depth + 1);
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

  private members(i: number, named: boolean, depth: number): number {
    const { any } = this;
    const close = named ? 0x7d : 0x5d;
    let at = this.space(i + 1);
    if (this.peek(at) === close) return at + 1;
    for (;;) {
      any.tag(1, Wire.Bytes);
      const entry = any.begin();
      if (named) {
        at = this.key(at);
        if (at < 0) return -1;
        any.tag(1, Wire.Bytes);
        any.text(this.text, this.from, this.to);
        any.tag(2, Wire.Bytes);
      }
      const value = named ? any.begin() : entry;
      at = this.encode(at, depth);
      if (named) any.end(value);
      any.end(entry);
      if (at < 0) return -1;
      at = this.space(at);
      if (this.peek(at) === close) return at + 1;
      if (this.peek(at) !== 0x2c) return -1;
      at = this.space(at + 1);
    }
  }
}

const TRUE = 'true';
const FALSE = 'false';
const NULL = 'null';
const POWERS: readonly number[] = Array.from({ length: 16 }, (_, i) => 10 ** i);
const NUMERIC: readonly number[] = [...'0123456789+-.eE'].map(each => each.charCodeAt(0));
const ESCAPES: Readonly<Record<number, number>> = {
  34: 0x22,
  92: 0x5c,
  47: 0x2f,
  98: 0x08,
  102: 0x0c,
  110: 0x0a,
  114: 0x0d,
  116: 0x09,
};
