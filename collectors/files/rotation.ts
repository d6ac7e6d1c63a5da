// What rotation leaves next to a log: renamed files, copies, generations that came and went between two looks.

import { statSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { attempt, codeOf } from '../../agent/core/errors.ts';
import { follow, isCompressed, isPacked, uncompressed, unpacked } from './discover.ts';
import type { Seen } from './file.ts';
import { basesOf, compareAge, isDate, isRotationOf } from './generations.ts';
import { type Identity, identityOf, keyOf } from './identity.ts';
import { type Entry, entriesIn, rawPath } from './names.ts';

/** A name next to a log that may be one of its rotated files. */
export interface Sibling extends Seen {
  readonly size: number;
}

/** Names looked at in one directory, and directories below it. */
const MAX_NAMES = 100_000;
const MAX_DIRECTORIES = 64;
/** Looks at names that move on meanwhile. */
const MAX_LOOKS = 10;
/**
 * The files beside a log, or beside what it is a link to, and in directories beside that which have no log of that name, or
 * to which something of there was seen to go, or which are called by a date: rotation may move them there.
 */
export interface Beside {
  /** A file that was at `log` is at `path` by now. */
  learn(log: string, path: string): void;
  /** Whether the name of a file is that of a rotation of `log`. */
  isRotation(path: string, log: string): boolean;
  /**
   * The file with this identity beside `path`, of several names that of a rotation of `log`; none when the directory is
   * gone. Throws the system's errors.
   */
  find(path: string, id: Identity, log: string): Sibling | undefined;
  /**
   * Rotations of `path` born at `since` or later (ms; written to, where the file system keeps no births), the oldest first;
   * of compressed ones only what can be unpacked, those of `packedSince` that are not there without it as well. Throws the system's errors.
   */
  rotated(path: string, since: number, packedSince: number): Sibling[];
  /**
   * Compressed rotations of `path` whose content was written to later than `since` in ms, without what they were made of,
   * the oldest first. Throws the system's errors.
   */
  compressed(path: string, since: number): Sibling[];
  /** Whether names in the directory of `path` may have changed since the `forget()` before the last. */
  hasChanged(path: string): boolean;
  /** What was read of directories is old. */
  forget(): void;
  /**
   * The same of that of `path`, unless nothing was born in it since, or before something was written to at `mtime` in ms;
   * returns whether it was.
   */
  refresh(path: string, mtime: number): boolean;
}

interface Listing {
  readonly mtime: number;
  readonly names: ReadonlySet<string>;
  /** Names of directories. */
  readonly directories: readonly string[];
  /** By what they are rotations of; asked for many logs of one directory it is made once. */
  rotations: ReadonlyMap<string, string[]> | undefined;
}

export function createBeside(root: string): Beside {
  const listings = new Map<string, Listing>();
  const files = new Map<string, ReadonlyMap<string, readonly Sibling[]>>();
  /** Modification times of directories; one that has just changed may change again in the same tick of the clock. */
  let stamps = new Map<string, { readonly mtime: number; readonly isSettled: boolean }>();
  let before = stamps;
  /** By the directories of logs those to which rotation moves them. */
  const aways = new Map<string, Set<string>>();

  const mtimeOf = (dir: string) =>
    statSync(rawPath(join(root, dir)), { throwIfNoEntry: false })?.mtimeMs ?? 0;

  function listingOf(dir: string): Listing {
    let listing = listings.get(dir);
    if (listing === undefined) {
      const mtime = mtimeOf(dir);
      const entries = entriesAt(join(root, dir));
      listing = {
        mtime,
        names: new Set(entries.map(({ name }) => name)),
        directories: entries.filter(entry => entry.isDirectory()).map(({ name }) => name),
        rotations: undefined,
      };
      listings.set(dir, listing);
    }
    return listing;
  }

  /** The path of a log, and that of the file when it is a link. */
  function pathsOf(log: string): string[] {
    const target = relative(root, follow(root, join(root, log)));
    return [...new Set([log, `/${target}`])];
  }

  /**
   * Where rotations of a log are, and what they are rotations of; its own directory is `dir`. Others that may not be read
   * are passed over.
   */
  function* homesOf(
    log: string,
    dir = dirname(log),
  ): Iterable<{ dir: string; base: string; isDated?: boolean }> {
    const seen = new Set<string>();
    const isNew = (home: string) => !seen.has(home) && seen.add(home);
    for (const path of pathsOf(log)) {
      const base = basename(path);
      const own = path === log ? dir : dirname(path);
      const listing = path === log ? listingOf(own) : attempt(() => listingOf(own));
      if (listing === undefined) continue;
      if (isNew(join(own, base))) yield { dir: own, base };
      const below = listing.directories.slice(0, MAX_DIRECTORIES).map(name => join(own, name));
      for (const other of [...below, ...(aways.get(dirname(log)) ?? [])]) {
        const names = attempt(() => listingOf(other))?.names;
        const isDated = isDate(basename(other));
        if (names && (isDated || !names.has(base)) && isNew(join(other, base)))
          yield { dir: other, base, isDated };
      }
    }
  }

  function filesIn(dir: string): ReadonlyMap<string, readonly Sibling[]> {
    const known = files.get(dir) ?? Map.groupBy(siblings(dir, listingOf(dir).names), each => keyOf(each.id));
    files.set(dir, known);
    return known;
  }

  function* rotationsOf(path: string): Iterable<Sibling> {
    for (const { dir, base, isDated } of homesOf(path)) {
      const { names } = listingOf(dir);
      const own = isDated ? [base, `${base}.gz`, `${base}.zst`].filter(name => names.has(name)) : [];
      const rotations = [...own, ...(rotationsIn(dir).get(base) ?? [])];
      yield* siblings(
        dir,
        rotations.filter(name => !isPacked(name) || !names.has(unpacked(name))),
      );
    }
  }

  function rotationsIn(dir: string): ReadonlyMap<string, string[]> {
    const listing = listingOf(dir);
    if (listing.rotations === undefined) {
      const rotations = new Map<string, string[]>();
      for (const name of listing.names)
        for (const base of basesOf(name)) rotations.getOrInsertComputed(base, () => []).push(name);
      listing.rotations = rotations;
    }
    return listing.rotations;
  }

  function* siblings(dir: string, names: Iterable<string>): Iterable<Sibling> {
    for (const name of names) {
      const target = join(root, dir, name);
      const stats = statSync(rawPath(target), { throwIfNoEntry: false });
      if (stats?.isFile())
        yield {
          path: join(dir, name),
          target,
          id: identityOf(stats),
          size: stats.size,
          mtime: stats.mtimeMs,
        };
    }
  }

  function hasMoved(dir: string): boolean {
    const mtime = stamps.get(dir)?.mtime ?? mtimeOf(dir);
    const known = before.get(dir);
    stamps.set(dir, { mtime, isSettled: known?.mtime === mtime });
    return known?.mtime !== mtime || !known.isSettled;
  }

  function refresh(path: string, mtime: number): boolean {
    let isOld = false;
    for (const { dir } of [...homesOf(path)]) {
      const known = listingOf(dir);
      // A directory that changes twice in a tick of the clock has one time for both.
      if (known.mtime === mtimeOf(dir) && mtime < known.mtime) continue;
      listings.delete(dir);
      isOld = true;
    }
    return isOld;
  }

  return {
    learn(log, path) {
      const dirs = aways.getOrInsertComputed(dirname(log), () => new Set());
      const isNew = ![dirname(log), ...dirs].includes(dirname(path));
      if (isNew && dirs.size < MAX_DIRECTORIES) dirs.add(dirname(path));
    },
    isRotation: (path, log) => pathsOf(log).some(each => isRotationOf(basename(path), basename(each))),
    find(path, id, log) {
      for (const { dir, base } of homesOf(log, dirname(path))) {
        const names = filesIn(dir).get(keyOf(id)) ?? [];
        const at = names.find(each => isRotationOf(basename(each.path), base)) ?? names[0];
        if (at !== undefined) return at;
      }
      return undefined;
    },
    rotated(path, since, packedSince) {
      const found = new Map<string, Sibling>();
      // Rotation may move names on while they are looked at: then a file is seen twice, or not at all.
      for (let looks = 0; looks === 0 || (looks < MAX_LOOKS && refresh(path, 0)); looks++)
        for (const each of rotationsOf(path)) found.set(keyOf(each.id), each);
      return [...found.values()]
        .filter(({ id, mtime, path }) => (id.birth || mtime) >= (isPacked(path) ? packedSince : since))
        .sort((a, b) => compareAge(a, b, basename(path)));
    },
    compressed(path, since) {
      const found: Sibling[] = [];
      for (const { dir, base, isDated } of homesOf(path)) {
        const { names } = listingOf(dir);
        const isOf = (name: string) => (isDated && name === base) || isRotationOf(name, base);
        const isOne = (name: string) =>
          isCompressed(name) && !names.has(uncompressed(name)) && isOf(uncompressed(name));
        found.push(...siblings(dir, [...names].filter(isOne)));
      }
      return found.filter(({ mtime }) => mtime > since).sort((a, b) => a.mtime - b.mtime);
    },
    hasChanged: path => pathsOf(path).filter(each => hasMoved(dirname(each))).length > 0,
    forget() {
      before = stamps;
      stamps = new Map();
      listings.clear();
      files.clear();
    },
    refresh,
  };
}

function entriesAt(dir: string): readonly Entry[] {
  try {
    return entriesIn(dir).slice(0, MAX_NAMES);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
