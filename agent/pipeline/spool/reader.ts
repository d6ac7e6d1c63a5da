// One exporter's way through the spool: takes frames in order, several at once, and gives them back in any.

import type { SealedBatch } from '../../core/exporter.ts';
import { type Cursor, isBehind, type Position, type Span } from './cursor.ts';
import { LONGER } from './frame.ts';
import type { Room } from './room.ts';
import type { Hole, Segment } from './segment.ts';

export interface Taken extends SealedBatch {
  readonly span: Span;
  /** Holds the bytes until they are given back. */
  readonly room: Room;
}

export interface Reader {
  readonly name: string;
  /** Records in the spool this exporter has not finished with. */
  readonly pending: number;
  /** Up to `maxBytes` of the next frames (at least one) as one batch, or undefined when there is nothing new. */
  take(maxBytes: number): Taken | undefined;
  /** A batch that was taken is finished with. */
  done(taken: Taken): void;
  /** What was taken and not given back will be taken again, but for records that were given up meanwhile: returns how many. */
  rewind(): number;
}

/** A reader as the spool itself handles it. */
export interface SpoolReader extends Reader {
  /** Everything before this is finished with. */
  readonly position: Position;
  /** What is finished with behind it. */
  readonly ahead: readonly Span[];
  grow(records: number): void;
  /** The segment is going: returns its records that were not taken, which are thereby given up. */
  skip(segment: Segment): number;
  /** Some records of the segment, which had `before`, were found damaged: returns how many of them it had not taken. */
  lose(segment: Segment, before: number): number;
}

export function createReader(options: {
  name: string;
  from: Pick<Cursor, 'segment' | 'offset' | 'ahead'>;
  /** Living segments, oldest first. */
  segments: readonly Segment[];
  takeRoom: () => Room;
  /** Damage nobody knew of. */
  onHole: (segment: Segment, hole: Hole) => void;
  onDone: () => void;
}): SpoolReader {
  const { name, segments, takeRoom, onHole, onDone } = options;
  let position: Position = { segment: options.from.segment, offset: options.from.offset };
  let ahead: readonly Span[] = options.from.ahead;
  let next = position;
  /** Records of segment `next.segment` before `next.offset`. */
  let taken = 0;
  let pending = 0;

  /** Those finished with that are still to be passed over. */
  const left = () => ahead.filter(({ to }) => isBehind(to, next));

  /** Records of the segment that are still to be taken. */
  const untaken = (segment: Segment): number => {
    const { id, records } = segment;
    if (id < next.segment) return 0;
    let sum = id > next.segment ? records : records - taken;
    for (const { from, to } of left()) {
      if (from.segment > id || to.segment < id) continue;
      if (from.segment < id) sum -= records;
      else sum -= segment.recordsFrom(from.offset);
      if (to.segment === id) sum += segment.recordsFrom(to.offset);
    }
    return sum;
  };

  const moveTo = (to: Position) => {
    next = to;
    const segment = segments.find(({ id }) => id === to.segment);
    taken = segment ? segment.records - segment.recordsFrom(to.offset) : 0;
  };

  /** The position goes past what is finished with. */
  const moveUp = () => {
    for (;;) {
      const reached = ahead.find(({ from }) => !isBehind(from, position));
      if (!reached) break;
      ahead = ahead.filter(each => each !== reached);
      if (isBehind(reached.to, position)) position = reached.to;
    }
    if (isBehind(position, next)) moveTo(position);
  };

  const rewind = () => {
    const before = pending;
    moveTo(position);
    pending = 0;
    for (const segment of segments) pending += untaken(segment);
    return before - pending;
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

  /** The same, but for what is finished with. */
  const advanceUndone = (room: Room, limit: number) => {
    for (;;) {
      const found = advance(room, limit);
      if (!found) return undefined;
      const end = { segment: found.segment.id, offset: found.frame.end };
      const done = ahead.find(({ from, to }) => isBehind(end, from) && !isBehind(end, to));
      if (!done) return found;
      moveTo(done.to);
    }
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
    const from = next;
    taken = (isNew ? 0 : taken) + found.records;
    next = { segment: segment.id, offset: found.end };
    return { bytes: found.payload, records: found.records, span: { from, to: next }, room: found.room };
  };

  return {
    name,
    get pending() {
      return pending;
    },
    get position() {
      return position;
    },
    get ahead() {
      return ahead;
    },
    take(maxBytes) {
      const borrowed = left().length > 0 ? undefined : borrow(maxBytes);
      if (borrowed) return borrowed;
      const from = next;
      const room = takeRoom();
      let frames = 0;
      let records = 0;
      for (let limit = Number.POSITIVE_INFINITY; ; limit = maxBytes - room.size) {
        const found = advanceUndone(room, limit);
        if (!found) break;
        const { segment, frame } = found;
        // Requests of the same message type concatenate into one: repeated fields add up (protobuf encoding, "last one wins" aside).
        room.keep(frame.payload.length);
        frames++;
        records += frame.records;
        taken += frame.records;
        next = { segment: segment.id, offset: frame.end };
      }
      if (frames > 0) return { bytes: room.bytes(), records, span: { from, to: next }, room };
      room.release();
      return undefined;
    },
    done({ records, span, room }) {
      pending -= records;
      room.release();
      const isWithin = ({ to }: Span) => isBehind(to, span.from) && !isBehind(to, span.to);
      ahead = [...ahead.filter(each => !isWithin(each)), span];
      moveUp();
      onDone();
    },
    rewind,
    grow(records) {
      pending += records;
    },
    skip(segment) {
      const lost = untaken(segment);
      pending -= lost;
      const beyond = { segment: segment.id + 1, offset: 0 };
      if (next.segment <= segment.id) {
        next = beyond;
        taken = 0;
      }
      if (position.segment <= segment.id) position = beyond;
      moveUp();
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
