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
 * What looks read again and again, open from the second time on: of a process at rest no more than one is. The kernel
 * keeps 4 KiB for each that has been read.
 */
const KEPT = ['statm', 'stat', 'io', 'fd'] as const;
type Kept = (typeof KEPT)[number];
/** Of one process, each the open file or one of these. */
type Files = Record<Kept, number>;
const READ_ONCE = -1;
const NEVER_READ = -2;
/** What each look reads of each process: the others leave it room. */
const FIRST = 'statm';

const isKept = (name: string): name is Kept => (KEPT as readonly string[]).includes(name);

/** `limit` files at most. */
export function createHeld(limit: number): Held {
  const held = new Map<number, Files>();
  let own: Pids = NOBODY;
  let all: Pids = NOBODY;
  let room = limit;

  const release = (pid: number): void => {
    const files = held.get(pid);
    if (!files) return;
    for (const name of KEPT) {
      if (files[name] < 0) continue;
      closeSync(files[name]);
      room++;
    }
    held.delete(pid);
  };

  return {
    has: pid => all.has(pid),
    get: (pid, name) => held.get(pid)?.[name as Kept] ?? -1,
    keep(pid, name, fd) {
      if (!isKept(name) || !all.has(pid)) return false;
      let files = held.get(pid);
      if (!files) {
        files = { statm: NEVER_READ, stat: NEVER_READ, io: NEVER_READ, fd: NEVER_READ };
        held.set(pid, files);
      }
      if (files[name] === NEVER_READ) {
        files[name] = READ_ONCE;
        return false;
      }
      const left = name === FIRST ? room : room - all.size;
      if (left < 1 || (!own.has(pid) && room < limit / 2)) return false;
      files[name] = fd;
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
