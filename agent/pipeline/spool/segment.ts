// A segment of the spool: a run of frames in one file.

import { closeSync, constants, fstatSync, ftruncateSync, openSync, unlinkSync, writevSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../../core/errors.ts';
import type { SealedBatch } from '../../core/exporter.ts';
import { type Damage, encodeHeader, type Frame, HEADER_BYTES, isDamage, LONGER, readFrame } from './frame.ts';
import { Room } from './room.ts';

/** A run of bytes that makes no frame. */
export interface Hole extends Pick<Damage, 'records' | 'unfinished'> {
  readonly from: number;
  readonly to: number;
}

/** With a room its bytes stand at the end of that, and whoever holds it has them for as long. */
export interface GivenBatch extends SealedBatch {
  readonly room?: Room;
}

export interface Segment {
  readonly id: number;
  /** Survives the process. */
  readonly durable: boolean;
  readonly size: number;
  /** Of its good frames, as far as known. */
  readonly records: number;
  /** Unix ms of the oldest frame somebody needs, as near as known. */
  since: number;
  /** Sequence numbers of its batches in this life; 0 and -1 for what was recovered. */
  firstSeq: number;
  lastSeq: number;
  /**
   * Throws the system error of the disk; nothing of the batch is left behind then. Its bytes may be read from where
   * they are until `settle()`, or longer where they stand in a room.
   */
  append(batch: GivenBatch): void;
  /** The memory of the last batch is no longer its own. */
  settle(): void;
  /**
   * The next good frame at or behind the offset, its payload of at most `limit` bytes in `room`; damage is skipped, and
   * told to `onHole` the first time.
   */
  read(
    offset: number,
    room: Room,
    limit: number,
    onHole: (hole: Hole) => void,
  ): Frame | typeof LONGER | undefined;
  /**
   * Frames from the offset on, as many as `maxBytes` have room for but at least one, where they stand in memory: their
   * room is held for the caller. Undefined where they are to be read from a file.
   */
  borrow(offset: number, maxBytes: number): (Frame & { readonly room: Room }) | undefined;
  /** Records at or behind an offset. */
  recordsFrom(offset: number): number;
  /** Counts its records anew. */
  recount(onHole: (hole: Hole) => void): void;
  /** Leaves out a hole at its end. */
  trim(): void;
  /** File descriptor, if any. */
  readonly fd: number | undefined;
  /** Makes the file anew, with all that is in it, after it was taken away. Throws the system error. */
  restore(): void;
  remove(): void;
  close(): void;
}

const NAME = /^([0-9a-f]{16})\.seg$/;
export const segmentName = (id: number): string => `${id.toString(16).padStart(16, '0')}.seg`;
export const segmentId = (name: string): number | undefined => {
  const match = NAME.exec(name);
  const id = match ? Number.parseInt(match[1]!, 16) : Number.NaN;
  return Number.isSafeInteger(id) ? id : undefined;
};

const CREATE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
// Whatever else may bear such a name is not waited for, and not followed.
const REOPEN = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Creates the file, mode 0600. */
export const createSegment = (dir: string, id: number, since: number): Segment =>
  fileSegment(dir, id, openSync(join(dir, segmentName(id)), CREATE, 0o600), since);

/** Opens what an earlier life left; it is read, never appended to. Throws for what is not a file. */
export function reopenSegment(dir: string, id: number, onHole: (hole: Hole) => void): Segment {
  const fd = openSync(join(dir, segmentName(id)), REOPEN);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Error('not a file');
    const segment = fileSegment(dir, id, fd, stat.mtimeMs, stat.size);
    segment.recount(onHole);
    segment.trim();
    return segment;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function fileSegment(dir: string, id: number, opened: number, since: number, length = 0): Segment {
  const path = join(dir, segmentName(id));
  /** Known holes: where each ends, by where it begins. */
  const holes = new Map<number, number>();
  let fd = opened;
  let size = length;
  let records = 0;
  /** The last frame, as long as it is in memory: what everybody reads at once is neither read back nor checked. */
  let latest: { readonly offset: number; readonly batch: GivenBatch } | undefined;

  const segment: Segment = {
    id,
    durable: true,
    get size() {
      return size;
    },
    get records() {
      return records;
    },
    since,
    firstSeq: 0,
    lastSeq: -1,
    get fd() {
      return fd;
    },
    append(batch) {
      try {
        writeAll(fd, encodeHeader(batch.bytes, batch.records), batch.bytes, size);
      } catch (error) {
        ftruncateSync(fd, size);
        throw error;
      }
      segment.settle();
      latest = { offset: size, batch };
      batch.room?.hold();
      size += HEADER_BYTES + batch.bytes.length;
      records += batch.records;
    },
    settle() {
      latest?.batch.room?.release();
      latest = undefined;
    },
    read(offset, room, limit, onHole) {
      if (latest?.offset === offset) {
        const { bytes, records: count } = latest.batch;
        if (bytes.length > limit) return LONGER;
        const payload = room.next(bytes.length);
        payload.set(bytes);
        return { payload, records: count, end: size };
      }
      let at = offset;
      let first: { from: number; records: number; unfinished: boolean } | undefined;
      for (;;) {
        const found = holes.has(at) ? undefined : readFrame(fd, at, size, room, limit);
        if (found && found !== LONGER && isDamage(found)) {
          // One header speaks for one frame only.
          if (first) first.records = 0;
          first ??= { from: at, records: found.records, unfinished: found.unfinished };
          at = found.resume;
          continue;
        }
        if (first) {
          const hole = { ...first, to: at };
          first = undefined;
          holes.set(hole.from, at);
          onHole(hole);
        }
        const known = holes.get(at);
        if (known === undefined) return found;
        at = known;
      }
    },
    borrow(offset) {
      if (latest?.offset !== offset || !latest.batch.room) return undefined;
      const { bytes: payload, records: count, room } = latest.batch;
      return { payload, records: count, end: size, room: room.hold() };
    },
    recordsFrom: offset => recordsOf(framesOf(segment, offset)),
    recount(onHole) {
      segment.settle();
      records = recordsOf(framesOf(segment, 0, onHole));
    },
    trim() {
      for (const [from, to] of holes) if (to === size) size = from;
    },
    restore() {
      const anew = openSync(path, CREATE, 0o600);
      ftruncateSync(anew, size);
      for (const { payload, records: count, end } of framesOf(segment))
        writeAll(anew, encodeHeader(payload, count), payload, end - payload.length - HEADER_BYTES);
      closeSync(fd);
      fd = anew;
    },
    remove() {
      segment.close();
      try {
        unlinkSync(path);
      } catch (error) {
        // Gone already is as good, and the cursors remember that what such a disk keeps is finished with.
        if (!['ENOENT', 'ENOTDIR', 'EROFS', 'EACCES', 'EPERM', 'EIO'].includes(codeOf(error) ?? ''))
          throw error;
      }
    },
    close() {
      segment.settle();
      closeSync(fd);
    },
  };
  return segment;
}

/** Its good frames; the payload of one is gone with the next. */
function* framesOf(
  segment: Pick<Segment, 'read'>,
  from = 0,
  onHole: (hole: Hole) => void = () => {},
): Generator<Frame> {
  const room = new Room();
  for (let at = from; ; ) {
    const frame = segment.read(at, room, Number.POSITIVE_INFINITY, onHole);
    if (!frame || frame === LONGER) return;
    yield frame;
    at = frame.end;
  }
}

function recordsOf(frames: Iterable<Frame>): number {
  let sum = 0;
  for (const { records } of frames) sum += records;
  return sum;
}

function writeAll(fd: number, header: Uint8Array, payload: Uint8Array, position: number): void {
  const whole = header.length + payload.length;
  let wrote = writevSync(fd, [header, payload], position);
  while (wrote < whole) {
    const rest =
      wrote < header.length ? [header.subarray(wrote), payload] : [payload.subarray(wrote - header.length)];
    wrote += writevSync(fd, rest, position + wrote);
  }
}

/** The same frames in a file. Throws the system error, and leaves none then. */
export function writeDown(memory: Segment, dir: string): Segment {
  const segment = createSegment(dir, memory.id, memory.since);
  try {
    for (const { payload, records } of framesOf(memory)) segment.append({ bytes: payload, records });
    segment.settle();
  } catch (error) {
    segment.remove();
    throw error;
  }
  segment.firstSeq = memory.firstSeq;
  segment.lastSeq = memory.lastSeq;
  return segment;
}
