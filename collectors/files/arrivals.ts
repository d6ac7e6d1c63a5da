// How files come to be followed: seen for the first time, taken up again after a restart, or found beside their log
// because rotation moved them away while nobody looked.

import { type Stats, statSync } from 'node:fs';
import { codeOf } from '../../agent/core/errors.ts';
import { type Checkpoint, type Entry, entryOf } from './checkpoint.ts';
import type { Copies } from './copies.ts';
import { type Found, isPacked } from './discover.ts';
import type { LogFile, Seen } from './file.ts';
import { identityOf, keyOf } from './identity.ts';
import { rawPath } from './names.ts';
import type { Reader } from './reader.ts';
import type { Beside, Sibling } from './rotation.ts';
import type { Shelf } from './shelf.ts';
import type { Source } from './sources.ts';
import type { Troubles } from './troubles.ts';
import { createUnseen } from './unseen.ts';

/** A path that globs found. */
export interface Candidate extends Found {
  readonly source: Source;
  /** What was there when it was last looked at. */
  file: LogFile | undefined;
}

export interface Arrivals {
  /** Entries of the checkpoint whose files were not seen again, not yet expired. */
  unclaimed(now: number): Iterable<Entry>;
  /** How far the files of a source were read that are not followed. */
  prints(source: Source): Iterable<Entry>;
  /** What was read of one of these is compressed in a file that is followed. */
  found(entry: Entry): void;
  /** A file that was let go, and still is somewhere: should it come back, it is read on from there. */
  retire(file: LogFile, now: number): void;
  /** Takes up the files of the checkpoint, rotated ones first. */
  restore(candidates: Iterable<Candidate>, now: number): void;
  /** A file not followed before is at a candidate; `isFirst`: in the first look of this run. */
  arrive(candidate: Candidate, stats: Stats, isFirst: boolean, now: number): LogFile;
  /** Follows the rotated files beside `path` that nobody saw, as they were born at `since` in ms or later. */
  recover(source: Source, path: string, since: number, now: number, packedSince?: number): void;
}

/** Entries are forgotten when their file was not there for so long; ms. */
const EXPIRE_MS = 7 * 24 * 3_600_000;
/** Entries of files that are not followed. */
const MAX_RETIRED = 10_000;

const ANY_DEVICE = -1;

/** The least that two times of a file system differ by. */
const TICK_MS = 0.001;

const seenAt = ({ path, target }: Candidate, stats: Stats): Seen => ({
  path,
  target,
  id: identityOf(stats),
  mtime: stats.mtimeMs,
});

