// Files of processes that stay open from look to look, as far as there is room for them. Pure but for closing them.

import { closeSync } from 'node:fs';

export interface Held {
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

/** Read in each look. All others stay open from the second time on: a process at rest needs no more than this one. */
const FIRST = 'stat';

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
    get: (pid, name) => find(held.get(pid), name)?.fd ?? -1,
    keep(pid, name, fd) {
      const files = held.get(pid);
      if (!files || room < (files.own ? 1 : limit / 2)) return false;
      const file = find(files, name);
      const stays = name === FIRST || file !== undefined;
      if (file) file.fd = fd;
      else files.list.push({ name, fd: stays ? fd : -1 });
      if (stays) room--;
      return stays;
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
