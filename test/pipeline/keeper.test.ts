import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type FsyncPolicy, keepSafe } from '../../agent/pipeline/spool/keeper.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function start(policy: FsyncPolicy) {
  const seen = { syncs: 0, safe: [] as number[] };
  const pending: (() => void)[] = [];
  const keeper = keepSafe(
    { sync: () => new Promise(done => pending.push(() => done(++seen.syncs))) },
    policy,
    safe => void seen.safe.push(safe),
  );
  /** The disk has done what it was last asked for. */
  const finish = async () => {
    pending.shift()?.();
    await vi.advanceTimersByTimeAsync(0);
  };
  return { keeper, seen, pending, finish };
}

test.each([
  [1000, 1000],
  [5000, 5000],
  [1, 50],
  ['off', 1000],
] as const)(
  '%s: the first batch at once, then every %i ms, and not while one is under way',
  async (policy, everyMs) => {
    const { keeper, seen, pending, finish } = start(policy);
    keeper.stored(false);
    await vi.advanceTimersByTimeAsync(0);
    expect(pending).toHaveLength(1);
    keeper.stored(false);
    await vi.advanceTimersByTimeAsync(10 * everyMs);
    expect(pending).toHaveLength(1);
    await finish();
    expect(seen.safe).toEqual([1]);
    keeper.stored(false);
    await vi.advanceTimersByTimeAsync(everyMs - 1);
    expect(pending).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(pending).toHaveLength(1);
  },
);

test.each([
  [1000, 100],
  [50, 50],
  [0, 0],
] as const)('%i: one that may wait is given %i ms, and holds up no other', async (policy, waitMs) => {
  const { keeper, pending, finish } = start(policy);
  keeper.stored(true);
  await vi.advanceTimersByTimeAsync(Math.max(0, waitMs - 1));
  expect(pending).toHaveLength(waitMs === 0 ? 1 : 0);
  keeper.stored(true);
  await vi.advanceTimersByTimeAsync(1);
  expect(pending).toHaveLength(1);
  await finish();
  await vi.advanceTimersByTimeAsync(10_000);
  while (pending.length > 0) await finish();
  keeper.stored(true);
  keeper.stored(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(pending).toHaveLength(1);
});

test('without batches it looks with every tick whether the disk is well, and never by itself', async () => {
  const { keeper, pending, finish } = start(1000);
  for (let i = 0; i < 2; i++) {
    await vi.advanceTimersByTimeAsync(1000);
    expect([pending.length, vi.getTimerCount()]).toEqual([0, 0]);
    keeper.tick();
    keeper.tick();
    expect(pending).toHaveLength(1);
    await finish();
  }
});

test('a tick neither brings forward what a policy puts off nor puts off the first batch after a rest', async () => {
  const { keeper, pending, finish } = start(5000);
  keeper.tick();
  await finish();
  keeper.stored(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(pending).toHaveLength(1);
  await finish();
  keeper.stored(false);
  await vi.advanceTimersByTimeAsync(4000);
  keeper.tick();
  expect(pending).toHaveLength(0);
  await vi.advanceTimersByTimeAsync(1000);
  expect(pending).toHaveLength(1);
});

test('0: behind every batch; those that come meanwhile share the next', async () => {
  const { keeper, seen, pending, finish } = start(0);
  keeper.stored(false);
  keeper.stored(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(pending).toHaveLength(1);
  keeper.stored(false);
  keeper.stored(false);
  await vi.advanceTimersByTimeAsync(100);
  expect(pending).toHaveLength(1);
  await finish();
  expect([seen.safe, pending.length]).toEqual([[1], 1]);
  await finish();
  expect([seen.safe, pending.length]).toEqual([[1, 2], 0]);
});

test('stopped, it says nothing more', async () => {
  const { keeper, seen, pending, finish } = start(100);
  keeper.stored(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(pending).toHaveLength(1);
  keeper.stop();
  await finish();
  keeper.tick();
  expect([seen.safe, pending.length]).toEqual([[], 0]);
});

test('a run that is due already is not put off, nor asked for in the past', () => {
  const { keeper } = start(0);
  const timers = vi.spyOn(globalThis, 'setTimeout');
  let now = 1000;
  vi.spyOn(performance, 'now').mockImplementation(() => now++);
  keeper.stored(false);
  expect(timers.mock.lastCall?.[1]).toBe(0);
  vi.restoreAllMocks();
});
