// How a process ended, from the status wait(2) gives. Pure.

import type { Exit } from './daemon.ts';

/** Names of Linux on all machines we run on, from 1. Source: signal(7). */
const SIGNALS =
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS'.split(
    ' ',
  );
const CORE = 0x80;

/**
 * From the first look that misses a process its end is waited for so long, where the kernel tells ends: a tenth of a second
 * late, or more where it or the agent waits for the CPU. Ms.
 */
export const AWAITED_MS = 5000;

/** `SIGTERM`; real-time signals, which have no name of their own, as `SIG34`. */
export const signalName = (signal: number): string => `SIG${SIGNALS[signal - 1] ?? signal}`;

/** `status` undefined when nobody knows. */
export function exitOf(status: number | undefined): Exit {
  if (status === undefined) return { reason: 'unknown' };
  const signal = status & 0x7f;
  return signal === 0
    ? { reason: 'exit', code: (status >> 8) & 0xff }
    : { reason: 'signal', code: signal, signal: signalName(signal), coreDumped: (status & CORE) !== 0 };
}
