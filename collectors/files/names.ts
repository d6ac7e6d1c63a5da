// Names of files are bytes to the kernel and strings here. A byte that is no UTF-8 is U+DC00 and its value in them, as
// Python's `surrogateescape` has it, so that no two names are the same; what is told of them has U+FFFD there.

import { isUtf8 } from 'node:buffer';
import { type Dirent, readdirSync, readlinkSync } from 'node:fs';
import { attempt } from '../../agent/core/errors.ts';

const ESCAPE = 0xdc00;
const ESCAPED = /([\udc80-\udcff])/u;
const REPLACED = '\ufffd';

/** The string of what the kernel calls a file. */
export function nameOf(bytes: Buffer): string {
  let name = '';
  for (let at = 0; at < bytes.length; ) {
    const size = [1, 2, 3, 4].find(length => isUtf8(bytes.subarray(at, at + length)));
    name +=
      size === undefined ? String.fromCharCode(ESCAPE | bytes[at]!) : bytes.toString('utf8', at, at + size);
    at += size ?? 1;
  }
  return name;
}

/** What the kernel calls the file at a path. */
export function rawPath(path: string): string | Buffer {
  if (path.isWellFormed()) return path;
  const parts = path.split(ESCAPED).map((part, i) => Buffer.from(part, i % 2 === 0 ? 'utf8' : 'latin1'));
  return Buffer.concat(parts);
}

/** Where an open file is by now, or was before it was deleted; undefined without /proc. */
export const pathOfOpen = (fd: number): string | undefined =>
  attempt(() => nameOf(readlinkSync(`/proc/self/fd/${fd}`, 'buffer')).replace(/ \(deleted\)$/, ''));

export type Entry = Pick<Dirent, 'name' | 'isDirectory' | 'isSymbolicLink'>;

/** Throws the system's errors. */
export function entriesIn(dir: string): Entry[] {
  const entries = readdirSync(rawPath(dir), { withFileTypes: true });
  if (!entries.some(({ name }) => name.includes(REPLACED))) return entries;
  return readdirSync(rawPath(dir), { withFileTypes: true, encoding: 'buffer' }).map(entry => ({
    name: nameOf(entry.name),
    isDirectory: () => entry.isDirectory(),
    isSymbolicLink: () => entry.isSymbolicLink(),
  }));
}
