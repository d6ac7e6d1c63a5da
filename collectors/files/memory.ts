// What is remembered of files: places become safe as the pipeline says so, and a checkpoint of them is saved often enough.

import type { StreamRoom } from '../../agent/core/collector.ts';
import { causeOf } from '../../agent/core/errors.ts';
import type { Arrivals } from './arrivals.ts';
import { type CheckpointStore, type Entry, entryOf } from './checkpoint.ts';
import type { Copies } from './copies.ts';
import type { LogFile } from './file.ts';
import type { Marks } from './marks.ts';
import type { Shelf } from './shelf.ts';
import type { Source } from './sources.ts';

/**
 * The checkpoint is saved this often, and with every new file; less when that takes more than a fiftieth of the time, but no
 * less than every ten seconds unless that takes a quarter of it: what was sent since comes again after a crash.
 */
const SAVE_MS = 250;
const SAVE_SHARE = 50;
const LONGEST_PAUSE_MS = 10_000;
const LEAST_SHARE = 4;

export interface Memory {
  /** The first `synced` pushed records are safe. */
  commit(synced: number): void;
  /** A file is no longer followed: remembered until what was read of it is safe. */
  leave(file: LogFile): void;
  /** Files that were let go, as long as what was read of them is not safe. */
  readonly leaving: ReadonlySet<LogFile>;
  /** Saves what has changed, when it is time. */
  save(now: number): void;
  /** Saves at once. */
  write(now: number): void;
}

export function createMemory(
  sources: readonly Source[],
  room: StreamRoom,
  store: CheckpointStore,
  marks: Marks,
  shelf: Shelf,
  arrivals: Arrivals,
  copies: Copies,
): Memory {
  const leaving = new Set<LogFile>();
  let safe = 0;
  let dirty = true;
  let count = 0;
  let savedAt = 0;
  let savePause = 0;

  function write(now: number): void {
    const begin = room.now();
    const files: Entry[] = [...arrivals.unclaimed(now), ...copies.entries(safe, now)];
    for (const set of [shelf.files, leaving])
      for (const file of set) if (file.startAt < 0) files.push(entryOf(file, now));
    dirty = false;
    try {
      store.save({ sources: sources.map(source => source.id), files });
    } catch (error) {
      dirty = true;
      room.log.error(`cannot save checkpoint in "${room.stateDir}": ${causeOf(error)}`);
    }
    savedAt = now;
    count = shelf.count;
    const took = room.now() - begin;
    savePause = Math.min(took * SAVE_SHARE, Math.max(LONGEST_PAUSE_MS, took * LEAST_SHARE));
  }

  return {
    leaving,
    leave: file => void leaving.add(file),
    commit(synced) {
      safe = synced;
      if (marks.commit(synced)) dirty = true;
      for (const file of leaving) {
        if (!file.isSafe) continue;
        leaving.delete(file);
        // A copy of one that is gone may come, compressed.
        if (file.links > 0 || file.source.unpacks) arrivals.retire(file, room.now());
      }
    },
    write,
    save(now) {
      const isNew = shelf.count > count;
      if (!dirty && !isNew) return;
      const pause = isNew ? savePause : Math.max(savePause, SAVE_MS);
      if (now - savedAt >= pause || now < savedAt) write(now);
    },
  };
}
