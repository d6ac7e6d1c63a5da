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
  /** From now on those of `pids`, and of the rest of `all` while half of the room is free; closes those of others. */
  hold(pids: { has(pid: number): boolean }, all: ReadonlySet<number>): void;
}

/** Few of one process, so a list is the fastest way to one by its name; a file that was read only once is -1. */
interface Files {
  own: boolean;
  readonly list: { readonly name: string; fd: number }[];
}

/**
 * What looks read again and again, open from the second time on: of a process at rest no more than one is. The kernel
 * keeps 4 KiB for each that has been read.
 */
const KEPT = new Set(['statm', 'stat', 'io', 'fd']);

/** `limit` files at most. */
export function createHeld(limit: number): Held {
  const held = new Map<number, Files>();
  let room = limit;

  const find = (files: Files | undefined, name: string) => {
    if (files) for (const file of files.list) if (file.name === name) return file;
    return undefined;
  };
  const release = (pid: number): void => {
    for (const { fd } of held.get(pid)?.list ?? []) {
      if (fd < 0) continue;
      closeSync(fd);
      room++;
    }
    held.delete(pid);
  };

  return {
    has: pid => held.has(pid),
    get: (pid, name) => find(held.get(pid), name)?.fd ?? -1,
    keep(pid, name, fd) {
      const files = held.get(pid);
      if (!files || !KEPT.has(name)) return false;
      const file = find(files, name);
      if (!file) files.list.push({ name, fd: -1 });
      if (!file || room < (files.own ? 1 : limit / 2)) return false;
      file.fd = fd;
      room--;
      return true;
    },
    release,
    hold(pids, all) {
      for (const pid of held.keys()) if (!all.has(pid)) release(pid);
      for (const pid of all) {
        const own = pids.has(pid);
        const files = held.get(pid);
        if (files) files.own = own;
        else held.set(pid, { own, list: [] });
      }
    },
  };
}
