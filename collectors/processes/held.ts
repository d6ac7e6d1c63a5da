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

/** Few of one process, so a list is the fastest way to one by its name; a file that was read only once is -1. */
type Files = { readonly name: string; fd: number }[];

/**
 * What looks read again and again, open from the second time on: of a process at rest no more than one is. The kernel
 * keeps 4 KiB for each that has been read.
 */
const KEPT = new Set(['statm', 'stat', 'io', 'fd']);
/** What each look reads of each process: the others leave it room. */
const FIRST = 'statm';

/** `limit` files at most. */
export function createHeld(limit: number): Held {
  const held = new Map<number, Files>();
  let own: Pids = NOBODY;
  let all: Pids = NOBODY;
  let room = limit;

  const find = (files: Files | undefined, name: string) => {
    if (files) for (const file of files) if (file.name === name) return file;
    return undefined;
  };
  const release = (pid: number): void => {
    for (const { fd } of held.get(pid) ?? []) {
      if (fd < 0) continue;
      closeSync(fd);
      room++;
    }
    held.delete(pid);
  };

  return {
    has: pid => all.has(pid),
    get: (pid, name) => find(held.get(pid), name)?.fd ?? -1,
    keep(pid, name, fd) {
      if (!KEPT.has(name) || !all.has(pid)) return false;
      const files = held.get(pid) ?? [];
      const file = find(files, name);
      if (!file) {
        files.push({ name, fd: -1 });
        held.set(pid, files);
        return false;
      }
      const left = name === FIRST ? room : room - all.size;
      if (left < 1 || (!own.has(pid) && room < limit / 2)) return false;
      file.fd = fd;
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
