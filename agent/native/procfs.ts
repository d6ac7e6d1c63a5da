// What the kernel tells of processes for one call and no object: a file that stays open, and how much one has run.
// Sources: pread(2), clock_getcpuclockid(3), linux/posix-timers_types.h.

import type { Native } from './index.ts';
import { systemError } from './libc.ts';

export interface Procfs {
  /** The beginning of an open file; its length. Throws as `readSync` does. */
  read(fd: number, into: Uint8Array): number;
  /**
   * CPU time of all threads of a process of our pid namespace together, in ns; NaN when there is none. While it stands,
   * none of them has run.
   */
  cpuTime(pid: number): number;
}

/** Of all threads, as the scheduler counts it. */
const CPUCLOCK_SCHED = 2;

export function createProcfs({ libc }: Native): Procfs {
  const time = new Uint32Array(4);
  const bytes = new Uint8Array(time.buffer);
  return {
    read(fd, into) {
      const length = libc.pread(fd, into, into.length, 0);
      if (length < 0) throw systemError('pread', libc.errno());
      return length;
    },
    cpuTime(pid) {
      if (libc.clock_gettime((~pid << 3) | CPUCLOCK_SCHED, bytes) < 0) return Number.NaN;
      return time[0]! * 1e9 + time[2]!;
    },
  };
}
