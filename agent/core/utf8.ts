// UTF-8 as bytes: what is well-formed, and what is not. Pure.

/**
 * Length of the well-formed UTF-8 sequence at `src[i]`, or minus the number of bytes that one U+FFFD replaces there
 * (WHATWG Encoding, UTF-8 decoder; Unicode "maximal subpart").
 */
export function sequence(src: Uint8Array, i: number, end: number): number {
  const lead = src[i]!;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return -1;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  let lower = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  let upper = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  for (let k = 1; k < length; k++) {
    if (i + k >= end || src[i + k]! < lower || src[i + k]! > upper) return -k;
    lower = 0x80;
    upper = 0xbf;
  }
  return length;
}

/** Whether bytes `start..end` are well-formed UTF-8. */
export function isUtf8(src: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; ) {
    const length = sequence(src, i, end);
    if (length < 0) return false;
    i += length;
  }
  return true;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** A copy of bytes `start..end` with U+FFFD for what is ill-formed. */
export const repaired = (src: Uint8Array, start: number, end: number): Uint8Array =>
  encoder.encode(decoder.decode(src.subarray(start, end)));
