// Wakes a thread that waits in poll(2), by an eventfd(2).

import { writeSync } from 'node:fs';
import type { Native } from './index.ts';
import { systemError } from './libc.ts';

export interface Wake {
  /** Readable from the first call of `wake()` on, until somebody reads it. */
  readonly fd: number;
  wake(): void;
  /** Once nobody waits any more. */
  close(): void;
}

const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;
const ONE = new Uint8Array(BigUint64Array.of(1n).buffer);

/** Throws the system's error. */
export function openWake({ libc, close }: Pick<Native, 'libc' | 'close'>): Wake {
  const fd = libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) throw systemError('eventfd', libc.errno());
  return { fd, wake: () => void writeSync(fd, ONE), close: () => close(fd) };
}
