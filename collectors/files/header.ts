// What the beginning of a file tells of the rest: the order of bytes of UTF-16, and the line that names the columns of the
// others, where the format is one that has such a line.

import { isSwapped, markOf, Unit, wideNewline } from './encoding.ts';
import type { LogFile } from './file.ts';
import { readRange } from './identity.ts';

/** A longer line names nothing. */
const MAX_BYTES = 64 * 1024;
/** What tells the order: a mark, or two characters. */
const ORDER_BYTES = 4;
const NEWLINE = 10;
const RETURN = 13;

/** Sees to it that what the beginning of a file tells is known; its bytes from `base` on are `data`. Throws the system's errors. */
export function learnForm(file: LogFile, data: Uint8Array, base: number): void {
  learnOrder(file, data, base);
  learnHeader(file, data, base);
}

function learnOrder(file: LogFile, data: Uint8Array, base: number): void {
  const { source } = file;
  if (source.swapped === undefined || (base > 0 && file.fd < 0)) return;
  const head = base === 0 ? data : readRange(file.fd, 0, ORDER_BYTES);
  file.text = isSwapped(head, source.limit.unit) ? source.swapped : source;
}

function learnHeader(file: LogFile, data: Uint8Array, base: number): void {
  const { parser } = file.source;
  const { limit, decoder } = file.text;
  if (parser.header === undefined || file.header !== undefined) return;
  const head = base === 0 ? data : file.fd < 0 ? undefined : readRange(file.fd, 0, MAX_BYTES);
  if (head === undefined) return;
  const isWide = limit.unit !== Unit.Byte;
  const end = isWide ? wideNewline(head, 0, limit.unit) : head.indexOf(NEWLINE);
  if (end < 0 || end > MAX_BYTES) return;
  file.headerEnd = end + (isWide ? 2 : 1);
  let text = head.subarray(0, end);
  if (decoder !== undefined) {
    decoder.decode(head, 0, end);
    text = decoder.bytes.subarray(0, decoder.length);
  }
  file.header = text.slice(markOf(text, Unit.Byte), text.at(-1) === RETURN ? -1 : text.length);
}
