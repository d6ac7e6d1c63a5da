// What rotation leaves next to a log: renamed files, copies, generations that came and went between two looks.

import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { codeOf } from '../../agent/core/errors.ts';
import { isCompressed, isGzip, unzipped } from './discover.ts';
import type { Seen } from './file.ts';
import { type Identity, identityOf, keyOf } from './identity.ts';

/** A name next to a log that may be one of its rotated files. */
export interface Sibling extends Seen {
  readonly size: number;
}

/** What tells the age of a file. */
type Aged = Pick<Seen, 'path' | 'id' | 'mtime'>;

/** Names looked at in one directory. */
const MAX_NAMES = 10_000;
const NUMBERED = /^[-._~][\dTZ:._-]*\d[\dTZ:._-]*$|^[-._~](?:old|prev|bak|save)$|^~$/i;

const NUMBER = /^[-._~](\d{1,4})$/;

/**
 * Whether `name` is how logrotate and its like call a rotated `base`: `app.log.1`, `app.log-20240102`, `app.log.old`,
 * `app.1.log`, `app-20240102.log`.
 */
export const isRotationOf = (name: string, base: string): boolean => NUMBERED.test(markOf(name, base));

/** What rotation put into the name of `base`; empty where it is no such name. */
function markOf(name: string, base: string): string {
  if (name.startsWith(base)) return name.slice(base.length);
  const dot = base.lastIndexOf('.');
  const stem = base.slice(0, dot);
  const isOne = dot > 0 && name.startsWith(stem) && name.endsWith(base.slice(dot));
  return isOne ? name.slice(stem.length, name.length - base.length + dot) : '';
}

/**
 * Which of two rotations of `base` comes first, as for `sort()`. One that was there through all the life of the other was
 * emptied when that copy of it was made, or was written to although it had been moved away: their numbers tell.
 */
export function compareAge(a: Aged, b: Aged, base: string): number {
  const written = a.mtime - b.mtime;
  const born = bornAt(a) - bornAt(b);
  if (written * born >= 0) return written || born || a.id.birth - b.id.birth;
  return numberOf(b, base) - numberOf(a, base) || written;
}

/** A file that keeps the times of another, as a compressed one does, is as old as that. */
const bornAt = ({ id, mtime }: Aged): number => Math.min(id.birth, mtime);

/** NaN where its name has none. */
const numberOf = ({ path }: Aged, base: string): number =>
  Number(NUMBER.exec(markOf(unzipped(basename(path)), base))?.[1]);

/** The names that `name` may be a rotation or copy of: it without its last parts, longest first. */
export function originalsOf(name: string): string[] {
  const names: string[] = [];
  for (let i = name.length - 1; i > 0; i--) if ('.-_~'.includes(name[i]!)) names.push(name.slice(0, i));
  return names;
}

/** The files beside a log. */
export interface Beside {
  /** The file with this identity, whatever its name; none when the directory is gone. Throws the system's errors. */
  find(path: string, id: Identity): Sibling | undefined;
  /**
   * Rotations of `path` born at `since` or later (ms; none where the file system keeps no births), the oldest first;
   * compressed ones only by gzip, those of `packedSince` that are not there without it as well. Throws the system's errors.
   */
  rotated(path: string, since: number, packedSince: number): Sibling[];
  /** Whether names in the directory of `path` may have changed since the `forget()` before the last. */
  hasChanged(path: string): boolean;
  /** What was read of directories is old. */
  forget(): void;
  /** The same of that of `path`, unless nothing was born in it since, or before something was written to at `mtime` in ms. */
  refresh(path: string, mtime: number): void;
}

export function createBeside(root: string): Beside {
  const names = new Map<string, { readonly list: readonly string[]; readonly mtime: number }>();
  const files = new Map<string, ReadonlyMap<string, Sibling>>();
  /** Modification times of directories; one that has just changed may change again in the same tick of the clock. */
  let stamps = new Map<string, { readonly mtime: number; readonly isSettled: boolean }>();
  let before = stamps;

  const mtimeOf = (dir: string) => statSync(join(root, dir), { throwIfNoEntry: false })?.mtimeMs ?? 0;

  function namesIn(dir: string): readonly string[] {
    if (!names.has(dir)) names.set(dir, { mtime: mtimeOf(dir), list: list(join(root, dir)) });
    return names.get(dir)!.list;
  }

  function* siblings(dir: string, fits: (name: string) => boolean): Iterable<Sibling> {
    for (const name of namesIn(dir)) {
      if (!fits(name) || (isCompressed(name) && !isGzip(name))) continue;
      const target = join(root, dir, name);
      const stats = statSync(target, { throwIfNoEntry: false });
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

  return {
    find(path, id) {
      const dir = dirname(path);
      let known = files.get(dir);
      if (known === undefined) {
        known = new Map(
          Array.from(
            siblings(dir, () => true),
            each => [keyOf(each.id), each],
          ),
        );
        files.set(dir, known);
      }
      return known.get(keyOf(id));
    },
    rotated(path, since, packedSince) {
      const base = basename(path);
      const isOne = (name: string) =>
        isRotationOf(unzipped(name), base) &&
        !(isGzip(name) && namesIn(dirname(path)).includes(unzipped(name)));
      return [...siblings(dirname(path), isOne)]
        .filter(({ id, path }) => id.birth > 0 && id.birth >= (isGzip(path) ? packedSince : since))
        .sort((a, b) => compareAge(a, b, base));
    },
    hasChanged(path) {
      const dir = dirname(path);
      const mtime = stamps.get(dir)?.mtime ?? mtimeOf(dir);
      const known = before.get(dir);
      stamps.set(dir, { mtime, isSettled: known?.mtime === mtime });
      return known?.mtime !== mtime || !known.isSettled;
    },
    forget() {
      before = stamps;
      stamps = new Map();
      names.clear();
      files.clear();
    },
    refresh(path, mtime) {
      const dir = dirname(path);
      const known = names.get(dir);
      // A directory that changes twice in a tick of the clock has one time for both.
      if (known && (known.mtime !== mtimeOf(dir) || mtime >= known.mtime)) names.delete(dir);
    },
  };
}

function list(dir: string): readonly string[] {
  try {
    return readdirSync(dir).slice(0, MAX_NAMES);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
