// Protocol Buffers wire format, written by hand. Pure. Writing into a grown buffer allocates nothing.

import { Buffer, isUtf8 } from 'node:buffer';
import { HIGH_BITS, isAsciiBetween, isUtf8Between, repaired } from './utf8.ts';

const { copy } = Buffer.prototype;
const encoder = new TextEncoder();
const TWO_32 = 2 ** 32;
/** Beyond this the platform copies in less time than we do (bench/messages.ts); a part of an array without a view of it, which would be garbage. */
const LONG = 512;
/** Up to here the simplest loop is cheapest: 5 ns for a word, 15 ns for this. */
const SHORT = 24;

/** Wire types, the low three bits of a tag. */
export const Wire = { Varint: 0, Fixed64: 1, Bytes: 2, Fixed32: 5 } as const;

/** Bytes a length takes; no buffer reaches 2^35. */
export const varintSize = (n: number): number =>
  n < 0x80 ? 1 : n < 0x4000 ? 2 : n < 0x200000 ? 3 : n < 0x10000000 ? 4 : 5;

/** Unix seconds that 64 bits can hold in nanoseconds (1970 to 2554), and not 0. */
export const isTime = (seconds: number): boolean => seconds > 0 && seconds < 18_446_744_073;

/** A time with its tag. */
export const TIME_BYTES = 9;

/** A varint of 31 bits, where there is room; the position behind it. */
export function putVarint(buf: Uint8Array, pos: number, n: number): number {
  let at = pos;
  let rest = n;
  for (; rest >= 0x80; rest >>>= 7) buf[at++] = (rest & 0x7f) | 0x80;
  buf[at++] = rest;
  return at;
}

const NOTHING = new Uint8Array(0);
const NO_WORDS = new DataView(NOTHING.buffer);

/** Appends wire format to `buf`, which doubles when full; the message is `buf[0..pos]`. */
export class ProtoWriter {
  buf: Uint8Array;
  pos = 0;
  /** Of `buf`, until it doubles. */
  view: DataView;
  /** `buf.length`, which costs more to ask. */
  private room: number;
  /** The second of the last `time()`, in nanoseconds by its two words. */
  private second = 0;
  private secondHigh = 0;
  private secondLow = 0;
  /** Where bytes were last taken from, and a view to take them by words; and where before that. */
  private source: Uint8Array = NOTHING;
  private words: DataView = NO_WORDS;
  private otherSource: Uint8Array = NOTHING;
  private otherWords: DataView = NO_WORDS;

  /** `capacity` in bytes, or the memory to begin in. */
  constructor(capacity: number | Uint8Array = 4096) {
    this.buf = typeof capacity === 'number' ? new Uint8Array(Math.max(capacity, 16)) : capacity;
    this.view = new DataView(this.buf.buffer, this.buf.byteOffset, this.buf.length);
    this.room = this.buf.length;
  }

  /** Back to empty; the buffer stays. */
  reset(): void {
    this.pos = 0;
    this.source = this.otherSource = NOTHING;
    this.words = this.otherWords = NO_WORDS;
  }

  /** A copy of what was written. */
  copy(): Uint8Array {
    return this.buf.slice(0, this.pos);
  }

  /** Makes room for `n` more bytes. */
  ensure(n: number): void {
    if (this.pos + n > this.room) this.grow(n);
  }

  private grow(n: number): void {
    const larger = new Uint8Array(Math.max(this.buf.length * 2, this.pos + n));
    larger.set(this.buf.subarray(0, this.pos));
    this.buf = larger;
    this.view = new DataView(larger.buffer);
    this.room = larger.length;
  }

  /** `field` below 2^28, `wire` of `Wire`. */
  tag(field: number, wire: number): void {
    const tag = (field << 3) | wire;
    if (tag < 0x80 && this.pos < this.room) this.buf[this.pos++] = tag;
    else this.varint(tag);
  }

