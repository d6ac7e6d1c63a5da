// One exporter's way through the spool: takes frames in order, several at once, and gives them back in order.

import type { SealedBatch } from '../../core/exporter.ts';
import type { Position } from './cursor.ts';
import { LONGER } from './frame.ts';
import type { Room } from './room.ts';
import type { Hole, Segment } from './segment.ts';

export interface Taken extends SealedBatch {
  readonly end: Position;
  /** Holds the bytes until they are given back. */
  readonly room: Room;
}

export interface Reader {
  readonly name: string;
  /** Records in the spool this exporter has not finished with. */
  readonly pending: number;
  /** Up to `maxBytes` of the next frames (at least one) as one batch, or undefined when there is nothing new. */
  take(maxBytes: number): Taken | undefined;
  /** The oldest batch taken and not yet given back is finished with. */
  done(taken: Taken): void;
  /** What was taken and not given back will be taken again. */
  rewind(): void;
}

/** A reader as the spool itself handles it. */
export interface SpoolReader extends Reader {
  /** Everything before this is finished with. */
  readonly position: Position;
  grow(records: number): void;
  /** The segment is going: returns its records that were not taken, which are thereby given up. */
  skip(segment: Segment): number;
  /** Some records of the segment, which had `before`, were found damaged: returns how many of them it had not taken. */
  lose(segment: Segment, before: number): number;
}

export function createReader(options: {
  name: string;
  from: Position;
  /** Living segments, oldest first. */
  segments: readonly Segment[];
  takeRoom: () => Room;
  /** Damage nobody knew of. */
  onHole: (segment: Segment, hole: Hole) => void;
  onDone: () => void;
}): SpoolReader {
  const { name, segments, takeRoom, onHole, onDone } = options;
  let position = options.from;
  let next = options.from;
  /** Records of segment `next.segment` before `next.offset`. */
  let taken = 0;
  let pending = 0;

  const rewind = () => {
    next = position;
    taken = 0;
    pending = 0;
    for (const segment of segments) {
      if (segment.id > position.segment) pending += segment.records;
      if (segment.id !== position.segment) continue;
      pending = segment.recordsFrom(position.offset);
      taken = segment.records - pending;
    }
  };
  rewind();

  /** The next good frame of at most `limit` bytes and where it stands, crossing into later segments. */
  const advance = (room: Room, limit: number) => {
    for (const segment of segments) {
      if (segment.id < next.segment) continue;
      if (segment.id > next.segment) {
        next = { segment: segment.id, offset: 0 };
        taken = 0;
      }
      const frame = segment.read(next.offset, room, limit, hole => onHole(segment, hole));
      if (frame === LONGER) return undefined;
      if (frame) return { segment, frame };
    }
    return undefined;
  };

  /** What comes next, where that is in memory: it stays there. */
  const borrow = (maxBytes: number): Taken | undefined => {
    const segment = segments.find(
      ({ id, size }) => id > next.segment || (id === next.segment && size > next.offset),
    );
    if (!segment) return undefined;
    const isNew = segment.id > next.segment;
    const found = segment.borrow(isNew ? 0 : next.offset, maxBytes);
    if (!found) return undefined;
    taken = (isNew ? 0 : taken) + found.records;
    next = { segment: segment.id, offset: found.end };
    return { bytes: found.payload, records: found.records, end: next, room: found.room };
  };

  return {
    name,
    get pending() {
      return pending;
    },
    get position() {
      return position;
    },
    take(maxBytes) {
      const borrowed = borrow(maxBytes);
      if (borrowed) return borrowed;
      const room = takeRoom();
      let frames = 0;
      let records = 0;
      for (let limit = Number.POSITIVE_INFINITY; ; limit = maxBytes - room.size) {
        const found = advance(room, limit);
        if (!found) break;
        const { segment, frame } = found;
        // Requests of the same message type concatenate into one: repeated fields add up (protobuf encoding, "last one wins" aside).
        room.keep(frame.payload.length);
        frames++;
        records += frame.records;
        taken += frame.records;
        next = { segment: segment.id, offset: frame.end };
      }
      if (frames > 0) return { bytes: room.bytes(), records, end: next, room };
      room.release();
      return undefined;
    },
    done(batch) {
      pending -= batch.records;
      const { end, room } = batch;
      room.release();
      if (
        end.segment > position.segment ||
        (end.segment === position.segment && end.offset > position.offset)
      )
        position = end;
      onDone();
    },
    rewind,
    grow(records) {
      pending += records;
    },
    skip(segment) {
      let lost = 0;
      if (segment.id > next.segment) lost = segment.records;
      else if (segment.id === next.segment) lost = segment.records - taken;
      pending -= lost;
      const beyond = { segment: segment.id + 1, offset: 0 };
      if (next.segment <= segment.id) {
        next = beyond;
        taken = 0;
      }
      if (position.segment <= segment.id) position = beyond;
      return lost;
    },
    lose(segment, before) {
      let lost = 0;
      if (segment.id > next.segment) lost = before - segment.records;
      else if (segment.id === next.segment) lost = before - taken - segment.recordsFrom(next.offset);
      pending -= lost;
      return lost;
    },
  };
}
