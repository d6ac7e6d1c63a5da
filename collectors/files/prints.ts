// What was read already, under whatever name: how far, and what stands before that, of all files that began so.

import type { Arrivals } from './arrivals.ts';
import { type Copies, isAsRead, isHeld } from './copies.ts';
import { unpacked } from './discover.ts';
import type { LogFile, Position } from './file.ts';
import { beginning, type Fingerprint } from './identity.ts';
import type { Memory } from './memory.ts';
import type { Beside } from './rotation.ts';
import type { Shelf } from './shelf.ts';

export interface Print extends Fingerprint, Partial<Pick<Position, 'mid'>> {
  /** What was read is compressed in the file that is compared. */
  found(): void;
}

/**
 * What was read of files that begin as `packed` does, whose hash of its first bytes is `head()`; undefined while one of
 * them is still read.
 */
export type Prints = (packed: LogFile, head: (length: number) => number) => Print[] | undefined;

export function createPrints(
  shelf: Shelf,
  memory: Memory,
  arrivals: Arrivals,
  copies: Copies,
  beside: Beside,
  reach: (file: LogFile) => boolean,
): Prints {
  /** The path of its source at which a file is, or its name beside its log. */
  const nameOf = ({ detachedAt, path, id, trail }: LogFile): string | undefined => {
    if (detachedAt === 0) return path;
    const at = beside.find(path, id, trail.path)?.path;
    return at !== undefined && beside.isRotation(at, trail.path) ? at : undefined;
  };

  /** Whether a followed file still has a name and what was read of it, and is not what was compressed. */
  const isElsewhere = (file: LogFile, packed: LogFile): boolean => {
    const name = shelf.files.has(file) ? nameOf(file) : undefined;
    if (name === undefined || name === unpacked(packed.path)) return false;
    return file.isPacked || (reach(file) && isAsRead(file));
  };

  return (packed, head) => {
    const { source } = packed;
    const prints: Print[] = [];
    const take = (print: Fingerprint & Partial<Pick<Position, 'mid'>>, found: () => void): boolean => {
      if (print.headLength === 0 || head(print.headLength) !== print.head) return false;
      if (print.offset > 0) prints.push({ ...print, found });
      return true;
    };
    take(packed.position, () => {});
    for (const set of [shelf.files, memory.leaving])
      for (const file of set) {
        if (file.source !== source || file === packed || file.isFound) continue;
        const isOpen = file.unread && file.fd >= 0;
        const found = () => {
          file.isFound = true;
        };
        const print = isOpen && file.headLength === 0 ? beginning(file.fd) : file.position;
        if (head(print.headLength) !== print.head || isElsewhere(file, packed)) continue;
        if (!take(print, found)) continue;
        if (isOpen && !file.trail.files.isBefore(packed, file)) return undefined;
        if (file.heldFrom >= 0) return undefined;
      }
    for (const ghost of copies.ghosts(source)) {
      const found = () => {
        ghost.isFound = true;
      };
      if (take(ghost.print, found) && isHeld(ghost)) return undefined;
    }
    for (const entry of arrivals.prints(source)) take(entry, () => arrivals.found(entry));
    return prints;
  };
}
