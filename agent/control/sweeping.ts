// Memory that is not used any more goes back: often while what starting takes is coming to an end, then once a minute.

import { sweepProcess } from '../native/sweep.ts';
import type { Actor } from './group.ts';

const FIRST_MS = 2000;
const SWEEP_MS = 60_000;

export function sweeping(libc: Parameters<typeof sweepProcess>[0]): Actor {
  let timer: NodeJS.Timeout | undefined;
  const next = (ms: number) => {
    timer = setTimeout(() => {
      sweepProcess(libc);
      next(Math.min(ms * 2, SWEEP_MS));
    }, ms);
  };
  return { name: 'memory', start: async () => next(FIRST_MS), stop: async () => clearTimeout(timer) };
}
