// Small files of /proc into one reused buffer. A process that is gone and one that may not be read are answers, not errors.

import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { causeOf, codeOf } from '../../agent/core/errors.ts';
import { parseOpenFilesLimit } from './parse.ts';

/** Results of a read or a count that are no length. */
export const GONE = -1;
export const DENIED = -2;

export interface Reader {
  /** What the last `file()` read, from 0. */
  readonly buf: Uint8Array;
  /** Pids of /proc, as names and in the kernel's order. */
  pids(): string[];
  /** Reads `<proc>/<pid>/<name>` (`pid` may be empty: `<proc>/<name>`); its length, GONE or DENIED. */
  file(pid: string, name: string): number;
  /** Open file descriptors of a process; GONE or DENIED. */
  openFds(pid: string): number;
  /**
   * Keeps the files of these processes open from their next read on, as far as the limit of open files allows, and
   * closes those of all others. A read is then one call, and a pid that is used again is never taken for what it was.
   */
  hold(pids: ReadonlySet<string>): void;
}

/** /proc/stat, the largest, has a number for each interrupt before the lines we want. */
const BUFFER = 256 * 1024;
/** Of the open files the agent may have, the share that may be kept so. */
const HELD_SHARE = 0.5;
const MAX_HELD = 65_536;
const PROC_SUPER_MAGIC = 0x9fa0;

/** Anything but a vanished process or missing rights throws `cannot read "<path>": <cause>`. */
export function createReader(root: string): Reader {
  const proc = join(root, 'proc');
  const buf = new Uint8Array(BUFFER);
  // Since Linux 6.2 the size of the directory is the count, for one call and without any right.
  const sized = sizeOf(join(proc, 'self/fd')) > 0;
  /** By pid, then name. Empty maps belong to processes that are to be held. */
  const held = new Map<string, Map<string, number>>();
  let room = magicOf(proc) === PROC_SUPER_MAGIC ? Math.min(MAX_HELD, openFilesLimit(proc) * HELD_SHARE) : 0;

  const read = (fd: number): number => readSync(fd, buf, 0, BUFFER, 0);
  const release = (pid: string) => {
    const files = held.get(pid);
    if (!files) return;
    for (const fd of files.values()) closeSync(fd);
    room += files.size;
    held.delete(pid);
  };
  /** Keeps it, or else says that it has to be closed. */
  const keep = (pid: string, name: string, fd: number): boolean => {
    const files = held.get(pid);
    if (!files || room < 1) return false;
    files.set(name, fd);
    room--;
    return true;
  };
  /** `look` at the open file or a newly opened one; whoever ended since it was opened may have a successor. */
  const through = (pid: string, name: string, look: (fd: number) => number): number => {
    const path = `${proc}/${pid}/${name}`;
    const known = held.get(pid)?.get(name);
    try {
      if (known !== undefined) return look(known);
    } catch (error) {
      if (refusal(path, error) !== GONE) return DENIED;
      release(pid);
    }
    let fd = -1;
    let kept = false;
    try {
      fd = openSync(path, 'r');
      kept = keep(pid, name, fd);
      return look(fd);
    } catch (error) {
      return refusal(path, error);
    } finally {
      if (fd >= 0 && !kept) closeSync(fd);
    }
  };

  return {
    buf,
    pids() {
      try {
        return readdirSync(proc).filter(name => name >= '0' && name < ':');
      } catch (error) {
        throw new Error(`cannot list "${proc}": ${causeOf(error)}`, { cause: error });
      }
    },
    file: (pid, name) => through(pid, name, read),
    openFds(pid) {
      if (sized && held.get(pid)?.has('stat')) {
        const count = through(pid, 'fd', sizeOfOpen);
        if (count !== DENIED) return count;
      }
      const path = `${proc}/${pid}/fd`;
      try {
        return sized ? statSync(path).size : readdirSync(path).length;
      } catch (error) {
        return refusal(path, error);
      }
    },
    hold(pids) {
      for (const pid of held.keys()) if (!pids.has(pid)) release(pid);
      for (const pid of pids) if (!held.has(pid)) held.set(pid, new Map());
    },
  };
}

function magicOf(path: string): number {
  try {
    return statfsSync(path).type;
  } catch {
    return 0;
  }
}

/** The agent's own; 0 when it cannot be told. */
function openFilesLimit(proc: string): number {
  try {
    const limits = readFileSync(`${proc}/self/limits`);
    return parseOpenFilesLimit(limits, limits.length) || 0;
  } catch {
    return 0;
  }
}

const sizeOfOpen = (fd: number): number => fstatSync(fd).size;

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

function refusal(path: string, error: unknown): number {
  switch (codeOf(error)) {
    case 'ENOENT':
    case 'ESRCH':
      return GONE;
    case 'EACCES':
    case 'EPERM':
      return DENIED;
    default:
      throw new Error(`cannot read "${path}": ${causeOf(error)}`, { cause: error });
  }
}
