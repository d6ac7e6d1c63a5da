// What the kernel tells of processes with few calls: files and directories that stay open, and how much one has run.
// Sources: pread(2), getdents(2), readlink(2), statx(2), clock_getcpuclockid(3),
// linux/posix-timers_types.h.

import type { Native } from './index.ts';
import { systemError } from './libc.ts';

export interface Procfs {
  /** The beginning of an open file; its length. All of these that read throw as Node does. */
  read(fd: number, into: Uint8Array): number;
  /** The names in an open directory that are numbers, `buf` for the kernel's entries. */
  numbers(fd: number, buf: Buffer): number[];
  /** Adds the names in an open directory and gives their number, `buf` for the kernel's entries. */
  names(fd: number, buf: Buffer, names: string[]): number;
  /** The size of an open file. */
  size(fd: number): number;
  /** Where a link in an open directory leads, `buf` for the path. */
  link(fd: number, name: string, buf: Buffer): string;
  /**
   * CPU time of all threads of a process of our pid namespace together, in ns; NaN when there is none, and on kernels
   * that count it in ticks. While it stands, none of them has run.
   */
  cpuTime(pid: number): number;
}

/** Of all threads, as the scheduler counts it. */
const CPUCLOCK_SCHED = 2;
/** Divides the ticks of every kernel. */
const TICK_NS = 1e6;
const SYS_GETDENTS64 = process.arch === 'x64' ? 217 : 61;
const SYS_STATX = process.arch === 'x64' ? 332 : 291;
const AT_EMPTY_PATH = 0x1000;
const STATX_SIZE = 0x200;
/** struct statx, and where it has the size. */
const STATX = 256;
const SIZE = 40;
/** struct linux_dirent64. */
const RECORD_LENGTH = 16;
const NAME = 19;
const DOT = 0x2e;

export function createProcfs({ libc }: Native): Procfs {
  const cpuTime = (pid: number): number => {
    if (libc.clock_gettime((~pid << 3) | CPUCLOCK_SCHED, bytes) < 0) return Number.NaN;
    return time[0]! * 1e9 + time[2]!;
  };
  const checked = (call: string, result: number): number => {
    if (result < 0) throw systemError(call, libc.errno());
    return result;
  };
  /** Where the names begin, one after another. */
  const entries = (fd: number, buf: Buffer, each: (name: number) => void): void => {
    checked('lseek', libc.lseek(fd, 0, 0));
    for (;;) {
      const length = checked('getdents64', libc.getdents(SYS_GETDENTS64, fd, buf, buf.length));
      if (length === 0) return;
      for (let at = 0; at < length; at += buf.readUInt16LE(at + RECORD_LENGTH)) each(at + NAME);
    }
  };
  const statx = new Uint8Array(STATX);
  const sizes = new Uint32Array(statx.buffer, SIZE, 2);
  const time = new Uint32Array(4);
  const bytes = new Uint8Array(time.buffer);
  return {
    read: (fd, into) => checked('pread', libc.pread(fd, into, into.length, 0)),
    numbers(fd, buf) {
      const numbers: number[] = [];
      entries(fd, buf, name => {
        let number = 0;
        for (let at = name; buf[at] !== 0; at++) {
          const digit = buf[at]! - 0x30;
          if (digit < 0 || digit > 9) return;
          number = number * 10 + digit;
        }
        numbers.push(number);
      });
      return numbers;
    },
    names(fd, buf, names) {
      entries(fd, buf, name => {
        if (buf[name] !== DOT) names.push(buf.toString('latin1', name, buf.indexOf(0, name)));
      });
      return names.length;
    },
    size(fd) {
      checked('statx', libc.statx(SYS_STATX, fd, '', AT_EMPTY_PATH, STATX_SIZE, statx));
      return sizes[0]! + sizes[1]! * 2 ** 32;
    },
    link: (fd, name, buf) =>
      buf.toString('utf8', 0, checked('readlinkat', libc.readlinkat(fd, name, buf, buf.length))),
    cpuTime: cpuTime(process.pid) % TICK_NS === 0 ? () => Number.NaN : cpuTime,
  };
}
