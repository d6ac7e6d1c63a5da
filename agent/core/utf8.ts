// UTF-8 as bytes: what is well-formed, and what is not. Pure.

import { isUtf8 } from 'node:buffer';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** Whether bytes `start..end` are well-formed UTF-8. */
export const isUtf8Between = (src: Uint8Array, start: number, end: number): boolean =>
  isUtf8(src.subarray(start, end));

/** A copy of bytes `start..end` with U+FFFD for each maximal subpart of what is ill-formed (WHATWG Encoding). */
export const repaired = (src: Uint8Array, start: number, end: number): Uint8Array =>
  encoder.encode(decoder.decode(src.subarray(start, end)));
