// The seven states from vitals, each at its borders.
import { expect, it } from 'vitest';
import type { DaemonState, Exit } from '../../../agent/core/daemon.ts';
import {
  HUNG_AFTER_MS,
  isClean,
  judge,
  LOOP_WINDOW_MS,
  STABLE_AFTER_MS,
  START_GRACE_MS,
  type Vitals,
} from '../../../agent/identity/liveness.ts';

const NOW = 1_700_000_000_000;
const WELL: Vitals = {
  instances: 1,
  enough: true,
  youngestMs: 3_600_000,
  restarts: [],
  lastExit: undefined,
  stuckMs: 0,
  failingChecks: 0,
  silentChecks: 0,
};
const GONE = { instances: 0, enough: false, youngestMs: Infinity };
const thrice = (age: number) => [NOW - age, NOW - age, NOW - age];

const CASES: [what: string, vitals: Partial<Vitals>, state: DaemonState][] = [
  ['all well', {}, 'healthy'],
  ['well and young', { youngestMs: 0 }, 'healthy'],
  ['none', GONE, 'absent'],
  ['none after a crash', { ...GONE, lastExit: { reason: 'signal', code: 11 } }, 'absent'],
  ['none for an unknown reason', { ...GONE, lastExit: { reason: 'unknown' } }, 'absent'],
  ['none after a clean end', { ...GONE, lastExit: { reason: 'exit', code: 0 } }, 'stopped'],
  ['none after SIGTERM', { ...GONE, lastExit: { reason: 'signal', code: 15 } }, 'stopped'],
  ['one of many missing', { enough: false }, 'unhealthy'],
  ['one of many missing at the beginning', { enough: false, youngestMs: START_GRACE_MS - 1 }, 'starting'],
  ['a failing check', { failingChecks: 1 }, 'unhealthy'],
  ['a failing check at the beginning', { failingChecks: 1, youngestMs: 0 }, 'starting'],
  ['a failing check after the beginning', { failingChecks: 1, youngestMs: START_GRACE_MS }, 'unhealthy'],
  ['a silent check', { silentChecks: 1 }, 'healthy'],
  ['a silent check at the beginning', { silentChecks: 1, youngestMs: 0 }, 'starting'],
  ['stuck', { stuckMs: HUNG_AFTER_MS }, 'hung'],
  ['stuck with a failing check', { stuckMs: HUNG_AFTER_MS, failingChecks: 1 }, 'hung'],
  ['stuck for a moment', { stuckMs: HUNG_AFTER_MS - 1 }, 'healthy'],
  ['two restarts', { restarts: [NOW, NOW], youngestMs: 0 }, 'healthy'],
  ['three restarts', { restarts: thrice(0), youngestMs: 0 }, 'crash_looping'],
  ['three restarts, now stable', { restarts: thrice(0), youngestMs: STABLE_AFTER_MS }, 'healthy'],
  ['three restarts and down', { ...GONE, restarts: thrice(LOOP_WINDOW_MS - 1) }, 'crash_looping'],
  ['three restarts long ago and down', { ...GONE, restarts: thrice(LOOP_WINDOW_MS) }, 'absent'],
];

it.each(CASES)('%s', (_, vitals, state) => expect(judge({ ...WELL, ...vitals }, NOW)).toBe(state));

it.each([
  [{ reason: 'exit', code: 0 }, true],
  [{ reason: 'exit', code: 1 }, false],
  [{ reason: 'exit' }, false],
  [{ reason: 'signal', code: 15 }, true],
  [{ reason: 'signal', code: 2 }, true],
  [{ reason: 'signal', code: 9 }, false],
  [{ reason: 'signal' }, false],
  [{ reason: 'oom', code: 9 }, false],
  [{ reason: 'unknown' }, false],
] as [Exit, boolean][])('%j is clean: %s', (exit, clean) => expect(isClean(exit)).toBe(clean));
