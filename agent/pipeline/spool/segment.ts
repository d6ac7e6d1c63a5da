// A segment of the spool: a run of frames in one file, or in memory while the disk refuses them.

import { closeSync, fstatSync, ftruncateSync, openSync, unlinkSync, writevSync } from 'node:fs';
import { join } from 'node:path';
import type { SealedBatch } from '../../core/exporter.ts';
import { encodeHeader, type Frame, HEADER_BYTES, isDamage, LONGER, readFrame } from './frame.ts';
import { Room } from './room.ts';

export interface Segment {
  readonly id: number;
  /** Survives the process. */
  readonly durable: boolean;
  readonly size: number;
  readonly records: number;
  /** Unix ms of its first frame, as near as known. */
  readonly since: number;
  /** Sequence numbers of its batches in this life; 0 and -1 for what was recovered. */
  firstSeq: number;
  lastSeq: number;
  /** Throws the system error of the disk; nothing of the batch is left behind then. */
  append(batch: SealedBatch): void;
  /**
   * The next good frame at or behind the offset, its payload of at most `limit` bytes in `room`; damage is skipped and
   * told to `onDamage`.
   */
  read(
    offset: number,
    room: Room,
    limit: number,
    onDamage: (from: number, to: number) => void,
  ): Frame | typeof LONGER | undefined;
  /** Records at or behind an offset. */
  recordsFrom(offset: number): number;
  /** File descriptor to sync, if any. */
  readonly fd: number | undefined;
  remove(): void;
  close(): void;
}

const NAME = /^([0-9a-f]{16})\.seg$/;
export const segmentName = (id: number): string => `${id.toString(16).padStart(16, '0')}.seg`;
export const segmentId = (name: string): number | undefined => {
  const match = NAME.exec(name);
  return match ? Number.parseInt(match[1]!, 16) : undefined;
};

/** Creates the file, or opens what an earlier life left (`existing`). Mode 0600. */
export function openFileSegment(dir: string, id: number, since: number, existing = false): Segment {
  const path = join(dir, segmentName(id));
  const fd = openSync(path, existing ? 'r+' : 'wx+', 0o600);
  let size = existing ? fstatSync(fd).size : 0;
  let records = 0;
  const segment: Segment = {
    id,
    durable: true,
    get size() {
      return size;
    },
    get records() {
      return records;
    },
    since: existing ? fstatSync(fd).mtimeMs : since,
    firstSeq: 0,
    lastSeq: -1,
    fd,
    append(batch) {
      const header = encodeHeader(batch.bytes, batch.records);
      const whole = HEADER_BYTES + batch.bytes.length;
      try {
        let wrote = writevSync(fd, [header, batch.bytes], size);
        while (wrote < whole) {
          const rest =
            wrote < HEADER_BYTES
              ? [header.subarray(wrote), batch.bytes]
              : [batch.bytes.subarray(wrote - HEADER_BYTES)];
          wrote += writevSync(fd, rest, size + wrote);
        }
      } catch (error) {
        ftruncateSync(fd, size);
        throw error;
      }
      size += whole;
      records += batch.records;
    },
    read(offset, room, limit, onDamage) {
      let at = offset;
      for (;;) {
        const found = readFrame(fd, at, size, room, limit);
        if (!found || found === LONGER || !isDamage(found)) return found;
        onDamage(at, found.resume);
        at = found.resume;
      }
    },
    recordsFrom(offset) {
      const room = new Room();
      let sum = 0;
      for (let at = offset; ; ) {
        const frame = segment.read(at, room, Number.POSITIVE_INFINITY, () => {});
        if (!frame || frame === LONGER) return sum;
        sum += frame.records;
        at = frame.end;
      }
    },
    remove() {
      closeSync(fd);
      unlinkSync(path);
    },
    close: () => closeSync(fd),
  };
  if (existing) records = segment.recordsFrom(0);
  return segment;
}

/** Frames held in memory; offsets count as in a file. */
export function openMemorySegment(id: number, since: number): Segment {
  const frames = new Map<number, Frame>();
  let size = 0;
  let records = 0;
  return {
    id,
    durable: false,
    get size() {
      return size;
    },
    get records() {
      return records;
    },
    since,
    firstSeq: 0,
    lastSeq: -1,
    fd: undefined,
    append(batch) {
      const end = size + HEADER_BYTES + batch.bytes.length;
      frames.set(size, { payload: batch.bytes.slice(), records: batch.records, end });
      size = end;
      records += batch.records;
    },
    read(offset, room, limit) {
      const frame = frames.get(offset);
      if (!frame) return undefined;
      const { payload } = frame;
      if (payload.length > limit) return LONGER;
      const copy = room.next(payload.length);
      copy.set(payload);
      return { ...frame, payload: copy };
    },
    recordsFrom(offset) {
      let sum = 0;
      for (const [at, frame] of frames) if (at >= offset) sum += frame.records;
      return sum;
    },
    remove: () => frames.clear(),
    close: () => frames.clear(),
  };
}
