// How far the spool may grow on its file system: not into the last part of it, which belongs to everybody else.

import { statfsSync } from 'node:fs';

/** Bytes that may be written before the file system is asked again. */
const ASK_AGAIN = 4 * 2 ** 20;
const DEFAULT_SHARE = 0.05;
const DEFAULT_LIMIT = 512 * 2 ** 20;

export interface Space {
  /** Bytes of the file system. */
  readonly size: number;
  /** Whether so many bytes more leave enough free. */
  allows(bytes: number): boolean;
  took(bytes: number): void;
  /** The spool gave up so much of its own: it may grow by that again, however little is free. */
  gave(bytes: number): void;
}

/** Without `minFree` a twentieth of the file system stays free, at most 512 MiB; with 0 the write itself tells. */
export function createSpace(dir: string, minFree: number | undefined): Space {
  let credit = 0;
  const free = (): number => {
    try {
      const { bavail, blocks, bsize } = statfsSync(dir);
      return bavail * bsize - (minFree ?? Math.min(DEFAULT_LIMIT, blocks * bsize * DEFAULT_SHARE));
    } catch {
      // Nothing to ask: the write itself will tell.
      return Number.POSITIVE_INFINITY;
    }
  };
  return {
    size: sizeOf(dir),
    allows(bytes) {
      if (bytes <= credit || minFree === 0) return true;
      const more = free();
      if (more < bytes) return false;
      credit = Math.min(more, Math.max(bytes, ASK_AGAIN));
      return true;
    },
    took(bytes) {
      credit = Math.max(0, credit - bytes);
    },
    gave(bytes) {
      credit += bytes;
    },
  };
}

function sizeOf(dir: string): number {
  try {
    const { blocks, bsize } = statfsSync(dir);
    return blocks * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
