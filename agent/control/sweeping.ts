// Memory that is not used any more goes back once what starting takes is over, and then once a minute.

import type { Libc } from '../native/libc.ts';
import { sweepProcess } from '../native/sweep.ts';
import type { Actor } from './group.ts';

const SETTLED_MS = 2000;
const SWEEP_MS = 60_000;

export function sweeping(libc: Libc | undefined): Actor {
  let timer: NodeJS.Timeout | undefined;
  const next = (ms: number) => {
    timer = setTimeout(() => {
      sweepProcess(libc);
      next(SWEEP_MS);
    }, ms);
  };
  return { name: 'memory', start: async () => next(SETTLED_MS), stop: async () => clearTimeout(timer) };
}
