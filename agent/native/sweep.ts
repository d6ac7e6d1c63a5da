// Gives back what is not used any more: V8 would keep its garbage until as much again has been allocated, which takes days
// where little happens; glibc keeps what lies between two pieces in use; and code that ran once stays mapped.

import { closeSync, openSync, readlinkSync, readSync } from 'node:fs';
import type { Libc } from './libc.ts';
import { cleanExtents } from './parse-smaps.ts';

const MADV_DONTNEED = 4;

/** Takes up to 80 ms. Without `--expose-gc` it does nothing. */
export const sweepHeap = (): void => {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
};

/**
 * Lets go of what is mapped of the runtime's own program, half of what an agent at rest takes, and of what glibc keeps. The
 * program stays in the page cache; what is still needed of it is mapped again when it is touched, 64 KiB at a time, in a
 * microsecond. Takes 2 ms.
 */
export function sweepProcess(libc: Pick<Libc, 'madvise' | 'malloc_trim'> | undefined): void {
  libc?.malloc_trim?.(0);
  try {
    const program = readlinkSync('/proc/self/exe');
    for (const { address, size } of cleanExtents(smapsOf(program), program))
      libc?.madvise(address, size, MADV_DONTNEED);
  } catch {
    // Where /proc does not tell, all stays mapped.
  }
}

/** This process's smaps up to behind the program, which mostly comes first: the kernel takes 4 ms to tell the rest. */
function smapsOf(program: string): string {
  const fd = openSync('/proc/self/smaps', 'r');
  try {
    const piece = Buffer.alloc(2 ** 14);
    for (let text = ''; ; ) {
      const more = piece.toString('utf8', 0, readSync(fd, piece));
      if (more === '' || (text.includes(program) && !more.includes(program))) return text;
      text += more;
    }
  } finally {
    closeSync(fd);
  }
}
