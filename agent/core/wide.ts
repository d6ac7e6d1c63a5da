// Whole numbers that no double holds. Pure.

import type { ProtoWriter } from './protobuf.ts';

/** Appends an int64. */
export function writeWide(w: ProtoWriter, n: bigint): void {
  w.ensure(10);
  let rest = BigInt.asUintN(64, n);
  for (; rest >= 0x80n; rest >>= 7n) w.buf[w.pos++] = Number(rest & 0x7fn) | 0x80;
  w.buf[w.pos++] = Number(rest);
}
