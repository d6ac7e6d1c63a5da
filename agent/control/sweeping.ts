// Memory that is not used any more goes back: of the program often while what starting takes is coming to an end, then once
// a minute; of malloc every five seconds.

import type { Libc } from '../native/libc.ts';
import { sweepMalloc, sweepProgram } from '../native/sweep.ts';
import type { Actor } from './group.ts';

const FIRST_MS = 2000;
const PROGRAM_MS = 60_000;
const MALLOC_MS = 5000;

export function sweeping(libc: Pick<Libc, 'madvise' | 'malloc_trim'> | undefined): Actor {
  let program: NodeJS.Timeout | undefined;
  let malloc: NodeJS.Timeout | undefined;
  const next = (ms: number) => {
    program = setTimeout(() => {
      sweepProgram(libc);
      next(Math.min(ms * 2, PROGRAM_MS));
    }, ms);
  };
  return {
    name: 'memory',
    async start() {
      next(FIRST_MS);
      malloc = setInterval(() => sweepMalloc(libc), MALLOC_MS);
    },
    async stop() {
      clearTimeout(program);
      clearInterval(malloc);
    },
  };
}
