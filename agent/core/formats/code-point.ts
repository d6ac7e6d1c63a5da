// A character as UTF-8. Pure.

import type { ProtoWriter } from '../protobuf.ts';

/** Appends a code point that is no surrogate; the caller has made room. */
export function putCodePoint(w: ProtoWriter, code: number): void {
  const { buf } = w;
  if (code < 0x80) {
    buf[w.pos++] = code;
    return;
  }
  if (code < 0x800) buf[w.pos++] = 0xc0 | (code >> 6);
  else {
    if (code < 0x10000) buf[w.pos++] = 0xe0 | (code >> 12);
    else {
      buf[w.pos++] = 0xf0 | (code >> 18);
      buf[w.pos++] = 0x80 | ((code >> 12) & 0x3f);
    }
    buf[w.pos++] = 0x80 | ((code >> 6) & 0x3f);
  }
  buf[w.pos++] = 0x80 | (code & 0x3f);
}
