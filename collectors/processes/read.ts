// Small files of /proc into one reused buffer. A process that is gone and one that may not be read are answers, not errors.

import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { attempt, causeOf, codeOf } from '../../agent/core/errors.ts';
import { loadNative } from '../../agent/native/index.ts';
import { createProcfs } from '../../agent/native/procfs.ts';
import { createHeld, type Held } from './held.ts';
import { createLayout, type Layout, parseOpenFilesLimit, parsePageSize } from './parse.ts';

/** Results of a read or a count that are no length. */
export const GONE = -1;
export const DENIED = -2;

export interface Reader {
  /** What the last `file()` read, from 0. */
  readonly buf: Buffer;
  /** Of the last status. */
  readonly layout: Layout;
  /** Of memory, in bytes. */
  readonly pageSize: number;
  /** In the kernel's order. */
  pids(): number[];
  /** A thread of the process other than its first, whose files are there under its number; `pid` without one. */
  thread(pid: number): number;
  /** Reads `<proc>/<pid>/<name>`; its length, GONE or DENIED. */
  file(pid: number, name: string): number;
  /** The text of such a file, empty where it cannot be read: of thousands of processes most have that of the one before. */
  text(pid: number, name: string): string;
  /**
   * CPU time of a process in ns; NaN where it cannot be told. While it is the same, the process has not run.
   */
  cpuTime(pid: number): number;
  /** Open file descriptors of a process; GONE or DENIED. */
  openFds(pid: number): number;
  /**
   * What each of them stands for, one after another: `each` is given the descriptor and the length of what then stands in
   * `target`. 0, GONE or DENIED.
   */
  links(pid: number, each: (fd: number, length: number) => void): number;
  readonly target: Buffer;
  /** What a descriptor stands for; throws. */
  targetOf(pid: number, fd: number): string;
  /** The network namespace; throws. */
  networkOf(pid: number): string;
  /**
   * Keeps files of these processes open, and of `all` others as far as they leave half of the limit of open files free: a
   * read is then one call, and a pid that is used again is never taken for what it was.
   */
  hold: Held['hold'];
  /** Closes those of a process that has ended. */
  release: Held['release'];
  /** Closes all of them. */
  close(): void;
}

/** Of nearly every machine. */
const PAGE = 4096;
/** /proc/PID/status, the largest, names each group of a process and each processor it may run on. */
const BUFFER = 64 * 1024;
/** PATH_MAX. */
const TARGET = 4096;
/** Of the open files the agent may have, the share that may be kept so. */
const HELD_SHARE = 0.5;
const MAX_HELD = 65_536;
const PROC_SUPER_MAGIC = 0x9fa0;

/** Anything but a vanished process or missing rights throws `cannot read "<path>": <cause>`. */
export function createReader(root: string): Reader {
  const proc = join(root, 'proc');
  // Since Linux 6.2 the size of the directory is the count, for one call and without any right.
  const sized = sizeOf(join(proc, 'self/fd')) > 0;
  const real = magicOf(proc) === PROC_SUPER_MAGIC;
  const native = real ? loadNative() : undefined;
  const procfs = native && createProcfs(native, BUFFER);
  const buf = procfs?.buf ?? Buffer.alloc(BUFFER);
  const target = procfs?.target ?? Buffer.alloc(TARGET);
  const limit = real ? Math.min(MAX_HELD, openFilesLimit(proc) * HELD_SHARE) : 0;
  const held = createHeld(limit);

  const read = procfs ? procfs.read : (fd: number): number => readSync(fd, buf, 0, BUFFER, 0);
  const sizeOfOpen = procfs ? procfs.size : (fd: number): number => fstatSync(fd).size;
  // Elsewhere a pid of theirs is another process here.
  const cpuTime = procfs && isOwn(proc) ? procfs.cpuTime : () => Number.NaN;
  const opened = (path: string, pid: number, name: string, look: (fd: number) => number): number => {
    let fd = -1;
    let kept = false;
    try {
      fd = openSync(path, 'r');
      kept = held.keep(pid, name, fd);
      return look(fd);
    } catch (error) {
      return refusal(path, error);
    } finally {
      if (fd >= 0 && !kept) closeSync(fd);
    }
  };
  /** `look` at the open file or a newly opened one; whoever ended since it was opened may have a successor. */
  const through = (pid: number, name: string, look: (fd: number) => number): number => {
    const fd = held.get(pid, name);
    try {
      if (fd >= 0) return look(fd);
    } catch (error) {
      if (refusal(`${proc}/${pid}/${name}`, error) !== GONE) return DENIED;
      held.release(pid);
    }
    return opened(`${proc}/${pid}/${name}`, pid, name, look);
  };

  const file = (pid: number, name: string): number => through(pid, name, read);
  let last = '';

  return {
    buf,
    layout: createLayout(),
    pageSize: parsePageSize(attempt(() => readFileSync('/proc/self/auxv')) ?? Buffer.alloc(0)) ?? PAGE,
    pids() {
      try {
        if (procfs) return listed(proc, directory => procfs.numbers(directory));
        return readdirSync(proc)
          .filter(name => name >= '0' && name < ':')
          .map(Number);
      } catch (error) {
        throw new Error(`cannot list "${proc}": ${causeOf(error)}`, { cause: error });
      }
    },
    thread: pid => Number(attempt(() => readdirSync(`${proc}/${pid}/task`))?.at(-1) ?? pid),
    file,
    text(pid, name) {
      const text = buf.toString('utf8', 0, Math.max(0, file(pid, name)));
      if (text !== last) last = text;
      return last;
    },
    cpuTime,
    openFds(pid) {
      if (sized && held.has(pid)) {
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
    links(pid, each) {
      if (procfs)
        return through(pid, 'fd', fd => {
          procfs.links(fd, each);
          return 0;
        });
      const path = `${proc}/${pid}/fd`;
      try {
        for (const name of readdirSync(path)) {
          const led = attempt(() => readlinkSync(`${path}/${name}`));
          if (led !== undefined) each(Number(name), target.write(led));
        }
        return 0;
      } catch (error) {
        return refusal(path, error);
      }
    },
    target,
    targetOf(pid, fd) {
      const directory = procfs ? held.get(pid, 'fd') : -1;
      return directory >= 0 ? procfs!.link(directory, fd) : readlinkSync(`${proc}/${pid}/fd/${fd}`);
    },
    networkOf: pid => readlinkSync(`${proc}/${pid}/ns/net`),
    hold: held.hold,
    release: held.release,
    close: held.close,
  };
}

function listed<T>(path: string, list: (directory: number) => T): T {
  const directory = openSync(path, 'r');
  try {
    return list(directory);
  } finally {
    closeSync(directory);
  }
}

/** Whether it names processes as the kernel does to this one. */
const isOwn = (proc: string): boolean =>
  attempt(() => readlinkSync(join(proc, 'self'))) === String(process.pid);

const magicOf = (path: string): number => attempt(() => statfsSync(path).type) ?? 0;

/** The agent's own; 0 when it cannot be told. */
function openFilesLimit(proc: string): number {
  const limits = attempt(() => readFileSync(`${proc}/self/limits`));
  return (limits && parseOpenFilesLimit(limits, limits.length)) || 0;
}

const sizeOf = (path: string): number => attempt(() => statSync(path).size) ?? 0;

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
