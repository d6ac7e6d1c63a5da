// Descriptors of processes: they tell the end of one at once, and never of another that got its number.
// Sources: pidfd_open(2), linux/pidfd.h.

import type { Native } from './index.ts';

/** The same on every architecture. */
const SYS_PIDFD_OPEN = 434;
/** _IOWR(0xff, 11, struct pidfd_info) of the first version, which every later kernel takes. */
const PIDFD_GET_INFO = 0xc040ff0b;
const INFO_BYTES = 64;
const INFO_EXIT = 8n;
const EXIT_CODE = 60;
const POLLIN = 1;

export interface Pidfds {
  /** Undefined for a process that is gone, and where the kernel has none (before Linux 5.3). */
  open(pid: number): number | undefined;
  /** Those of `fds` whose process has ended, a zombie at least. Does not wait. */
  ended(fds: readonly number[]): number[];
  /** As wait(2) gives it; from Linux 6.15 on, and once its parent has waited for it. */
  status(fd: number): number | undefined;
  close(fd: number): void;
}

export function createPidfds({ libc }: Native): Pidfds {
  const info = new DataView(new ArrayBuffer(INFO_BYTES));
  const bytes = new Uint8Array(info.buffer);
  return {
    open(pid) {
      const fd = libc.syscall(SYS_PIDFD_OPEN, pid, 0);
      return fd < 0 ? undefined : fd;
    },
    ended(fds) {
      if (fds.length === 0) return [];
      // struct pollfd: descriptor, events and what came of them.
      const polls = new Int32Array(fds.flatMap(fd => [fd, POLLIN]));
      if (libc.poll(new Uint8Array(polls.buffer), fds.length, 0) <= 0) return [];
      return fds.filter((_, i) => polls[2 * i + 1]! >> 16 !== 0);
    },
    status(fd) {
      bytes.fill(0);
      info.setBigUint64(0, INFO_EXIT, true);
      if (libc.ioctl(fd, PIDFD_GET_INFO, bytes) < 0) return undefined;
      return info.getBigUint64(0, true) & INFO_EXIT ? info.getInt32(EXIT_CODE, true) : undefined;
    },
    close: fd => void libc.close(fd),
  };
}
