// A scanner of JSON text (RFC 8259) in bytes: strings as ranges, numbers. Pure; no string, no object.

import { ProtoWriter } from '../protobuf.ts';
import { putCodePoint } from './code-point.ts';

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
  /** Strings without their escapes. */
  private readonly plain = new ProtoWriter(1024);
  buf: Uint8Array = new Uint8Array(0);
  /** All of `buf`. */
  words = new DataView(this.buf.buffer);
  /** Where the text ends. */
  end = 0;

  /** Takes up a new text, bytes `..end`; what was read before is gone. */
  reset(buf: Uint8Array, end: number): void {
    if (buf !== this.buf) {
      this.buf = buf;
      this.words = new DataView(buf.buffer, buf.byteOffset, buf.byteLength);
    }
    this.end = end;
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
    const { buf, end, words } = this;
    let from = i + 1;
    // Four bytes at a time, as long as none is a quote or backslash (Bit Twiddling Hacks, "determine if a word has a zero byte").
    for (const last = end - 4; from <= last; from += 4) {
      const word = words.getInt32(from, true);
      const quote = word ^ 0x22222222;
      const slash = word ^ 0x5c5c5c5c;
      const hit = (((quote - 0x01010101) & ~quote) | ((slash - 0x01010101) & ~slash)) & 0x80808080;
      if (hit !== 0) {
        from += (31 - Math.clz32(hit & -hit)) >> 3;
        break;
      }
    }
    for (let at = from; at < end; at++) {
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
