// UTF-8 as bytes: what is well-formed, and what is not. Pure.

import { isUtf8 } from 'node:buffer';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** Of eight bytes, what ASCII does not have. */
export const HIGH_BITS = BigInt.asIntN(64, 0x8080808080808080n);

/** Whether bytes `start..end` of a view, at least eight, are ASCII: 64 at a time, as the platform could tell of a view alone. */
export function isAsciiBetween(words: DataView, start: number, end: number): boolean {
  let i = start;
  for (; i <= end - 64; i += 64) {
    const a = words.getBigInt64(i, true) | words.getBigInt64(i + 8, true);
    const b = words.getBigInt64(i + 16, true) | words.getBigInt64(i + 24, true);
    const c = words.getBigInt64(i + 32, true) | words.getBigInt64(i + 40, true);
    const d = words.getBigInt64(i + 48, true) | words.getBigInt64(i + 56, true);
    if (BigInt.asIntN(64, (a | b | c | d) & HIGH_BITS) !== 0n) return false;
  }
  for (; i < end; i += 8) {
    if (i > end - 8) i = end - 8;
    if (BigInt.asIntN(64, words.getBigInt64(i, true) & HIGH_BITS) !== 0n) return false;
  }
  return true;
}

/** Whether bytes `start..end` are well-formed UTF-8. */
export const isUtf8Between = (src: Uint8Array, start: number, end: number): boolean =>
  isUtf8(src.subarray(start, end));

/** A copy of bytes `start..end` with U+FFFD for each maximal subpart of what is ill-formed (WHATWG Encoding). */
export const repaired = (src: Uint8Array, start: number, end: number): Uint8Array =>
  encoder.encode(decoder.decode(src.subarray(start, end)));

/** Where the character that bytes `start..end` end in the middle of begins; `end` when that is none. */
export function wholeEnd(src: Uint8Array, start: number, end: number): number {
  for (let i = end - 1; i >= Math.max(start, end - 3); i--) {
    const byte = src[i]!;
    if (byte < 0x80) return end;
    if (byte >= 0xc2) return i + (byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : byte < 0xf5 ? 4 : 1) > end ? i : end;
  }
  return end;
}
