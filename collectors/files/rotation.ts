// What rotation leaves next to a log: renamed files, copies, generations that came and went between two looks.

import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isCompressed } from './discover.ts';
import { type Identity, identityOf, keyOf } from './identity.ts';

/** A name next to a log that may be one of its rotated files. */
export interface Sibling {
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

/** The files in the directory of `path`, by `keyOf`. Throws the system's errors. */
export const filesBeside = (root: string, path: string): Map<string, Sibling> =>
  new Map(siblings(root, path, () => true).map(each => [keyOf(each.id), each]));

/**
 * Uncompressed rotations of `path`, born after `after` (ms; 0 where the file system keeps no births: then none), the
 * oldest first. Throws the system's errors.
 */
export function findRotated(root: string, path: string, after: number): Sibling[] {
  const base = basename(path);
  return siblings(root, path, name => isRotationOf(name, base))
    .filter(each => after > 0 && each.id.birth > after)
    .sort((a, b) => a.id.birth - b.id.birth);
}

function siblings(root: string, path: string, fits: (name: string) => boolean): Sibling[] {
  const dir = dirname(path);
  const found: Sibling[] = [];
  for (const name of readdirSync(join(root, dir)).slice(0, MAX_NAMES)) {
    if (isCompressed(name) || !fits(name)) continue;
    const target = join(root, dir, name);
    const stats = statSync(target, { throwIfNoEntry: false });
    if (stats?.isFile())
      found.push({ path: join(dir, name), target, id: identityOf(stats), size: stats.size });
  }
  return found;
}
