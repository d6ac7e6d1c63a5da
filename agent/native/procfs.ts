// What the kernel tells of processes with few calls: files and directories that stay open, and how much one has run.
// Sources: pread(2), getdents(2), readlink(2), fstat(2), statx(2), clock_getcpuclockid(3),
// linux/posix-timers_types.h.

import type { Native } from './index.ts';
import { systemError } from './libc.ts';
import { STATX, SYS_STATX } from './status.ts';

export interface Procfs {
  /** What the last call has read, from 0. */
  readonly buf: Buffer;
  /** What the last link leads to, from 0. */
  readonly target: Buffer;
  /** The beginning of an open file; its length. All of these that read throw as Node does. */
  read(fd: number): number;
  /** The names in an open directory that are numbers. */
  numbers(fd: number): number[];
  /**
   * Where the links in an open directory lead whose names are numbers, one after another: each is given its name and the
   * length of what it leads to, which then stands in `target`. Those that are gone by then are left out.
   */
  links(fd: number, each: (name: number, length: number) => void): void;
  /** The size of an open file. */
  size(fd: number): number;
  /** Where a link in an open directory leads. */
  link(fd: number, name: number): string;
  /**
   * CPU time of all threads of a process of our pid namespace together, in ns; NaN when there is none, and on kernels
   * that count it in ticks. While it stands, none of them has run.
   */
  cpuTime(pid: number): number;
}

/** mmap(2): PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS. */
const [READ_WRITE, PRIVATE] = [3, 0x22];
const TIMESPEC = 16;
/** Of all threads, as the scheduler counts it. */
const CPUCLOCK_SCHED = 2;
/** Divides the ticks of every kernel. */
const TICK_NS = 1e6;
const SYS_GETDENTS64 = process.arch === 'x64' ? 217 : 61;
const AT_EMPTY_PATH = 0x1000;
const STATX_SIZE = 0x200;
/** Where struct statx and the smaller struct stat of 64-bit machines have the size. */
const SIZE = 40;
const SIZE_IN_STAT = 48;
/** struct linux_dirent64. */
const RECORD_LENGTH = 16;
const NAME = 19;
const ZERO = 0x30;
/** PATH_MAX. */
const TARGET = 4096;

/** `size` of the memory that files are read into: it is mapped, and never given back. Throws without any. */
export function createProcfs({ libc }: Native, size: number): Procfs {
  const [timeAt, targetAt] = [size, size + TIMESPEC];
  const all = targetAt + TARGET;
  const address = libc.mmap(0, all, READ_WRITE, PRIVATE, -1, 0);
  if (address <= 0) throw systemError('mmap', libc.errno());
  const memory = libc.view(address, all);
  const buf = Buffer.from(memory, 0, size);
  const time = new Uint32Array(memory, timeAt, TIMESPEC / Uint32Array.BYTES_PER_ELEMENT);
  const target = Buffer.from(memory, targetAt, TARGET);
  const cpuTime = (pid: number): number => {
    if (libc.clock_gettime((~pid << 3) | CPUCLOCK_SCHED, address + timeAt) < 0) return Number.NaN;
    return time[0]! * 1e9 + time[2]!;
  };
  const checked = (call: string, result: number): number => {
    if (result < 0) throw systemError(call, libc.errno());
    return result;
  };
  /** Where the names begin, one after another. */
  const entries = (fd: number, each: (name: number) => void): void => {
    checked('lseek', libc.lseek(fd, 0, 0));
    for (;;) {
      const length = checked('getdents64', libc.getdents(SYS_GETDENTS64, fd, address, size));
      for (let at = 0; at < length; at += buf[at + RECORD_LENGTH]! | (buf[at + RECORD_LENGTH + 1]! << 8))
        each(at + NAME);
      // One with room left may be cut short as well, by a signal.
      if (length === 0) return;
    }
  };
  /** Of the number whose digits begin there and end with a zero; NaN for another name. */
  const numberAt = (at: number): number => {
    let number = 0;
    for (let i = at; buf[i] !== 0; i++) {
      const digit = buf[i]! - ZERO;
      if (digit < 0 || digit > 9) return Number.NaN;
      number = number * 10 + digit;
    }
    return number;
  };
  const { fstat } = libc;
  const status = new Uint8Array(STATX);
  const sizes = new Uint32Array(status.buffer, fstat ? SIZE_IN_STAT : SIZE, 2);
  return {
    buf,
    read: fd => checked('pread', libc.pread(fd, address, size, 0)),
    target,
    numbers(fd) {
      const numbers: number[] = [];
      entries(fd, name => {
        const number = numberAt(name);
        if (!Number.isNaN(number)) numbers.push(number);
      });
      return numbers;
    },
    links(fd, each) {
      entries(fd, name => {
        const number = numberAt(name);
        if (Number.isNaN(number)) return;
        const length = libc.readlinkat(fd, address + name, address + targetAt, TARGET);
        if (length >= 0) each(number, length);
      });
    },
    size(fd) {
      if (fstat) checked('fstat', fstat(fd, status));
      else checked('statx', libc.statx(SYS_STATX, fd, '', AT_EMPTY_PATH, STATX_SIZE, status));
      return sizes[0]! + sizes[1]! * 2 ** 32;
    },
    link(fd, name) {
      buf.write(`${name}\0`, 'latin1');
      const length = libc.readlinkat(fd, address, address + targetAt, TARGET);
      return target.toString('utf8', 0, checked('readlinkat', length));
    },
    cpuTime: cpuTime(process.pid) % TICK_NS === 0 ? () => Number.NaN : cpuTime,
  };
}
