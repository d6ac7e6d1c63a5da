// Files of processes that stay open from look to look, as far as there is room for them. Pure but for closing them.

import { closeSync } from 'node:fs';

export interface Held {
  /** Whether files of the process are kept. */
  has(pid: number): boolean;
  /** The open file, -1 when it is not. */
  get(pid: number, name: string): number;
  /** Takes a file that was just opened; false when it has to be closed. */
  keep(pid: number, name: string, fd: number): boolean;
  /** Closes all of a process. */
  release(pid: number): void;
  /** From now on, as these sets say at any time, those of `own`, and of the rest of `all` while half of the room is free. */
  hold(own: Pids, all: Pids): void;
  /** Closes all, and holds none. */
  close(): void;
}

interface Pids {
  has(pid: number): boolean;
  readonly size: number;
}

/**
 * What looks read again and again, open from the second time on. The kernel keeps 4 KiB for each that has been read. The
 * first is what each look reads of each process: the others leave it room.
 */
const KEPT = ['statm', 'stat', 'io', 'fd', 'status'];
/** Of one process, each the open file or one of these. */
type Files = number[];
const READ_ONCE = -1;
const NEVER_READ = -2;

/** `limit` files at most. */
export function createHeld(limit: number): Held {
  const held = new Map<number, Files>();
  let own: Pids = NOBODY;
  let all: Pids = NOBODY;
  let room = limit;
  /** Files of one process are asked for one after another. */
  let last: Files | undefined;
  let lastPid = -1;

  const filesOf = (pid: number): Files | undefined => {
    if (pid === lastPid) return last;
    lastPid = pid;
    last = held.get(pid);
    return last;
  };
  const release = (pid: number): void => {
    const files = held.get(pid);
    if (!files) return;
    for (const fd of files) {
      if (fd < 0) continue;
      closeSync(fd);
      room++;
    }
    held.delete(pid);
    lastPid = -1;
  };

  return {
    has: pid => all.has(pid),
    get: (pid, name) => filesOf(pid)?.[KEPT.indexOf(name)] ?? -1,
    keep(pid, name, fd) {
      const at = KEPT.indexOf(name);
      if (at < 0 || !all.has(pid)) return false;
      let files = filesOf(pid);
      if (!files) {
        files = KEPT.map(() => NEVER_READ);
        held.set(pid, files);
        last = files;
      }
      if (files[at] === NEVER_READ) {
        files[at] = READ_ONCE;
        return false;
      }
      const left = at === 0 ? room : room - all.size;
      if (left < 1 || (!own.has(pid) && room < limit / 2)) return false;
      files[at] = fd;
      room--;
      return true;
    },
    release,
    hold(ownNow, allNow) {
      own = ownNow;
      all = allNow;
    },
    close() {
      for (const pid of held.keys()) release(pid);
      own = all = NOBODY;
    },
  };
}

const NOBODY: Pids = new Set<number>();