export function createArrivals(
  sources: readonly Source[],
  checkpoint: Checkpoint,
  beside: Beside,
  shelf: Shelf,
  reader: Reader,
  copies: Copies,
  troubles: Troubles,
): Arrivals {
  const unseen = createUnseen(beside, shelf, copies, troubles);
  const waiting = new Map<string, Entry>();
  const known = new Set(checkpoint.sources);
  /** Of those waiting the ones that were found compressed. After a restart they are looked for again. */
  const found = new WeakSet<Entry>();
  const nameOf = (source: Source, id: { dev: number; ino: number; birth: number }) =>
    `${source.id}\u0000${keyOf(id)}`;

  /** Of a source whose globs have changed, files are taken over by the one that has them now. */
  const sourceOf = (entry: Entry) =>
    sources.find(source => source.id === entry.source) ?? sources.find(source => source.has(entry.trail));

  function resume(source: Source, entry: Entry, at: Seen, now: number): LogFile {
    const file = shelf.add(source, entry.trail, at, now);
    file.place(entry);
    file.progress = { safe: file.position };
    file.marked = file.offset;
    file.isRestored = true;
    file.isUnproven = entry.headLength === 0 && !file.isPacked;
    file.wholeSize = entry.packed ?? 0;
    file.unseenSince = entry.unseenSince;
    file.unread = !file.isPacked;
    return file;
  }

  const arrivals: Arrivals = {
    *unclaimed(now) {
      for (const entry of waiting.values()) if (now - entry.seen < EXPIRE_MS) yield entry;
    },

    prints: source => waiting.values().filter(entry => entry.source === source.id && !found.has(entry)),

    found: entry => void found.add(entry),

    retire(file, now) {
      const entry = entryOf(file, now);
      if (file.isFound) found.add(entry);
      waiting.set(nameOf(file.source, file.id), entry);
      if (waiting.size > MAX_RETIRED) waiting.delete(waiting.keys().next().value!);
    },

    restore(candidates, now) {
      if (checkpoint.files.length === 0) return;
      const here = new Map<string, { at: Seen; candidate: Candidate }>();
      const paths = new Map<string, Candidate>();
      for (const candidate of candidates) {
        paths.set(`${candidate.source.id}\u0000${candidate.path}`, candidate);
        const stats = statSync(rawPath(candidate.target), { throwIfNoEntry: false });
        if (stats === undefined) continue;
        const at = seenAt(candidate, stats);
        here.set(nameOf(candidate.source, at.id), { at, candidate });
        here.set(nameOf(candidate.source, { ...at.id, dev: ANY_DEVICE }), { at, candidate });
      }
      const trails = new Map<string, { source: Source; entries: Entry[]; gone: Entry[] }>();
      for (const entry of checkpoint.files) {
        const source = sourceOf(entry);
        beside.learn(entry.trail, entry.path);
        if (entry.emptied !== undefined) {
          if (source) copies.gone(source, entry, now);
          continue;
        }
        const standing = source && findAt(here, source, entry);
        const at = standing?.at ?? (source && moved(source, entry));
        if (source !== undefined) {
          const trail = `${source.id}\u0000${entry.trail}`;
          if (!trails.has(trail)) trails.set(trail, { source, entries: [], gone: [] });
          trails.get(trail)!.entries.push(entry);
          if (at === undefined) trails.get(trail)!.gone.push(entry);
        }
        if (source === undefined || at === undefined) {
          waiting.set(`${entry.source}\u0000${keyOf(entry)}`, entry);
          if (source) copies.gone(source, entry, now);
        } else {
          const file = resume(source, entry, at, now);
          if (standing) standing.candidate.file = file;
        }
      }
      for (const [key, { source, entries, gone }] of trails) {
        const { trail } = entries[0]!;
        const logs = entries.filter(({ path }) => !isPacked(path));
        const since = Math.max(...(logs.length > 0 ? logs : entries).map(entry => entry.unseenSince));
        // What is gone may have been compressed since it was read.
        const packedSince = Math.min(since, ...gone.map(entry => entry.unseenSince));
        // Where the same file is still at the path, what became of it shows when it is read; not so what was before it.
        const isHere = paths.get(key)?.file !== undefined;
        const last = gone.findLast(entry => entry.unseenSince === since);
        let toldUntil = Math.max(0, ...entries.map(({ told = 0 }) => told));
        if (last) {
          toldUntil = unseen.tell(source, trail, Math.max(since, toldUntil), gone);
          last.told = toldUntil;
        }
        if (!isHere) shelf.leave(source, trail, since, now);
        const files = shelf.filesOf(source, trail);
        if (files) files.toldUntil = toldUntil;
        if (!isHere || source.unpacks)
          arrivals.recover(source, trail, isHere ? Number.POSITIVE_INFINITY : since, now, packedSince);
      }
    },

    arrive(candidate, stats, isFirst, now) {
      const { source, path } = candidate;
      const at = seenAt(candidate, stats);
      const name = nameOf(source, at.id);
      const entry = waiting.get(name);
      if (entry !== undefined) {
        waiting.delete(name);
        entry.size = undefined;
        return resume(source, entry, at, now);
      }
      const isNew = isFirst && !known.has(source.id);
      const isOld = isNew && source.fromEnd;
      if (!isNew && !(source.unpacks && isPacked(path))) {
        arrivals.recover(
          source,
          path,
          shelf.filesOf(source, path)?.seenUntil || at.id.birth || at.mtime,
          now,
        );
      }
      // It may have been moved away since, and found there.
      const moved = shelf.get(source, at.id);
      if (moved !== undefined) return moved;
      const file = shelf.add(source, path, at, now);
      if (file.isPacked) {
        if (isOld) file.wholeSize = stats.size;
        return file;
      }
      if (isOld && stats.size > 0) file.startAt = stats.size;
      file.isUnproven = !isNew;
      // What was there before the first start is nobody's business.
      file.unseenSince = isNew ? stats.mtimeMs + TICK_MS : Math.max(at.id.birth, stats.mtimeMs);
      return file;
    },

    recover(source, path, since, now, packedSince = since) {
      try {
        const found = beside
          .rotated(path, since, source.unpacks ? packedSince : Number.POSITIVE_INFINITY)
          .filter(at => !isKnown(source, at));
        if (found.length > 0) rename(shelf.filesOf(source, path) ?? []);
        for (const at of found) take(source, path, at, now);
        if (since < Number.POSITIVE_INFINITY) tell(source, path, since);
      } catch (error) {
        troubles.report(source, path, error);
      }
    },
  };

  const isKnown = (source: Source, { path, id }: Sibling): boolean =>
    source.has(path) || shelf.get(source, id) !== undefined || waiting.has(nameOf(source, id));

  /** Tells of what was compressed before it was read; that of a path of which nothing was followed is nobody's business. */
  function tell(source: Source, path: string, since: number): void {
    const files = shelf.filesOf(source, path);
    if (files === undefined) return;
    const read = waiting.values().filter(({ source: id, trail }) => id === source.id && trail === path);
    files.toldUntil = unseen.tell(source, path, Math.max(since, files.toldUntil), read);
  }

  /** Learns what rotation calls open files by now, as their order may go by that. */
  function rename(files: Iterable<LogFile>): void {
    for (const file of files) {
      const at = file.detachedAt > 0 && beside.find(file.path, file.id, file.trail.path);
      if (!at) continue;
      file.path = at.path;
      file.target = at.target;
    }
  }

  /** Follows what stands beside its log. It is opened at once, as it may be compressed or deleted before its turn. */
  function take(source: Source, path: string, at: Sibling, now: number): void {
    const file = shelf.add(source, path, at, now);
    file.size = file.peak = at.size;
    file.detachedAt = now;
    file.isUnproven = !file.isPacked;
    file.unread = file.wants(at.size);
    try {
      if (!file.isPacked) reader.reach(file);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') troubles.report(source, at.path, error);
    }
  }

  /** Numbers of devices may change when they are mounted again; then the path has to be the same. */
  function findAt<T extends { at: Seen }>(here: ReadonlyMap<string, T>, source: Source, entry: Entry) {
    const exact = here.get(nameOf(source, entry));
    if (exact !== undefined || entry.birth === 0) return exact;
    const found = here.get(nameOf(source, { ...entry, dev: ANY_DEVICE }));
    return found?.at.path === entry.path ? found : undefined;
  }

  function moved(source: Source, entry: Entry): Seen | undefined {
    try {
      return beside.find(entry.path, entry, entry.trail);
    } catch (error) {
      troubles.report(source, entry.path, error);
      return undefined;
    }
  }

  return arrivals;
}
