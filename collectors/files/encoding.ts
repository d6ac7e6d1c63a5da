// Text that is not UTF-8 becomes it, a line at a time. Pure.

/** What a character is made of: bytes, or 16-bit units in one of the two orders. A newline is one of them. */
export const Unit = { Byte: 0, Little: 1, Big: 2 } as const;

export interface Decoder {
  readonly unit: number;
  /** The text last decoded is the first `length` bytes of `bytes`. */
  readonly bytes: Uint8Array;
  readonly length: number;
  /** Returns whether bytes `start..end` were well-formed; what was not is U+FFFD. */
  decode(buf: Uint8Array, start: number, end: number): boolean;
  /** The last place at or before `end` that is inside no character; `end` where that cannot be told. */
  boundary(buf: Uint8Array, start: number, end: number): number;
}

/** Bytes of the longest character. */
export const LONGEST = 4;

/** Undefined for UTF-8, which needs none. Throws for a name that is no encoding (WHATWG Encoding). */
export function createDecoder(encoding: string): Decoder | undefined {
  const strict = new TextDecoder(encoding, { fatal: true });
  if (strict.encoding === 'utf-8') return undefined;
  const lenient = new TextDecoder(encoding);
  const encoder = new TextEncoder();
  let bytes = new Uint8Array(4096);
  let length = 0;
  const unit =
    strict.encoding === 'utf-16le' ? Unit.Little : strict.encoding === 'utf-16be' ? Unit.Big : Unit.Byte;

  function isWhole(part: Uint8Array): boolean {
    try {
      strict.decode(part);
      return true;
    } catch {
      return false;
    }
  }

  return {
    unit,
    get bytes() {
      return bytes;
    },
    get length() {
      return length;
    },
    decode(buf, start, end) {
      const part = buf.subarray(start, end);
      let text: string;
      let isWell = true;
      try {
        text = strict.decode(part);
      } catch {
        text = lenient.decode(part);
        isWell = false;
      }
      if (text.length * 3 > bytes.length) bytes = new Uint8Array(text.length * 3);
      length = encoder.encodeInto(text, bytes).written;
      return isWell;
    },
    boundary(buf, start, end) {
      if (unit !== Unit.Byte) return wideBoundary(buf, start, end, unit);
      for (let stop = end; stop > end - LONGEST && stop > start; stop--)
        if (isWhole(buf.subarray(start, stop))) return stop;
      return end;
    },
  };
}

/** The encoding of the same units in the other order; undefined where there is no order. */
export const otherOrder = (unit: number): string | undefined =>
  unit === Unit.Byte ? undefined : unit === Unit.Little ? 'utf-16be' : 'utf-16le';

/** Whether text that is said to be of such units begins as in the other order: with its mark, or two characters of Latin-1. */
export function isSwapped(text: Uint8Array, unit: number): boolean {
  if (unit === Unit.Byte) return false;
  const other = unit === Unit.Little ? Unit.Big : Unit.Little;
  const isLatin = (at: number) => {
    const [high, low = 0] = other === Unit.Big ? [text[at], text[at + 1]] : [text[at + 1], text[at]];
    return high === 0 && low > 0;
  };
  return markOf(text, other) > 0 || (isLatin(0) && isLatin(2));
}

/** Bytes of the byte order mark that text begins with. */
export function markOf(text: Uint8Array, unit: number): number {
  const [first, second, third] = text;
  if (unit === Unit.Byte) return first === 0xef && second === 0xbb && third === 0xbf ? 3 : 0;
  const [low, high] = unit === Unit.Little ? [first, second] : [second, first];
  return low === 0xff && high === 0xfe ? 2 : 0;
}

/** Where the next newline of 16-bit units is at or behind `at`, where a unit begins; -1 when there is none. */
export function wideNewline(buf: Uint8Array, at: number, unit: number): number {
  const low = unit === Unit.Little ? 0 : 1;
  for (let i = buf.indexOf(10, at); i >= 0; i = buf.indexOf(10, i + 1)) {
    const from = i - low;
    if (((from - at) & 1) === 0 && from >= at && from + 1 < buf.length && buf[from + 1 - low] === 0)
      return from;
  }
  return -1;
}

/** Whether the unit at `i` is an ASCII character. */
export const isWide = (buf: Uint8Array, i: number, unit: number, code: number): boolean =>
  unit === Unit.Little ? buf[i] === code && buf[i + 1] === 0 : buf[i] === 0 && buf[i + 1] === code;

/** The last place at or before `end` that is a whole number of units behind `start`, and between no two surrogates. */
function wideBoundary(buf: Uint8Array, start: number, end: number, unit: number): number {
  const stop = Math.max(start + 2, end - ((end - start) & 1));
  const high = buf[stop - (unit === Unit.Little ? 1 : 2)]!;
  return high >= 0xd8 && high < 0xdc && stop - 2 > start ? stop - 2 : stop;
}
