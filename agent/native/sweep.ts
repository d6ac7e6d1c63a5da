// Gives back what is not used any more: V8 would keep its garbage until as much again has been allocated, which takes days
// where little happens; glibc keeps what lies between two pieces in use; and code that ran once stays mapped.

import { closeSync, openSync, readlinkSync, readSync } from 'node:fs';
import { type Libc, MADV_DONTNEED } from './libc.ts';
import { cleanExtents } from './parse-smaps.ts';

/** Takes up to 80 ms. Without `--expose-gc` it does nothing. */
export const sweepHeap = (): void => {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
};

/**
 * Lets go of what is mapped of the runtime's own program, half of what an agent at rest takes. It stays in the page cache; what
 * is still needed of it is mapped again when it is touched, 64 KiB at a time, in a microsecond. Takes 1 ms.
 */
export function sweepProgram(libc: Pick<Libc, 'madvise'> | undefined): void {
  try {
    const program = readlinkSync('/proc/self/exe');
    for (const { address, size } of cleanExtents(smapsOf(program), program))
      libc?.madvise(address, size, MADV_DONTNEED);
  } catch {
    // Where /proc does not tell, all stays mapped.
  }
}

/** Gives back what glibc keeps between two pieces in use: 10 MiB after hot functions were compiled. Takes 0.1 ms. */
export const sweepMalloc = (libc: Pick<Libc, 'malloc_trim'> | undefined): void => void libc?.malloc_trim?.(0);

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
