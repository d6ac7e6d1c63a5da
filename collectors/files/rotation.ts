// What rotation leaves next to a log: renamed files, copies, generations that came and went between two looks.

import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { codeOf } from '../../agent/core/errors.ts';
import { isCompressed, isGzip, unzipped } from './discover.ts';
import { type Identity, identityOf, keyOf } from './identity.ts';

/** A name next to a log that may be one of its rotated files. */
export interface Sibling {
  /** When it was last written to: what is older comes first; ms. */
  readonly mtime: number;
  readonly path: string;
  readonly target: string;
  readonly id: Identity;
  readonly size: number;
}

/** Names looked at in one directory. */
const MAX_NAMES = 10_000;
const NUMBERED = /^[-._~][\dTZ:._-]*\d[\dTZ:._-]*$|^[-._~](?:old|prev|bak|save)$|^~$/i;

/**
 * Whether `name` is how logrotate and its like call a rotated `base`: `app.log.1`, `app.log-20240102`, `app.log.old`,
 * `app.1.log`, `app-20240102.log`.
 */
export function isRotationOf(name: string, base: string): boolean {
  if (name.startsWith(base)) return NUMBERED.test(name.slice(base.length));
  const dot = base.lastIndexOf('.');
  const stem = base.slice(0, dot);
  return (
    dot > 0 &&
    name.startsWith(stem) &&
    name.endsWith(base.slice(dot)) &&
    NUMBERED.test(name.slice(stem.length, name.length - base.length + dot))
  );
}

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
   * Rotations of `path` born after `after` (ms; none where the file system keeps no births), the longest untouched first,
   * of those last written to at once the oldest; compressed ones only by gzip, where they are wanted and not there
   * without it as well. Throws the system's errors.
   */
  rotated(path: string, after: number, gzip: boolean): Sibling[];
  /** Whether names in the directory of `path` may have changed since the `forget()` before the last. */
  hasChanged(path: string): boolean;
  /** What was read of directories is old. */
  forget(): void;
}

export function createBeside(root: string): Beside {
  const names = new Map<string, readonly string[]>();
  const files = new Map<string, ReadonlyMap<string, Sibling>>();
  /** Modification times of directories; one that has just changed may change again in the same tick of the clock. */
  let stamps = new Map<string, { readonly mtime: number; readonly isSettled: boolean }>();
  let before = stamps;

  function* siblings(dir: string, fits: (name: string) => boolean): Iterable<Sibling> {
    if (!names.has(dir)) names.set(dir, namesIn(join(root, dir)));
    for (const name of names.get(dir)!) {
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
    rotated(path, after, gzip) {
      const base = basename(path);
      const isOne = (name: string) =>
        isGzip(name)
          ? gzip && isRotationOf(unzipped(name), base) && !names.get(dirname(path))!.includes(unzipped(name))
          : isRotationOf(name, base);
      return [...siblings(dirname(path), isOne)]
        .filter(each => each.id.birth > after)
        .sort((a, b) => a.mtime - b.mtime || a.id.birth - b.id.birth);
    },
    hasChanged(path) {
      const dir = dirname(path);
      const mtime = statSync(join(root, dir), { throwIfNoEntry: false })?.mtimeMs ?? 0;
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
  };
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir).slice(0, MAX_NAMES);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
