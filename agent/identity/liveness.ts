// How a daemon is, from what is known of it. Pure: facts in, one of the seven states out.

import type { DaemonState, Exit } from '../core/daemon.ts';

export interface Vitals {
  /** Tops of process trees that run. */
  readonly instances: number;
  /** Whether as many run as expected. */
  readonly enough: boolean;
  /** Age of the youngest of them, in ms. */
  readonly youngestMs: number;
  /** Unix ms of the latest restarts. */
  readonly restarts: readonly number[];
  readonly lastExit: Exit | undefined;
  /** For how long, in ms, all of them have been stopped or in uninterruptible sleep. */
  readonly stuckMs: number;
  readonly failingChecks: number;
  /** Checks that have not spoken yet. */
  readonly silentChecks: number;
}

/** A daemon this young may still lack instances or fail checks: it is starting. */
export const START_GRACE_MS = 30_000;
/** Stopped (T) or in uninterruptible sleep (D) for longer is hung. */
export const HUNG_AFTER_MS = 30_000;
/** This many restarts in the window are a crash loop … */
export const LOOP_RESTARTS = 3;
export const LOOP_WINDOW_MS = 10 * 60_000;
/** … until an instance has lived for so long. */
export const STABLE_AFTER_MS = 2 * 60_000;

/** What systemd takes for a clean end: status 0, or SIGHUP, SIGINT, SIGPIPE, SIGTERM. Source: systemd.service(5). */
export const isClean = ({ reason, code }: Exit): boolean =>
  (reason === 'exit' && code === 0) || (reason === 'signal' && [1, 2, 13, 15].includes(code ?? 0));

export function judge(vitals: Vitals, now: number): DaemonState {
  const { instances, youngestMs, lastExit } = vitals;
  const recent = vitals.restarts.filter(at => now - at < LOOP_WINDOW_MS).length;
  if (recent >= LOOP_RESTARTS && (instances === 0 || youngestMs < STABLE_AFTER_MS)) return 'crash_looping';
  if (instances === 0) return lastExit && isClean(lastExit) ? 'stopped' : 'absent';
  if (vitals.stuckMs >= HUNG_AFTER_MS) return 'hung';
  const young = youngestMs < START_GRACE_MS;
  if (!vitals.enough || vitals.failingChecks > 0) return young ? 'starting' : 'unhealthy';
  return young && vitals.silentChecks > 0 ? 'starting' : 'healthy';
}
