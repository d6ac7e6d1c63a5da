// When processes are asked how they run: at first, once settled, on an occasion, and seldom without one.
import { expect, it, onTestFinished } from 'vitest';
import type { Stat } from '../../../agent/core/procstat.ts';
import { createPostures } from '../../../collectors/processes/posture.ts';
import { createHost } from '../../procfs.ts';

function world() {
  const host = createHost();
  onTestFinished(host.close);
  const postures = createPostures(host.root);
  let now = 0;
  return {
    /** It runs for this user from now on. */
    run: (pid: number, uid: number) => host.run({ pid, uid }),
    userAt(ms: number, { pid = 5, start = 1, rights = 0 } = {}) {
      now = ms;
      return postures.of({ pid, startTicks: start, session: pid, terminal: 0 } as Stat, rights, now)?.user;
    },
    begin: () => postures.begin(now),
    forget: postures.forget,
  };
}

it('again when it has settled, and then in the turn after four minutes and a half', () => {
  const w = world();
  w.run(5, 0);
  expect(w.userAt(0)).toBe('0');
  w.run(5, 33);
  expect(w.userAt(4_999)).toBe('0');
  expect(w.userAt(5_000)).toBe('33');
  expect(w.begin()).toBe(true);
  w.run(5, 44);
  expect(w.userAt(274_999)).toBe('33');
  expect(w.begin()).toBe(false);
  expect(w.userAt(275_000)).toBe('44');
});

it('at once with other rights, and once more when it has settled with them', () => {
  const w = world();
  w.run(5, 0);
  w.userAt(0);
  expect(w.userAt(5_000)).toBe('0');
  w.run(5, 33);
  expect(w.userAt(6_000, { rights: 7 })).toBe('33');
  w.run(5, 44);
  expect(w.userAt(10_000, { rights: 7 })).toBe('33');
  expect(w.userAt(11_000, { rights: 7 })).toBe('44');
});

it('of whoever has the pid now', () => {
  const w = world();
  w.run(5, 0);
  w.userAt(0);
  w.run(5, 33);
  expect(w.userAt(1_000, { start: 2 })).toBe('33');
  w.forget(5);
  w.run(5, 44);
  expect(w.userAt(1_001, { start: 2 })).toBe('44');
});

it('of those that run alike by one object', () => {
  const host = createHost();
  onTestFinished(host.close);
  const postures = createPostures(host.root);
  const of = (pid: number, uid: number) => {
    host.run({ pid, uid });
    return postures.of({ pid, startTicks: 1, session: 9, terminal: 0 } as Stat, 0, 0);
  };
  const first = of(10, 33);
  expect(of(11, 33)).toBe(first);
  expect(of(12, 0)).toMatchObject({ user: '0', session: 9 });
});

it('a few in one cycle, the others in the next', () => {
  const w = world();
  const pids = Array.from({ length: 100 }, (_, i) => 10 + i);
  for (const pid of pids) w.run(pid, 0);
  const known = () => pids.filter(pid => w.userAt(1, { pid }) !== undefined).length;
  const first = known();
  expect(first).toBeLessThan(100);
  expect(w.begin()).toBe(true);
  expect(known()).toBe(Math.min(100, 2 * first));
});
