// Small files of /proc into one reused buffer. A process that is gone and one that may not be read are answers, not errors.

import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { causeOf, codeOf } from '../../agent/core/errors.ts';

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
}

/** /proc/stat, the largest, has a number for each interrupt before the lines we want. */
const BUFFER = 256 * 1024;

/** Anything but a vanished process or missing rights throws `cannot read "<path>": <cause>`. */
export function createReader(root: string): Reader {
  const proc = join(root, 'proc');
  const buf = new Uint8Array(BUFFER);
  // Since Linux 6.2 the size of the directory is the count, for one call and without any right.
  const sized = sizeOf(join(proc, 'self/fd')) > 0;

  return {
    buf,
    pids() {
      try {
        return readdirSync(proc).filter(name => name >= '0' && name < ':');
      } catch (error) {
        throw new Error(`cannot list "${proc}": ${causeOf(error)}`, { cause: error });
      }
    },
    file(pid, name) {
      const path = `${proc}/${pid}/${name}`;
      let fd = -1;
      try {
        fd = openSync(path, 'r');
        return readSync(fd, buf, 0, BUFFER, 0);
      } catch (error) {
        return refusal(path, error);
      } finally {
        if (fd >= 0) closeSync(fd);
      }
    },
    openFds(pid) {
      const path = `${proc}/${pid}/fd`;
      try {
        return sized ? statSync(path).size : readdirSync(path).length;
      } catch (error) {
        return refusal(path, error);
      }
    },
  };
}

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
