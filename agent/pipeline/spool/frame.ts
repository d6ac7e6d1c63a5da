// A frame of a spool segment: 16 bytes of header, then one sealed batch. A damaged frame never hides the good ones behind it.

import { readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { codeOf } from '../../core/errors.ts';
import type { Room } from './room.ts';

/** Magic, payload length, record count, CRC-32 (IEEE, as zlib computes it) of the eight bytes before it and the payload. All big-endian. */
export const HEADER_BYTES = 16;
const MAGIC = 0x45554446; // "EUDF"
/** Above this a length is damage: batches are sealed far below. */
const MAX_PAYLOAD = 256 * 2 ** 20;
/** What a disk cannot read is passed over in steps of this size. */
const BLOCK = 4096;

export interface Frame {
  readonly payload: Uint8Array;
  readonly records: number;
  /** Offset behind the frame. */
  readonly end: number;
}

/** The frame at the offset is longer than was asked for. */
export const LONGER = 'longer';

/** Nothing whole at the offset. */
export interface Damage {
  /** Where the next good frame may begin, or the end of the file. */
  readonly resume: number;
  /** Records its header tells of; 0 when that makes no sense. */
  readonly records: number;
  /** It looks like a write that did not come to its end. */
  readonly unfinished: boolean;
}

export function encodeHeader(payload: Uint8Array, records: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32BE(MAGIC, 0);
  header.writeUInt32BE(payload.length, 4);
  header.writeUInt32BE(records, 8);
  header.writeUInt32BE(crc32(payload, crc32(header.subarray(4, 12))), 12);
  return header;
}

/** The frame at `offset` of a file of `size` bytes, its payload of at most `limit` in `room`; undefined at its end. */
export function readFrame(
  fd: number,
  offset: number,
  size: number,
  room: Room,
  limit: number,
): Frame | Damage | typeof LONGER | undefined {
  if (offset >= size) return undefined;
  const header = read(fd, offset, Math.min(HEADER_BYTES, size - offset));
  const marked = header.length === HEADER_BYTES && header.readUInt32BE(0) === MAGIC;
  const length = marked ? header.readUInt32BE(4) : 0;
  const told = marked && header.readUInt32BE(8) <= length ? header.readUInt32BE(8) : 0;
  const end = offset + HEADER_BYTES + length;
  if (marked && length <= MAX_PAYLOAD && end <= size) {
    if (length > limit) return LONGER;
    const payload = fill(fd, offset + HEADER_BYTES, room.next(length));
    if (crc32(payload, crc32(header.subarray(4, 12))) === header.readUInt32BE(12))
      return { payload, records: header.readUInt32BE(8), end };
  }
  const unfinished = size - offset < HEADER_BYTES || end > size || header.every(byte => byte === 0);
  const resume = findMagic(fd, offset + 1, size);
  // The header speaks for its own frame and no more.
  return { resume, records: end >= resume ? told : 0, unfinished };
}

export const isDamage = (found: Frame | Damage): found is Damage => 'resume' in found;

const read = (fd: number, offset: number, length: number): Buffer =>
  fill(fd, offset, Buffer.allocUnsafe(length));

/** Not all of it at the end of the file, and where the disk cannot read on. */
function fill<B extends Uint8Array>(fd: number, offset: number, buffer: B): B {
  let got = 0;
  while (got < buffer.length) {
    try {
      const n = readSync(fd, buffer, got, buffer.length - got, offset + got);
      if (n === 0) break;
      got += n;
    } catch (error) {
      if (codeOf(error) !== 'EIO') throw error;
      break;
    }
  }
  return buffer.subarray(0, got) as B;
}

/** Offset of the next magic at or behind `from`; `size` when there is none. */
function findMagic(fd: number, from: number, size: number): number {
  const magic = Buffer.from('EUDF', 'latin1');
  const step = 2 ** 20;
  for (let at = from; at < size; ) {
    // Three bytes of overlap, so that a magic across two steps is found.
    const wanted = Math.min(step + magic.length - 1, size - at);
    const bytes = read(fd, at, wanted);
    const found = bytes.indexOf(magic);
    if (found >= 0) return at + found;
    at = bytes.length < wanted ? (Math.floor((at + bytes.length) / BLOCK) + 1) * BLOCK : at + step;
  }
  return size;
}
