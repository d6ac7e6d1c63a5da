// How a daemon is, from what is known of it. Pure: facts in, one of the seven states out.

import type { DaemonState, Exit, ManagerWord } from '../core/daemon.ts';

export interface Vitals {
  /** Tops of process trees that run. */
  readonly instances: number;
  /** Whether as many run as expected. */
  readonly enough: boolean;
  /** Age of the youngest of them, in ms. */
  readonly youngestMs: number;
  /** Monotonic ms of the latest restarts that nobody asked for. */
  readonly restarts: readonly number[];
  readonly lastExit: Exit | undefined;
  /** It has not come up again when, by its last restarts, it should have. */
  readonly overdue: boolean;
  /** Somebody told us to expect it down. */
  readonly expectedDown: boolean;
  readonly manager: ManagerWord | undefined;
  /** For how long, in ms, all of them have been stopped or in uninterruptible sleep. */
  readonly stuckMs: number;
  readonly failingChecks: number;
  /** Of those, the ones that have held since the youngest began: it has started. */
  readonly lapsedChecks: number;
  /** Of those that fail, the ones that got no answer in time. */
  readonly timedOutChecks: number;
  /** Checks that have not spoken yet. */
  readonly silentChecks: number;
  /** Whether it has logged nothing for longer than expected. */
  readonly silent: boolean;
}

/** A daemon this young may still lack instances or fail checks that have not held yet: it is starting. */
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

const isCrash = (exit: Exit | undefined): boolean =>
  exit !== undefined && exit.reason !== 'unknown' && !isClean(exit);

/**
 * Why there is none: whoever manages it knows best, but for a pidfile, which a crashing daemon may remove as well, and one
 * that has never run has not written.
 */
function judgeGone({ lastExit, manager, overdue }: Vitals, looping: boolean): DaemonState {
  const knows = manager?.by !== 'pidfile' || (lastExit !== undefined && !isCrash(lastExit));
  if (manager?.stopped && knows) return 'stopped';
  const clean = manager === undefined && lastExit !== undefined && isClean(lastExit);
  // Whoever restarted it has left it down: a loop that ended well is over.
  if (looping && !(clean && overdue)) return 'crash_looping';
  return clean ? 'stopped' : 'absent';
}

/** `elapsed` in monotonic ms. */
export function judge(vitals: Vitals, elapsed: number): DaemonState {
  const { instances, youngestMs } = vitals;
  const recent = vitals.restarts.filter(at => elapsed - at < LOOP_WINDOW_MS).length;
  const looping = recent >= LOOP_RESTARTS && (instances === 0 || youngestMs < STABLE_AFTER_MS);
  if (instances === 0) return vitals.expectedDown ? 'stopped' : judgeGone(vitals, looping);
  if (looping) return 'crash_looping';
  if (vitals.stuckMs >= HUNG_AFTER_MS) return 'hung';
  const young = youngestMs < START_GRACE_MS && vitals.lapsedChecks === 0;
  const { failingChecks, timedOutChecks } = vitals;
  if (!young && (vitals.silent || (failingChecks > 0 && timedOutChecks === failingChecks))) return 'hung';
  if (!vitals.enough || failingChecks > 0) return young ? 'starting' : 'unhealthy';
  return young && vitals.silentChecks > 0 ? 'starting' : 'healthy';
}

/** Why one that hangs is said to, for people; of the states its main processes are in, and of the checks without an answer. */
export function whyHung(
  stuckMs: number,
  states: ReadonlySet<string>,
  silence: string,
  timedOut: readonly { readonly name: string; readonly message: string }[],
): string {
  if (stuckMs < HUNG_AFTER_MS)
    return silence || timedOut.map(({ name, message }) => `check ${name}: ${message}`).join(', ');
  const halts = [
    states.has('D') && 'in uninterruptible sleep',
    (!states.has('D') || states.size > 1) && 'stopped',
  ];
  return `its main processes are ${halts.filter(halt => halt !== false).join(' or ')}`;
}

/** A restart back-off grows no further than this. */
const MAX_DELAY_MS = 10 * 60_000;
/** Two delays of which the second is longer by this are a back-off. */
const GROWTH = 1.4;

/**
 * When the next start is to be expected, in Unix ms, from the delays after the ends before, in ms; undefined without
 * any, and when it is overdue.
 */
export function nextStart(endedAt: number, delays: readonly number[], now: number): number | undefined {
  const last = delays.at(-1);
  if (last === undefined) return undefined;
  const before = delays.at(-2);
  const growth = before !== undefined && before > 0 ? last / before : 1;
  const delay = Math.min(MAX_DELAY_MS, last * (growth >= GROWTH ? growth : 1));
  // A supervisor is not exact to the second.
  return now - endedAt > 2 * delay + 5000 ? undefined : Math.max(now, endedAt + delay);
}
