// How files come to be followed: seen for the first time, taken up again after a restart, or found beside their log
// because rotation moved them away while nobody looked.

import { type Stats, statSync } from 'node:fs';
import { codeOf } from '../../agent/core/errors.ts';
import { type Checkpoint, type Entry, entryOf } from './checkpoint.ts';
import type { Copies } from './copies.ts';
import { type Found, isGzip } from './discover.ts';
import type { LogFile } from './file.ts';
import { type Fingerprint, fingerprint, fits, type Identity, identityOf, keyOf } from './identity.ts';
import type { Reader } from './reader.ts';
import type { Beside } from './rotation.ts';
import type { Shelf } from './shelf.ts';
import type { Source } from './sources.ts';
import type { Troubles } from './troubles.ts';

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
  /** A file that was let go, and still is somewhere: should it come back, it is read on from there. */
  retire(file: LogFile, now: number): void;
  /** Takes up the files of the checkpoint, rotated ones first. */
  restore(candidates: Iterable<Candidate>, now: number): void;
  /** A file not followed before is at a candidate; `isFirst`: in the first look of this run. */
  arrive(candidate: Candidate, stats: Stats, isFirst: boolean, now: number): LogFile;
  /**
   * Follows the rotated files beside `path` that nobody saw, as they were born after `after` in ms; a copy of what one
   * of `prints` was taken of, from there. `isWanted` tells whether a path is to be looked at. Returns how many.
   */
  recover(
    source: Source,
    path: string,
    prints: readonly Fingerprint[],
    after: number,
    now: number,
    isWanted?: (path: string) => boolean,
  ): number;
  /** The same for what comes before the rest of a file that is followed. */
  recoverBefore(
    file: LogFile,
    prints: readonly Fingerprint[],
    after: number,
    now: number,
    isWanted?: (path: string) => boolean,
  ): number;
}

/** Entries are forgotten when their file was not there for so long; ms. */
const EXPIRE_MS = 7 * 24 * 3_600_000;
/** Entries of files that are not followed. */
const MAX_RETIRED = 10_000;

const ANY_DEVICE = -1;

/** Of the files of one path the one that was there comes last, before it the one that was last written to. */
const byAge = (a: Entry, b: Entry): number =>
  Number(a.path === a.trail) - Number(b.path === b.trail) || a.unseenSince - b.unseenSince;