  /** A whole number 0..2^53. */
  varint(n: number): void {
    this.ensure(8);
    const { buf } = this;
    let rest = n;
    // Beyond 31 bits `&` and `>>>` would cut; the remainder and quotient of a double are exact.
    for (; rest > 0x7fffffff; rest = Math.floor(rest / 0x80)) buf[this.pos++] = (rest % 0x80) | 0x80;
    this.pos = putVarint(buf, this.pos, rest);
  }

  /** int64: a safe integer; negative ones take ten bytes. */
  int64(n: number): void {
    if (n >= 0) {
      this.varint(n);
      return;
    }
    this.ensure(10);
    let low = n % TWO_32;
    if (low < 0) low += TWO_32;
    let high = (n - low) / TWO_32 + TWO_32;
    for (let i = 0; i < 9; i++) {
      this.buf[this.pos++] = (low & 0x7f) | 0x80;
      low = (low >>> 7) | (high << 25);
      high = high >>> 7;
    }
    this.buf[this.pos++] = 1;
  }

  /** fixed64 and sfixed64 from two 32-bit halves. */
  fixed64(high: number, low: number): void {
    this.ensure(8);
    this.view.setUint32(this.pos, low, true);
    this.view.setUint32(this.pos + 4, high, true);
    this.pos += 8;
  }

  /** fixed64 Unix nanoseconds with its tag, `field` below 16; nothing for what `isTime()` refuses. */
  time(field: number, seconds: number, nanos: number): void {
    if (!isTime(seconds)) return;
    if (seconds !== this.second) {
      // seconds * 10^9 in two halves, each step below 2^53 and so exact.
      const upper = Math.floor(seconds / 0x10000) * 1e9;
      const high = Math.floor(upper / 0x10000);
      const lower = (upper - high * 0x10000) * 0x10000 + (seconds & 0xffff) * 1e9;
      this.second = seconds;
      this.secondHigh = high + Math.floor(lower / TWO_32);
      this.secondLow = lower >>> 0;
    }
    const sum = this.secondLow + nanos;
    // Integers to the engine, too: to store what may be a double is a call, and 20 ns for both instead of 10.
    const low = sum | 0;
    const high = (sum < TWO_32 ? this.secondHigh : this.secondHigh + 1) | 0;
    this.ensure(TIME_BYTES);
    const { pos, view } = this;
    this.buf[pos] = (field << 3) | Wire.Fixed64;
    view.setInt32(pos + 1, low, true);
    view.setInt32(pos + 5, high, true);
    this.pos = pos + TIME_BYTES;
  }

  double(x: number): void {
    this.ensure(8);
    this.view.setFloat64(this.pos, x, true);
    this.pos += 8;
  }

  /** Bytes as they are, without a length. */
  raw(src: Uint8Array, start = 0, end = src.length): void {
    const length = end - start;
    this.ensure(length);
    // All of an array 25 ns at any length, a part of it 50 ns; by words 112 bytes in 28 ns, by bytes in 200 ns.
    if (length <= SHORT) {
      const { buf, pos } = this;
      for (let i = 0; i < length; i++) buf[pos + i] = src[start + i]!;
    } else if (length === src.length) this.buf.set(src, this.pos);
    else if (length > LONG) copy.call(src, this.buf, this.pos, start, end);
    else this.carry(src, start, length);
    this.pos += length;
  }

