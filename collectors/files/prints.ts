// What was read already, under whatever name: how far, and what stands before that, of all files that began so.

import type { Arrivals } from './arrivals.ts';
import type { Copies } from './copies.ts';
import type { LogFile, Position } from './file.ts';
import { beginning, type Fingerprint } from './identity.ts';
import type { Memory } from './memory.ts';
import type { Shelf } from './shelf.ts';

export type Print = Fingerprint & Partial<Pick<Position, 'mid'>>;

/**
 * What was read of files that begin as `packed` does, whose hash of its first bytes is `head()`; undefined while one of
 * them is still read.
 */
export type Prints = (packed: LogFile, head: (length: number) => number) => Print[] | undefined;

export function createPrints(shelf: Shelf, memory: Memory, arrivals: Arrivals, copies: Copies): Prints {
  return (packed, head) => {
    const { source } = packed;
    const prints: Print[] = [];
    const take = (print: Print): boolean => {
      if (print.headLength === 0 || head(print.headLength) !== print.head) return false;
      if (print.offset > 0) prints.push(print);
      return true;
    };
    for (const set of [shelf.files, memory.leaving])
      for (const file of set) {
        if (file.source !== source) continue;
        const isOpen = file.unread && file.fd >= 0;
        if (!take(isOpen && file.headLength === 0 ? beginning(file.fd) : file.position)) continue;
        if (isOpen && !file.trail.files.isBefore(packed, file)) return undefined;
        if (file !== packed && file.heldFrom >= 0) return undefined;
      }
    for (const { print, holds } of copies.ghosts(source))
      if (take(print) && holds.some(({ isOut }) => !isOut)) return undefined;
    for (const print of arrivals.prints(source)) take(print);
    return prints;
  };
}