export function createArrivals(
  sources: readonly Source[],
  checkpoint: Checkpoint,
  beside: Beside,
  shelf: Shelf,
  reader: Reader,
  copies: Copies,
  troubles: Troubles,
): Arrivals {
  const waiting = new Map<string, Entry>();
  const known = new Set(checkpoint.sources);
  const nameOf = (source: Source, id: { dev: number; ino: number; birth: number }) =>
    `${source.id}\u0000${keyOf(id)}`;

  /** Of a source whose globs have changed, files are taken over by the one that has them now. */
  const sourceOf = (entry: Entry) =>
    sources.find(source => source.id === entry.source) ?? sources.find(source => source.has(entry.trail));

  function resume(source: Source, entry: Entry, at: Found, now: number): LogFile {
    const file = shelf.add(source, entry.trail, at, entry, now);
    file.place(entry);
    file.safe = file.position;
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

    prints: source => waiting.values().filter(entry => entry.source === source.id),

    retire(file, now) {
      waiting.set(nameOf(file.source, file.id), entryOf(file, now));
      if (waiting.size > MAX_RETIRED) waiting.delete(waiting.keys().next().value!);
    },

    restore(candidates, now) {
      if (checkpoint.files.length === 0) return;
      const here = new Map<string, { at: Candidate; id: Identity }>();
      const paths = new Map<string, Candidate>();
      for (const candidate of candidates) {
        paths.set(`${candidate.source.id}\u0000${candidate.path}`, candidate);
        const stats = statSync(candidate.target, { throwIfNoEntry: false });
        if (stats === undefined) continue;
        const found = { at: candidate, id: identityOf(stats) };
        here.set(nameOf(candidate.source, found.id), found);
        here.set(nameOf(candidate.source, { ...found.id, dev: ANY_DEVICE }), found);
      }
      const trails = new Map<string, { source: Source; entries: Entry[]; gone: Entry[] }>();
      for (const entry of [...checkpoint.files].sort(byAge)) {
        const source = sourceOf(entry);
        const found = source && findAt(here, source, entry);
        const candidate = found?.at;
        const at = candidate ?? (source && moved(source, entry));
        if (source !== undefined) {
          const trail = `${source.id}\u0000${entry.trail}`;
          if (!trails.has(trail)) trails.set(trail, { source, entries: [], gone: [] });
          trails.get(trail)!.entries.push(entry);
          if (at === undefined) trails.get(trail)!.gone.push(entry);
        }
        if (source === undefined || at === undefined) {
          waiting.set(`${entry.source}\u0000${keyOf(entry)}`, entry);
          if (source) copies.emptied(source, entry.trail, entry, 0, now);
        } else {
          const file = resume(source, found ? { ...entry, ...found.id } : entry, at, now);
          if (candidate) candidate.file = file;
        }
      }
      for (const [key, { source, entries, gone }] of trails) {
        const after = Math.max(...entries.map(entry => entry.unseenSince));
        const file = paths.get(key)?.file;
        // Where the same file is still at the path, what became of it shows when it is read; not so what was before it.
        if (file === undefined) arrivals.recover(source, entries[0]!.trail, entries, after, now);
        if (!source.gzip) continue;
        // What is gone may have been compressed since it was read.
        const since = Math.min(after, ...gone.map(entry => entry.unseenSince));
        if (file === undefined) arrivals.recover(source, entries[0]!.trail, [], since, now, isGzip);
        else arrivals.recoverBefore(file, [], since, now, isGzip);
      }
    },

    arrive(candidate, stats, isFirst, now) {
      const { source, path } = candidate;
      const id = identityOf(stats);
      const entry = waiting.get(nameOf(source, id));
      if (entry !== undefined) {
        waiting.delete(nameOf(source, id));
        return resume(source, entry, candidate, now);
      }
      const latest = shelf.latest(source, path);
      const isNew = isFirst && !known.has(source.id);
      if (source.gzip && isGzip(path)) return archive(candidate, stats, isNew, now);
      if (latest !== undefined) arrivals.recover(source, path, [latest.position], latest.unseenSince, now);
      else if (!isNew) arrivals.recover(source, path, [], shelf.unseenSince(source, path) ?? id.birth, now);
      const file = shelf.add(source, path, candidate, id, now);
      if (isNew && source.fromEnd && stats.size > 0) file.startAt = stats.size;
      file.isUnproven = !isNew;
      if (isNew) file.unseenSince = stats.mtimeMs;
      return file;
    },

    recover(source, path, prints, after, now, isWanted = () => true) {
      let recovered = 0;
      try {
        for (const sibling of beside.rotated(path, after, source.gzip)) {
          if (
            !isWanted(sibling.path) ||
            source.has(sibling.path) ||
            shelf.get(source, sibling.id) !== undefined
          )
            continue;
          if (waiting.has(nameOf(source, sibling.id))) continue;
          const file = shelf.add(source, path, sibling, sibling.id, now);
          const print =
            !file.isPacked &&
            reader.reach(file) &&
            prints.find(each => each.offset > 0 && fits(file.fd, sibling.size, each));
          if (print) {
            file.place({ ...file.position, ...fingerprint(file.fd, print.offset) });
            // Its log was emptied when it had been copied: what stands there now is younger.
            const log = file.before;
            if (log !== undefined && log.offset === print.offset && log.tail === print.tail) {
              file.before = log.before;
              log.before = file;
              file.trail.latest = log;
            }
          }
          file.unread = file.wants(sibling.size);
          recovered++;
        }
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') troubles.report(source, path, error);
      }
      return recovered;
    },

    recoverBefore(file, prints, after, now, isWanted) {
      const { source, trail } = file;
      const { latest } = trail;
      trail.latest = file.before;
      const recovered = arrivals.recover(source, trail.path, prints, after, now, isWanted);
      file.before = trail.latest;
      trail.latest = latest;
      return recovered;
    },
  };

  /** One of what was there before the first start is left alone where logs are read from their end. */
  function archive({ source, path, target }: Candidate, stats: Stats, isNew: boolean, now: number): LogFile {
    const file = shelf.add(source, path, { path, target }, identityOf(stats), now);
    if (isNew && source.fromEnd) file.wholeSize = stats.size;
    return file;
  }

  /** Numbers of devices may change when they are mounted again; then the path has to be the same. */
  function findAt<T extends { at: Candidate }>(here: ReadonlyMap<string, T>, source: Source, entry: Entry) {
    const exact = here.get(nameOf(source, entry));
    if (exact !== undefined || entry.birth === 0) return exact;
    const found = here.get(nameOf(source, { ...entry, dev: ANY_DEVICE }));
    return found?.at.path === entry.path ? found : undefined;
  }

  function moved(source: Source, entry: Entry): Found | undefined {
    try {
      return beside.find(entry.path, entry);
    } catch (error) {
      troubles.report(source, entry.path, error);
      return undefined;
    }
  }

  return arrivals;
}
