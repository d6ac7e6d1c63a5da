// Deaths in words.
import { expect, it } from 'vitest';
import type { Certificate } from '../../../agent/core/certificate.ts';
import { duration, sentence } from '../../../agent/identity/sentence.ts';

const T = 1_700_000_000_000;
const HOUR = 3_600_000;
const plain: Certificate = {
  daemon: 'nginx',
  pid: 4711,
  program: 'nginx',
  at: T,
  startedAt: T - 3.2 * HOUR,
  exit: { reason: 'exit', code: 0 },
  checks: [],
  samples: { at: [], cpu: [], memory: [], fds: [], fdUsage: [] },
  logs: [],
  alsoDied: [],
};
const other = (daemon: string, at: number) => ({
  daemon,
  pid: 9,
  at,
  exit: { reason: 'exit', code: 1 } as const,
});
const UNSEEN = { reason: 'unknown', lastSeenAt: T - 60_000 } as const;
const check = (name: string, healthy: boolean) => ({ name, healthy, message: '', since: T });

it.each<[Partial<Certificate>, string]>([
  [{}, 'nginx[4711] exited with status 0 after 3 h 12 min'],
  [{ startedAt: undefined }, 'nginx[4711] exited with status 0'],
  [{ exit: { reason: 'exit' } }, 'nginx[4711] exited after 3 h 12 min'],
  [{ exit: { reason: 'unknown' } }, 'nginx[4711] ended unseen after 3 h 12 min'],
  [{ exit: { reason: 'oom', code: 9 } }, 'nginx[4711] was killed because memory ran out after 3 h 12 min'],
  [
    { exit: { reason: 'signal', code: 15, signal: 'SIGTERM' } },
    'nginx[4711] was ended by SIGTERM after 3 h 12 min',
  ],
  [{ exit: { reason: 'signal', code: 9 } }, 'nginx[4711] was killed by signal 9 after 3 h 12 min'],
  [{ exit: { reason: 'signal' } }, 'nginx[4711] was killed by a signal after 3 h 12 min'],
  [
    {
      exit: { reason: 'signal', code: 11, signal: 'SIGSEGV', coreDumped: true },
      fds: { open: 950, limit: 1024, usage: 0.93 },
      restart: { pid: 4712, at: T + 2000 },
    },
    'nginx[4711] was killed by SIGSEGV after 3 h 12 min (core dumped); 93 % of its fds in use; restarted 2 s later',
  ],
  [{ fds: { open: 5, usage: 0.5 }, startedAt: undefined }, 'nginx[4711] exited with status 0'],
  [
    { startedAt: T, restart: { pid: 1, at: T } },
    'nginx[4711] exited with status 0 after less than a second; restarted at once',
  ],
  [
    { startedAt: undefined, checks: [check('web', false), check('port', true)] },
    'nginx[4711] exited with status 0; check web failing',
  ],
  [
    { startedAt: undefined, checks: [check('a', false), check('b', false)] },
    'nginx[4711] exited with status 0; checks a, b failing',
  ],
  [
    {
      startedAt: undefined,
      alsoDied: [other('redis', T - 3000), other('app', T + 100), other('x', T + 9000)],
    },
    'nginx[4711] exited with status 0; redis exited with status 1 3 s before; app exited with status 1 at the same time; x exited with status 1 9 s later',
  ],
  [
    { startedAt: undefined, alsoDied: ['a', 'a', 'b', 'a'].map(name => other(name, T)) },
    'nginx[4711] exited with status 0; a exited with status 1 at the same time; b exited with status 1 at the same time',
  ],
  [
    { exit: UNSEEN, repeats: { count: 1, lastAt: T, lastExit: UNSEEN } },
    'nginx[4711] ended while no agent ran after 3 h 11 min to 3 h 12 min; and so did 1 more of it',
  ],
  [
    { startedAt: undefined, alsoDied: ['a', 'b', 'c', 'd', 'e'].map(name => other(name, T)) },
    'nginx[4711] exited with status 0; a exited with status 1 at the same time; b exited with status 1 at the same time; c exited with status 1 at the same time; 2 more died',
  ],
  [
    { startedAt: undefined, repeats: { count: 1, lastAt: T, lastExit: { reason: 'exit', code: 0 } } },
    'nginx[4711] exited with status 0; died once more within 10 s',
  ],
  [
    {
      startedAt: undefined,
      repeats: { count: 7, lastAt: T, lastExit: { reason: 'signal', code: 11, signal: 'SIGSEGV' } },
    },
    'nginx[4711] exited with status 0; died 7 times more within 10 s, and at last was killed by SIGSEGV',
  ],
])('%j', (more, words) => {
  expect(sentence({ ...plain, ...more })).toBe(words);
});

it.each([
  [-5, 'less than a second'],
  [0, 'less than a second'],
  [1000, '1 s'],
  [59_999, '59 s'],
  [60_000, '1 min'],
  [61_000, '1 min 1 s'],
  [HOUR, '1 h'],
  [HOUR + 59_000, '1 h'],
  [27 * HOUR, '1 d 3 h'],
  [400 * 24 * HOUR, '400 d'],
])('%d ms: %s', (ms, words) => {
  expect(duration(ms)).toBe(words);
});
