// Copytruncate: a copy of a log appears, then the log is emptied. What was read of the log is not read again from its
// copy, and what was not read of the log before it was emptied is read from there.

import { fstatSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { LogFile } from './file.ts';
import { type Fingerprint, fingerprint, fits, isPrefix } from './identity.ts';
import { originalsOf } from './rotation.ts';
import type { Source } from './sources.ts';

/** A log as it was before it was emptied. */
interface Ghost {
  readonly source: Source;
  readonly path: string;
  readonly print: Fingerprint;
  /** Bytes seen but not read, and how long its lines are. */
  unread: number;
  readonly at: number;
}

/** How long a copy may come after its log was emptied, and how long it may stop growing before it counts as whole; ms. */
const GHOST_MS = 30_000;
const WHOLE_MS = 10_000;
const MAX_GHOSTS = 1000;

export interface Copies {
  /** The log at `path` was emptied, or is gone; `unread` bytes of it had been seen but not read. */
  emptied(source: Source, path: string, print: Fingerprint, unread: number, now: number): void;
  /** Logs of a source as they were before they were emptied. */
  prints(source: Source): Iterable<Fingerprint>;
  /** What was unread is being read from a copy. */
  recovered(path: string): void;
  /**
   * Whether an unproven, open file can be read now, from its offset. `at` gives the followed file at a path. Throws the
   * system's errors.
   */
  prove(file: LogFile, at: (path: string) => LogFile | undefined, now: number): boolean;
  /** Tells of bytes that no copy turned up for. */
  expire(now: number, lost: (path: string, bytes: number) => void): void;
}

export function createCopies(): Copies {
  let ghosts: Ghost[] = [];
  return {
    emptied(source, path, print, unread, now) {
      if (print.offset > 0 || unread > 0) ghosts.push({ source, path, print, unread, at: now });
    },
    prints: source => ghosts.filter(ghost => ghost.source === source).map(({ print }) => print),
    recovered(path) {
      for (const ghost of ghosts) if (ghost.path === path) ghost.unread = 0;
    },
    prove(file, at, now) {
      // Since the look a copy may have grown, and its log been emptied.
      const { size } = fstatSync(file.fd);
      const dir = dirname(file.trail.path);
      const names = originalsOf(basename(file.trail.path));
      for (const name of names) {
        const path = join(dir, name);
        for (const ghost of ghosts) {
          if (ghost.source !== file.source || ghost.path !== path) continue;
          // Of a log of which nothing was read any file may be the copy.
          if (ghost.print.offset === 0) continue;
          const whole = fits(file.fd, size, ghost.print);
          if (!whole && !(file.isCopy && size < ghost.print.offset)) continue;
          begin(file, Math.min(size, ghost.print.offset));
          ghost.unread = 0;
          return true;
        }
        const original = at(path);
        if (original === undefined || original === file || original.isPacked || original.fd < 0) continue;
        if (original.unread || !isAsRead(original)) return false;
        if (!isPrefix(file.fd, original.fd, original.size, size)) continue;
        file.isCopy = true;
        if (now - file.changedAt < WHOLE_MS) return false;
        begin(file, size);
        return true;
      }
      for (const ghost of ghosts)
        if (ghost.source === file.source && ghost.print.offset === 0 && dirname(ghost.path) === dir)
          if (names.includes(basename(ghost.path))) ghost.unread = 0;
      file.isUnproven = false;
      return true;
    },
    expire(now, lost) {
      const kept = ghosts.filter(ghost => now - ghost.at < GHOST_MS).slice(-MAX_GHOSTS);
      for (const ghost of ghosts)
        if (ghost.unread > 0 && !kept.includes(ghost)) lost(ghost.path, ghost.unread);
      ghosts = kept;
    },
  };
}

/** The first `offset` bytes of a copy were read from its log. */
function begin(file: LogFile, offset: number): void {
  file.place({ ...file.position, ...fingerprint(file.fd, offset) });
  file.isUnproven = false;
}

/** Whether a followed file still holds what was read of it. */
const isAsRead = ({ fd, position }: LogFile): boolean => fits(fd, fstatSync(fd).size, position);