  /**
   * Copies to `pos`, where there is room; whether all was ASCII. By words of 64 bits, which compiled code never makes objects
   * of, and four at a time: two thirds of what words of 32 bits take.
   */
  private carry(src: Uint8Array, start: number, length: number): boolean {
    if (src !== this.source) this.turnTo(src);
    const { buf, pos, view, words } = this;
    if (length < 8) {
      let bits = 0;
      for (let i = 0; i < length; i++) {
        const byte = src[start + i]!;
        buf[pos + i] = byte;
        bits |= byte;
      }
      return bits < 0x80;
    }
    let isAscii = true;
    let i = 0;
    for (; i <= length - 32; i += 32) {
      const a = words.getBigInt64(start + i, true);
      const b = words.getBigInt64(start + i + 8, true);
      const c = words.getBigInt64(start + i + 16, true);
      const d = words.getBigInt64(start + i + 24, true);
      view.setBigInt64(pos + i, a, true);
      view.setBigInt64(pos + i + 8, b, true);
      view.setBigInt64(pos + i + 16, c, true);
      view.setBigInt64(pos + i + 24, d, true);
      if (BigInt.asIntN(64, (a | b | c | d) & HIGH_BITS) !== 0n) isAscii = false;
    }
    for (; i < length; i += 8) {
      // The last eight may have been copied in part before: cheaper than up to seven single bytes.
      if (i > length - 8) i = length - 8;
      const a = words.getBigInt64(start + i, true);
      view.setBigInt64(pos + i, a, true);
      if (BigInt.asIntN(64, a & HIGH_BITS) !== 0n) isAscii = false;
    }
    return isAscii;
  }

  /** A record takes its bytes from a line and from what was made of it, in turns. */
  private turnTo(src: Uint8Array): void {
    const { source, words } = this;
    this.words =
      src === this.otherSource ? this.otherWords : new DataView(src.buffer, src.byteOffset, src.byteLength);
    this.source = src;
    this.otherSource = source;
    this.otherWords = words;
  }

  /** A `bytes` value: length and content. */
  bytes(src: Uint8Array, start = 0, end = src.length): void {
    this.varint(end - start);
    this.raw(src, start, end);
  }

  /** A `string` value from bytes; nothing where they are ill-formed UTF-8. Returns whether it was written. */
  utf8(src: Uint8Array, start = 0, end = src.length): boolean {
    const mark = this.pos;
    const length = end - start;
    this.varint(length);
    this.ensure(length);
    let isText = true;
    if (length <= LONG) isText = this.carry(src, start, length) || isUtf8Between(src, start, end);
    else {
      if (src !== this.source) this.turnTo(src);
      if (isAsciiBetween(this.words, start, end)) copy.call(src, this.buf, this.pos, start, end);
      else {
        const all = src.subarray(start, end);
        isText = isUtf8(all);
        if (isText) this.buf.set(all, this.pos);
      }
    }
    this.pos = isText ? this.pos + length : mark;
    return isText;
  }

  /** A `string` value from bytes; ill-formed UTF-8 becomes U+FFFD. Returns whether any did. */
  text(src: Uint8Array, start = 0, end = src.length): boolean {
    if (this.utf8(src, start, end)) return false;
    this.bytes(repaired(src, start, end));
    return true;
  }

  /** A `string` value; lone surrogates become U+FFFD. */
  string(text: string): void {
    this.ensure(text.length * 3 + 8);
    const mark = this.begin(text.length);
    this.pos += encoder.encodeInto(text, this.buf.subarray(this.pos)).written;
    this.end(mark);
  }

  /**
   * Opens a length-delimited value; what follows is its content until `end()` with the returned mark. A good guess of
   * the content's length saves moving it.
   */
  begin(expected = 0): number {
    this.ensure(8);
    const mark = this.pos;
    const reserved = varintSize(expected);
    this.buf[mark] = reserved;
    this.pos = mark + reserved;
    return mark;
  }

  /** Closes what `begin()` opened, innermost first, with the shortest length prefix. */
  end(mark: number): void {
    const from = mark + this.buf[mark]!;
    const length = this.pos - from;
    if (length < 0x80 && from === mark + 1) {
      this.buf[mark] = length;
      return;
    }
    const to = mark + varintSize(length);
    if (to !== from) {
      this.ensure(8);
      this.buf.copyWithin(to, from, from + length);
    }
    this.pos = mark;
    this.varint(length);
    this.pos += length;
  }
}
