// The seven states from vitals, each at its borders.
import { describe, expect, it } from 'vitest';
import type { DaemonState, Exit, ManagerWord } from '../../../agent/core/daemon.ts';
import {
  HUNG_AFTER_MS,
  isClean,
  judge,
  LOOP_WINDOW_MS,
  nextStart,
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
  overdue: false,
  expectedDown: false,
  manager: undefined,
  stuckMs: 0,
  failingChecks: 0,
  lapsedChecks: 0,
  timedOutChecks: 0,
  silentChecks: 0,
  silent: false,
};
const GONE = { instances: 0, enough: false, youngestMs: Infinity };
const crash: Exit = { reason: 'signal', code: 11 };
const asked: Exit = { reason: 'signal', code: 15 };
const word = (by: ManagerWord['by'], stopped: boolean) => ({ manager: { by, stopped, says: '' } });
const thrice = (age: number) => [NOW - age, NOW - age, NOW - age];

const CASES: [what: string, vitals: Partial<Vitals>, state: DaemonState][] = [
  ['all well', {}, 'healthy'],
  ['well and young', { youngestMs: 0 }, 'healthy'],
  ['none', GONE, 'absent'],
  ['none after a crash', { ...GONE, lastExit: { reason: 'signal', code: 11 } }, 'absent'],
  ['none for an unknown reason', { ...GONE, lastExit: { reason: 'unknown' } }, 'absent'],
  ['none after a clean end', { ...GONE, lastExit: { reason: 'exit', code: 0 } }, 'stopped'],
  ['none after SIGTERM', { ...GONE, lastExit: { reason: 'signal', code: 15 } }, 'stopped'],
  ['stopped by systemd', { ...GONE, ...word('systemd', true), lastExit: crash }, 'stopped'],
  [
    'failed to systemd',
    { ...GONE, ...word('systemd', false), lastExit: { reason: 'exit', code: 0 } },
    'absent',
  ],
  ['without its pidfile', { ...GONE, ...word('pidfile', true), lastExit: asked }, 'stopped'],
  ['without its pidfile, which it may never have written', { ...GONE, ...word('pidfile', true) }, 'absent'],
  [
    'without its pidfile, unseen',
    { ...GONE, ...word('pidfile', true), lastExit: { reason: 'unknown' } },
    'stopped',
  ],
  ['without its pidfile after a crash', { ...GONE, ...word('pidfile', true), lastExit: crash }, 'absent'],
  ['with a stale pidfile', { ...GONE, ...word('pidfile', false) }, 'absent'],
  [
    'with a stale pidfile, unseen',
    { ...GONE, ...word('pidfile', false), lastExit: { reason: 'unknown' } },
    'absent',
  ],
  ['expected down', { ...GONE, expectedDown: true, lastExit: crash, restarts: thrice(0) }, 'stopped'],
  ['expected down and up', { expectedDown: true }, 'healthy'],
  [
    'stopped by its manager in a crash loop',
    { ...GONE, ...word('systemd', true), restarts: thrice(0) },
    'stopped',
  ],
  [
    'given up by its manager in a crash loop',
    { ...GONE, ...word('systemd', false), restarts: thrice(0) },
    'crash_looping',
  ],
  ['every failing check times out', { failingChecks: 2, timedOutChecks: 2 }, 'hung'],
  ['one failing check answers', { failingChecks: 2, timedOutChecks: 1 }, 'unhealthy'],
  ['checks time out at the beginning', { failingChecks: 1, timedOutChecks: 1, youngestMs: 0 }, 'starting'],
  [
    'a check that held lapses at the beginning',
    { failingChecks: 1, lapsedChecks: 1, youngestMs: 0 },
    'unhealthy',
  ],
  ['silent', { silent: true }, 'hung'],
  ['silent at the beginning', { silent: true, youngestMs: 0 }, 'healthy'],
  ['silent and gone', { ...GONE, silent: true }, 'absent'],
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
  ['three restarts and a clean end', { ...GONE, restarts: thrice(0), lastExit: asked }, 'crash_looping'],
  ['… left down', { ...GONE, restarts: thrice(0), lastExit: asked, overdue: true }, 'stopped'],
  [
    '… left down after a crash',
    { ...GONE, restarts: thrice(0), lastExit: crash, overdue: true },
    'crash_looping',
  ],
  [
    '… left down, against the will of its manager',
    { ...GONE, ...word('systemd', false), restarts: thrice(0), lastExit: asked, overdue: true },
    'crash_looping',
  ],
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

describe('the next start', () => {
  const END = NOW - 1000;
  it.each([
    ['nothing known', [], undefined],
    ['always at once', [50, 50], NOW],
    ['always after 10 s', [10_000, 10_000], END + 10_000],
    ['a back-off that doubles', [4000, 8000], END + 16_000],
    ['a back-off at its end', [600_000, 900_000], END + 600_000],
    ['shrinking', [10_000, 5000], END + 5000],
    ['from nothing', [0, 3000], END + 3000],
  ] as [string, number[], number | undefined][])('%s', (_, delays, at) =>
    expect(nextStart(END, delays, NOW)).toBe(at),
  );

  it('is not expected any more when it is overdue', () => {
    expect(nextStart(NOW - 60_000, [10_000], NOW)).toBeUndefined();
  });
});
