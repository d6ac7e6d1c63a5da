// How following a file ends: its last writer has closed it, or it has been quiet for long, or the disk is full of it.

import { statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { StreamRoom } from '../../agent/core/collector.ts';
import type { LogFile } from './file.ts';
import { rawPath } from './names.ts';
import type { Shelf } from './shelf.ts';
import type { Source } from './sources.ts';
import type { Pass, Writer, Writers } from './writers.ts';

/** A file that was moved away or deleted is let go when it has been quiet for so long, and no writer is known. */
const QUIET_MOVED_MS = 300_000;
const QUIET_DELETED_MS = 5000;
/** So long a file without a name waits for word of its writers. */
const ASK_MS = 10_000;
/** A deleted file that is not finished after so long is given up, because it fills the disk. */
const HELD_DELETED_MS = 3_600_000;
/** When less than a twentieth of a file system is free, deleted files are given up, the largest first. */
const FREE_SHARE = 0.05;
const FREE_MS = 5000;

/** What is to become of a file. */
export const End = { Stay: 0, LetGo: 1, GiveUp: 2 } as const;

export interface Ends {
  /** Asks who writes to files that are at no path of their source, or were emptied. */
  ask(now: number): void;
  /** What is to become of a file at no path of its source; `GiveUp`: although not all of it was read. */
  of(file: LogFile, now: number): number;
  /** Why the file is given up. */
  readonly reason: string;
  /** The file was emptied: who writes to it should append. */
  emptied(file: LogFile): void;
}

export function createEnds(room: StreamRoom, shelf: Shelf, writers: Writers): Ends {
  const emptied = new Set<LogFile>();
  /** Sources with a file of which nothing was read yet: it may be a copy of one that is over, or lead to that. */
  const doubtful = new Set<Source>();
  let freeAt = 0;
  let crowded = new Set<LogFile>();
  let reason = '';

  const isHeld = (file: LogFile) => file.links === 0 && file.fd >= 0;

  function tell(file: LogFile, { pid, comm }: Writer, what: string, fix: string): void {
    room.log.warn(`process ${pid} (${comm}) ${what} "${file.path}": ${fix}`, { daemon: file.source.daemon });
  }

  function learn(pass: Pass): void {
    for (const file of emptied) {
      const careless = pass.of(file.id.dev, file.id.ino).find(each => !each.appends);
      if (careless)
        tell(
          file,
          careless,
          'does not append to log file',
          'each time it is emptied a hole of zeros is left in it; open it with O_APPEND, or rotate without copytruncate',
        );
    }
    emptied.clear();
    for (const file of shelf.files) {
      if (file.detachedAt === 0 || file.detachedAt > pass.begunAt) continue;
      const known = pass.of(file.id.dev, file.id.ino);
      file.isAsked = true;
      if (known[0]) {
        if (file.links === 0 && !file.hasWriter)
          tell(
            file,
            known[0],
            'still writes to deleted log file',
            'let it open its logs again after rotation',
          );
        file.hasWriter = true;
        if (file.fd < 0) {
          file.target = known[0].path;
          file.unread = !file.isIgnored;
        }
      } else if (pass.isWhole) {
        file.isFinished ||= file.hasWriter;
        file.hasWriter = false;
      }
    }
  }

  /** Finds the held files to give up so that others can go on writing. */
  function crowd(now: number): void {
    if (now - freeAt < FREE_MS && now >= freeAt) return;
    freeAt = now;
    crowded = new Set();
    const need = new Map<number, number>();
    const held = [...shelf.files].filter(isHeld).sort((a, b) => b.size - a.size);
    for (const file of held) {
      const { dev } = file.id;
      if (!need.has(dev)) need.set(dev, missing(join(room.root, dirname(file.path))));
      const wanted = need.get(dev)!;
      if (wanted <= 0 || file.size === 0) continue;
      crowded.add(file);
      need.set(dev, wanted - file.size);
    }
  }

  return {
    ask(now) {
      let isWanted = emptied.size > 0;
      let isCrowd = false;
      doubtful.clear();
      for (const file of shelf.files) {
        if (isUntouched(file)) doubtful.add(file.source);
        isWanted ||= file.detachedAt > 0;
        isCrowd ||= isHeld(file);
      }
      const pass = isWanted ? writers.step(now) : undefined;
      if (pass) learn(pass);
      if (isCrowd) crowd(now);
    },
    emptied: file => void emptied.add(file),
    get reason() {
      return reason;
    },
    of(file, now) {
      if (file.isUnpacking) return End.Stay;
      const gone = now - file.detachedAt;
      const quiet = Math.min(now - file.changedAt, gone);
      const isRead = !file.unread && file.heldFrom < 0;
      const isTold = file.isAsked || gone >= ASK_MS;
      if (file.fd < 0 && file.links === 0) return isTold && !file.hasWriter ? End.LetGo : End.Stay;
      if (file.links === 0 && crowded.has(file)) {
        reason = 'the disk is nearly full';
        return isRead ? End.LetGo : End.GiveUp;
      }
      if (file.links === 0 && gone >= HELD_DELETED_MS) {
        reason = 'an hour has passed';
        return isRead ? End.LetGo : End.GiveUp;
      }
      if (!isRead) return End.Stay;
      const isQuiet = file.links > 0 ? quiet >= QUIET_MOVED_MS : quiet >= QUIET_DELETED_MS && isTold;
      const isOver = file.isFinished || (isQuiet && !file.hasWriter);
      return isOver && !doubtful.has(file.source) ? End.LetGo : End.Stay;
    },
  };
}

/** Whether nothing of it was read yet that can be. */
const isUntouched = ({ unread, headLength, isBarred, isPacked, isIgnored }: LogFile): boolean =>
  unread && headLength === 0 && !isBarred && !isPacked && !isIgnored;

/** Bytes that a file system lacks to have its share free; 0 when that cannot be told. */
function missing(path: string): number {
  try {
    const { bavail, blocks, bsize } = statfsSync(rawPath(path));
    return (blocks * FREE_SHARE - bavail) * bsize;
  } catch {
    return 0;
  }
}
