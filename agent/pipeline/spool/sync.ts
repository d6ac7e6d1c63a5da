// What of the spool outlives power loss: segments, cursors and their directory, forced to disk one run after another.

import { closeSync, fstatSync, fsync, mkdirSync, openSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { attempt, causeOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { type Cursor, isBehind, type Position, START, saveCursor } from './cursor.ts';
import type { SpoolReader } from './reader.ts';
import type { Segment } from './segment.ts';

const syncFd = promisify(fsync);

export interface Sync {
  wrote(segment: Segment): void;
  /** There is a file more. */
  grew(): void;
  forget(segment: Segment): void;
  /** The disk failed to take it: whatever a later sync says of it is not to be trusted, and nothing more goes there. */
  isSuspect(segment: Segment): boolean;
  fault(): string | undefined;
  /** Resolves with the last sequence number that is safe; never rejects. */
  run(): Promise<number>;
  close(): void;
}

export function createSync(room: {
  dir: string;
  segments: readonly Segment[];
  readers: ReadonlyMap<string, SpoolReader>;
  /** As they were found. */
  cursors: ReadonlyMap<string, Cursor>;
  durable: boolean;
  log: Log;
  written: () => number;
}): Sync {
  const { dir, segments, readers, durable, log } = room;
  const dirty = new Set<Segment>();
  const suspects = new Set<Segment>();
  const saved = new Map<string, Cursor>();
  /** -1 as long as there is no directory that we may open. */
  let dirFd = attempt(() => openSync(dir, 'r')) ?? -1;
  let isGrown = false;
  let safe = 0;
  let end: Position = START;
  for (const cursor of room.cursors.values()) if (cursor.end.segment >= end.segment) end = cursor.end;
  let fault: string | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  /** Segments whose files were taken away. */
  const missing = new Set<Segment>();

  /** A directory that was taken away is made again, with all that is known to have been in it. */
  const restore = () => {
    const there = statSync(dir, { throwIfNoEntry: false });
    const known = dirFd < 0 ? undefined : fstatSync(dirFd);
    if (known === undefined || there?.ino !== known.ino || there.dev !== known.dev) {
      if (known) log.error(`cannot find spool "${dir}": it was removed or replaced; making it again`);
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      if (known) closeSync(dirFd);
      dirFd = openSync(dir, 'r');
      saved.clear();
      if (known) for (const segment of segments) if (segment.durable) missing.add(segment);
    }
    for (const segment of missing) {
      segment.restore();
      missing.delete(segment);
      dirty.add(segment);
      isGrown = true;
    }
  };

  /** One after another: the threads that wait for the disk are those that pack pages and look up names, too. */
  const force = async () => {
    const failures: unknown[] = [];
    const batch = [...dirty];
    dirty.clear();
    for (const segment of batch) {
      // Delivered and deleted meanwhile: nothing is left to be safe.
      if (segment.fd === undefined || !segments.includes(segment)) continue;
      try {
        await syncFd(segment.fd);
      } catch (error) {
        if (!segments.includes(segment)) continue;
        suspects.add(segment);
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    if (!isGrown) return;
    isGrown = false;
    try {
      await syncFd(dirFd);
    } catch (error) {
      isGrown = true;
      throw error;
    }
  };

  const saveCursors = async () => {
    for (const [name, reader] of readers) {
      const cursor = { ...reader.position, end, ahead: reader.ahead };
      const before = saved.get(name);
      // Behind all that is on disk one says the same as another.
      if (before && (!isBehind(end, before) || JSON.stringify(before) === JSON.stringify(cursor))) continue;
      await saveCursor(dir, name, cursor, durable, () => readers.get(name) === reader);
      saved.set(name, cursor);
    }
  };

  const run = async (): Promise<number> => {
    try {
      restore();
      const upTo = room.written();
      const last = segments.findLast(segment => segment.durable);
      const reached = last && { segment: last.id, offset: last.size };
      if (durable) await force();
      const first = Math.min(...[...suspects].map(({ firstSeq }) => firstSeq));
      safe = Math.max(safe, Math.min(upTo, first - 1));
      if (reached && suspects.size === 0) end = reached;
      await saveCursors();
      fault = undefined;
    } catch (error) {
      const why = `cannot sync spool "${dir}": ${causeOf(error)}`;
      if (why !== fault) log.error(why);
      fault = why;
    }
    return safe;
  };

  return {
    wrote: segment => dirty.add(segment),
    grew() {
      isGrown = true;
    },
    forget(segment) {
      dirty.delete(segment);
      missing.delete(segment);
      suspects.delete(segment);
    },
    isSuspect: segment => suspects.has(segment),
    fault: () => fault,
    run() {
      const next = turn.then(run);
      turn = next;
      return next;
    },
    close() {
      if (dirFd >= 0) closeSync(dirFd);
    },
  };
}
