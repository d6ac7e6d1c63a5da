// Copies: rotation copies a log and then empties or deletes it. What was read of the log is not read again from its copy,
// and what was not read of it is read from there. A copy begins as its original did, was born when the original had its
// content, and one original has one copy: a log that only looks the same is read.

import { fstatSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { RecordSink } from '../../agent/core/collector.ts';
import { type Entry, entryOf } from './checkpoint.ts';
import type { Hold, LogFile, Position, Progress } from './file.ts';
import { isRotationOf, originalsOf } from './generations.ts';
import { fingerprint, fits, isPrefix } from './identity.ts';
import { Mid } from './lines.ts';
import { pathOfOpen } from './names.ts';
import type { Shelf } from './shelf.ts';
import type { Source } from './sources.ts';
import type { Troubles } from './troubles.ts';

/** A log as it was before it was emptied, or went away while nobody looked. */
export interface Ghost {
  readonly source: Source;
  readonly path: string;
  readonly print: Position;
  readonly progress: Progress;
  /** A copy was born no earlier than the log, and no later than that was emptied; ms. */
  readonly born: number;
  readonly until: number;
  /** What of it is in records that are not complete. */
  readonly holds: readonly Hold[];
  /** What is remembered of it after a restart. */
  readonly entry: (synced: number, now: number) => Entry | undefined;
  /** It went away while nobody looked. */
  readonly isGone: boolean;
  /** Bytes seen but not read, and not told of; of one that is gone 0 is remembered after a restart. */
  unread: number;
  readonly at: number;
  /** It was found compressed. */
  isFound: boolean;
}

/** How long a copy may come after its log was emptied, and how long it may stop growing before it counts as whole; ms. */
const GHOST_MS = 30_000;
const WHOLE_MS = 10_000;
const MAX_GHOSTS = 10_000;

export interface Copies {
  /** An open file was emptied; it still has the position up to which it was read. Throws the system's errors. */
  emptied(file: LogFile, now: number): void;
  /** A file of an earlier run is gone, or was emptied in it. */
  gone(source: Source, entry: Entry, now: number): void;
  /** Logs that were emptied, for a checkpoint when the first `synced` records are safe. */
  entries(synced: number, now: number): Iterable<Entry>;
  /** Logs of a source as they were before they were emptied. */
  ghosts(source: Source): readonly Ghost[];
  /** Whether an unproven, open file can be read now, from its offset. Throws the system's errors. */
  prove(file: LogFile, now: number): boolean;
  /** Tells of bytes that no copy turned up for. */
  expire(now: number, lose: Troubles['lose']): void;
}

/**
 * `at` gives the followed file at a path, `reach` opens one for comparison and tells whether it could, and `startOver`
 * hears of one that no longer holds what was read of it.
 */
export function createCopies(
  shelf: Shelf,
  out: RecordSink,
  at: (source: Source, path: string) => LogFile | undefined,
  reach: (file: LogFile) => boolean,
  startOver: (file: LogFile, now: number) => void,
): Copies {
  let ghosts: Ghost[] = [];

  function haunt(ghost: Ghost): void {
    if (ghost.print.offset > 0 || ghost.unread > 0) ghosts.push(ghost);
  }

  /** Followed files that `file`, born at `born`, may be a copy of. */
  function originals(file: LogFile, paths: readonly string[], born: number): LogFile[] {
    const { source } = file;
    const files = paths.flatMap(path =>
      [at(source, path) ?? [], ...(shelf.filesOf(source, path) ?? [])].flat(),
    );
    return [...new Set(files)].filter(
      each =>
        each !== file &&
        !each.isPacked &&
        !each.isIgnored &&
        each.id.birth <= born &&
        (each.fd >= 0 || each.links > 0),
    );
  }

  return {
    emptied(file, now) {
      const { source, trail, position: print, progress, peak, id } = file;
      const unread = Math.max(0, peak - print.offset);
      const until = fstatSync(file.fd).mtimeMs;
      const holds = file.disown();
      const { pushed } = out;
      const safeOf = (synced: number) =>
        synced >= pushed && holds.every(({ outAt }) => outAt <= synced) ? print : progress.safe;
      const entry = (synced: number, at: number) => ({
        ...entryOf(file, at),
        ...safeOf(synced),
        size: undefined,
        emptied: until,
      });
      haunt({
        source,
        path: trail.path,
        print,
        progress,
        born: id.birth,
        until,
        holds,
        entry,
        isGone: false,
        unread,
        at: now,
        isFound: false,
      });
    },
    gone(source, entry, now) {
      const { trail, birth, emptied } = entry;
      haunt({
        source,
        path: trail,
        print: entry,
        progress: { safe: entry },
        born: birth,
        until: emptied ?? Number.POSITIVE_INFINITY,
        holds: [],
        entry: () => (emptied === undefined ? undefined : entry),
        isGone: true,
        get unread() {
          return Math.max(0, (entry.size ?? 0) - entry.offset);
        },
        set unread(_) {
          entry.size = undefined;
        },
        at: now,
        isFound: false,
      });
    },
    *entries(synced, now) {
      for (const ghost of ghosts) {
        const entry = ghost.entry(synced, now);
        if (entry !== undefined && entry.offset > 0) yield entry;
      }
    },
    ghosts: source => ghosts.filter(ghost => ghost.source === source && !ghost.isFound),
    prove(file, now) {
      const paths = pathsOf(file);
      const born = fstatSync(file.fd).birthtimeMs;
      const others = originals(file, paths, born).filter(reach);
      for (const other of others) if (!isAsRead(other)) startOver(other, now);
      // Since the look a copy may have grown, and its log been emptied or written to.
      const size = sizeOf(file);
      const mine = ghosts
        .filter(({ source, path }) => source === file.source && paths.includes(path))
        .sort((a, b) => b.print.offset - a.print.offset);
      for (const ghost of mine) {
        if (born < ghost.born || born > ghost.until) continue;
        // Of a log of which nothing was read any file may be the copy.
        const isAny = ghost.print.offset === 0;
        if (!isAny && !fits(file.fd, size, ghost.print)) continue;
        // What goes on in another trail begins where nothing is held, so that its place is safe as a whole.
        if (!isAny && isHeld(ghost) && ghost.path !== file.trail.path) return false;
        ghosts = ghosts.filter(each => each !== ghost);
        ghost.unread = 0;
        if (isAny) continue;
        file.adopt(ghost.holds);
        return begin(file, ghost.print, ghost.progress);
      }
      for (const other of others) {
        const isMoved = isAside(other);
        if (other.links === 0 && !isMoved) {
          if ((other.unread || other.heldFrom >= 0) && other.trail !== file.trail) return false;
          if (!file.isCopy || other.offset === 0 || !fits(file.fd, size, other.position)) continue;
          file.adopt(other.disown());
          return begin(file, other, { ...other.progress });
        } else if ((isMoved || isAt(other, paths)) && isPrefix(file.fd, other.fd, sizeOf(other), size)) {
          file.isCopy = true;
          const isWhole = other.links === 0 || now - file.changedAt >= WHOLE_MS;
          if (!isWhole || other.progress.safe.offset < size) return false;
          return begin(file, { offset: size, mid: Mid.None }, other.progress);
        }
      }
      file.isUnproven = false;
      return true;
    },
    expire(now, lose) {
      if (ghosts.length === 0) return;
      const isInDoubt = shelf.files
        .values()
        .some(each => (each.isUnproven || each.isPacked) && each.unread && !each.isBarred);
      const kept = new Set(ghosts.filter(ghost => isInDoubt || now - ghost.at < GHOST_MS).slice(-MAX_GHOSTS));
      for (const ghost of ghosts) {
        if (kept.has(ghost)) continue;
        const { path, unread, isGone, isFound } = ghost;
        if (unread > 0 && !isFound) {
          if (isGone) lose(path, unread, 'it went away while the agent did not run', 'deleted');
          else lose(path, unread, 'it was emptied, and no copy was found', 'truncated');
        }
        ghost.unread = 0;
      }
      ghosts = [...kept];
    },
  };
}

/** Whether some of its last lines are in a record that is not complete. */
export const isHeld = ({ holds }: Ghost): boolean =>
  holds.some(({ outAt }) => outAt === Number.POSITIVE_INFINITY);

/** Paths of logs that a file may be a copy of: its own where it stands beside that. */
function pathsOf({ path, trail }: LogFile): string[] {
  const dir = dirname(trail.path);
  const names = originalsOf(basename(trail.path));
  return [...(path === trail.path ? [] : [trail.path]), ...names.map(name => join(dir, name))];
}

const isAt = (file: LogFile, paths: readonly string[]): boolean =>
  file.detachedAt === 0 && paths.includes(file.path);

/** Whether the last name of an open file is neither its log's nor a rotation's: then it was moved there to be copied. */
function isAside({ fd, trail }: LogFile): boolean {
  const log = basename(trail.path);
  const name = basename(pathOfOpen(fd) ?? log);
  return name !== log && !isRotationOf(name, log);
}

/** The first `offset` bytes of a copy were read from its log, up to the middle of a line or not, and are as safe as there. */
function begin(file: LogFile, { offset, mid }: Pick<Position, 'offset' | 'mid'>, progress: Progress): true {
  file.place({ ...file.position, ...fingerprint(file.fd, offset), mid });
  file.progress = progress.safe.offset < offset ? progress : { safe: file.position };
  file.isUnproven = false;
  return true;
}

/** Whether an open file still holds what was read of it. */
export const isAsRead = (file: LogFile): boolean => fits(file.fd, sizeOf(file), file.position);

/** Bytes of an open file now, whatever a look saw. */
const sizeOf = ({ fd }: LogFile): number => fstatSync(fd).size;
