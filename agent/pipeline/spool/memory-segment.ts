// A segment of the spool in memory, where its frames wait or the disk refuses them.

import { HEADER_BYTES, LONGER } from './frame.ts';
import type { Room } from './room.ts';
import type { Segment } from './segment.ts';

/** Its frames stand in the room of the first, or in one that is taken; offsets count as in a file. */
export function openMemorySegment(id: number, since: number, takeRoom: () => Room): Segment {
  let room: Room | undefined;
  /** By offset; `start` in the room. */
  const frames = new Map<
    number,
    { readonly start: number; readonly end: number; readonly records: number }
  >();
  let size = 0;
  let records = 0;
  const remove = () => {
    frames.clear();
    room?.release();
    room = undefined;
  };
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
      const { length } = batch.bytes;
      if (room === undefined && batch.room) room = batch.room.hold();
      else {
        room ??= takeRoom();
        room.next(length).set(batch.bytes);
        room.keep(length);
      }
      frames.set(size, { start: room.size - length, end: room.size, records: batch.records });
      size += HEADER_BYTES + length;
      records += batch.records;
    },
    read(offset, into, limit) {
      const frame = frames.get(offset);
      if (!frame || !room) return undefined;
      const { start, end } = frame;
      const length = end - start;
      if (length > limit) return LONGER;
      const payload = into.next(length);
      payload.set(room.bytes(start, end));
      return { payload, records: frame.records, end: offset + HEADER_BYTES + length };
    },
    borrow(offset, maxBytes) {
      const first = frames.get(offset);
      if (!first || !room) return undefined;
      const { start } = first;
      let at = offset;
      let last = start;
      let count = 0;
      for (let frame = first as typeof first | undefined; frame; frame = frames.get(at)) {
        if (frame !== first && frame.end - start > maxBytes) break;
        at += HEADER_BYTES + frame.end - frame.start;
        last = frame.end;
        count += frame.records;
      }
      return { payload: room.bytes(start, last), records: count, end: at, room: room.hold() };
    },
    settle() {},
    recordsFrom(offset) {
      let sum = 0;
      for (const [at, frame] of frames) if (at >= offset) sum += frame.records;
      return sum;
    },
    recount() {},
    trim() {},
    restore() {},
    remove,
    close: remove,
  };
}
