// Messages out of a byte stream (RFC 6587): octet-counted, or ended by a line feed or NUL, told apart message by
// message. Pure. Takes any bytes in any portions; holds at most one message of the largest size.

import { isDigit } from './message.ts';

const LF = 0x0a;
const CR = 0x0d;
const NUL = 0;
const SPACE = 0x20;
const ZERO = 0x30;
const LESS = 0x3c;

/** A longer count is no count: nobody sends a message of 100 MB. */
const MAX_DIGITS = 8;
const NOTHING = new Uint8Array(0);

export class Framer {
  /** The message `next()` found: bytes `start..end` of `buf`, valid until the next `add()`. */
  buf: Uint8Array = NOTHING;
  start = 0;
  end = 0;
  /** Whether the message was longer than allowed; its rest is passed over. */
  truncated = false;
  /** Bytes of the longest message. */
  max: number;
  private pos = 0;
  /** Where looking for a terminator goes on. */
  private scanned = 0;
  /** Bytes of a cut message still to pass over; Infinity: up to the terminator. */
  private rest = 0;
  /** The terminator, once the first one has shown which it is. */
  private terminator = -1;

  constructor(max: number) {
    this.max = max;
  }

  /** Appends a portion; call when `next()` has returned false. The portion belongs to the framer from now on. */
  add(portion: Uint8Array): void {
    const held = this.buf.length - this.pos;
    this.scanned = Math.max(0, this.scanned - this.pos);
    if (held === 0) this.buf = portion;
    else {
      const joined = new Uint8Array(held + portion.length);
      joined.set(this.buf.subarray(this.pos));
      joined.set(portion, held);
      this.buf = joined;
    }
    this.pos = 0;
  }

  /** Finds the next message; false when it is not complete. `last`: nothing more comes, so what is left is one. */
  next(last = false): boolean {
    if (this.rest > 0 && !this.passOver()) return false;
    this.between();
    if (this.pos >= this.buf.length) return false;
    const counted = this.count(last);
    if (counted !== undefined) return counted;
    return this.line(last);
  }

  /** Passes over the rest of a cut message; false when there is more of it to come. */
  private passOver(): boolean {
    const { buf } = this;
    if (this.rest === Number.POSITIVE_INFINITY) {
      const at = buf.indexOf(this.terminator < 0 ? LF : this.terminator, this.pos);
      this.pos = at < 0 ? buf.length : at + 1;
      if (at >= 0) this.rest = 0;
    } else {
      const bytes = Math.min(this.rest, buf.length - this.pos);
      this.pos += bytes;
      this.rest -= bytes;
    }
    this.scanned = this.pos;
    return this.rest === 0;
  }

  /** Passes over terminators, and the space that Cisco ASA puts before a priority. */
  private between(): void {
    const { buf } = this;
    for (;;) {
      const byte = buf[this.pos];
      if (byte === LF || byte === CR || byte === NUL) this.pos++;
      else if (byte === SPACE && buf[this.pos + 1] === LESS) this.pos++;
      else return;
    }
  }

  /** A message that begins with its length: true or false as `next()`; undefined when it does not. */
  private count(last: boolean): boolean | undefined {
    const { buf, pos } = this;
    let at = pos;
    let length = 0;
    while (at < buf.length && at - pos <= MAX_DIGITS && isDigit(buf[at]))
      length = length * 10 + buf[at++]! - 0x30;
    if (at === pos || at - pos > MAX_DIGITS || (at < buf.length && buf[at] !== SPACE)) return undefined;
    const start = at + 1;
    if (start >= buf.length) return last ? undefined : false;
    if (length === 0) return undefined;
    const there = Math.min(length, this.max);
    if (buf[start] !== LESS) {
      // A line of text may begin with a number too: then a line feed comes before the count is over.
      const feed = buf.indexOf(LF, start);
      if (length > this.max || buf[pos] === ZERO || (feed >= 0 && feed < start + length)) return undefined;
    } else if (length > this.max && this.isLine(start, start + there)) return undefined;
    if (buf.length - start < there && !last) return false;
    return this.found(start, Math.min(start + there, buf.length), start + length, length > this.max);
  }

  /** Whether a line ends there and another message begins: then a count that is over the limit is none. */
  private isLine(start: number, stop: number): boolean {
    const { buf } = this;
    const feed = buf.indexOf(LF, start);
    let at = feed + 1;
    while (at - feed <= MAX_DIGITS && isDigit(buf[at])) at++;
    if (at > feed + 1 && buf[at++] !== SPACE) return false;
    return feed >= 0 && at + 1 < stop && buf[at] === LESS && isDigit(buf[at + 1]);
  }

  /** A message that ends with a terminator. */
  private line(last: boolean): boolean {
    const { buf, pos } = this;
    let end = Math.max(this.scanned, pos);
    if (this.terminator < 0) {
      while (end < buf.length && buf[end] !== LF && buf[end] !== NUL) end++;
      if (end < buf.length && end - pos <= this.max) this.terminator = buf[end]!;
    } else {
      const at = buf.indexOf(this.terminator, end);
      end = at < 0 ? buf.length : at;
    }
    this.scanned = end;
    if (end - pos > this.max) return this.found(pos, pos + this.max, Number.POSITIVE_INFINITY, true);
    if (end === buf.length && !last) return false;
    const stop = this.terminator !== NUL && buf[end - 1] === CR ? end - 1 : end;
    return this.found(pos, stop, end + 1, false);
  }

  /** `behind` is where the next message begins, which may be later than what is there. */
  private found(start: number, end: number, behind: number, truncated: boolean): boolean {
    this.start = start;
    this.end = end;
    this.truncated = truncated;
    this.pos = Math.min(behind === Number.POSITIVE_INFINITY ? end : behind, this.buf.length);
    this.scanned = this.pos;
    this.rest = behind === Number.POSITIVE_INFINITY ? behind : truncated ? behind - this.pos : 0;
    return true;
  }
}
