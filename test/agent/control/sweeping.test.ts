import { afterEach, expect, it, vi } from 'vitest';
import { sweeping } from '../../../agent/control/sweeping.ts';

afterEach(() => vi.useRealTimers());

it('sweeps the program ever less often down to once a minute, and malloc steadily, until it is stopped', async () => {
  vi.useFakeTimers({ now: 0 });
  const seconds = () => Date.now() / 1000;
  const programs = new Set<number>();
  const mallocs: number[] = [];
  const actor = sweeping({
    malloc_trim: () => mallocs.push(seconds()),
    madvise: () => programs.add(seconds()).size,
  });
  await actor.start();
  vi.advanceTimersByTime(250_000);
  await actor.stop!(0);
  vi.advanceTimersByTime(250_000);
  expect([...programs]).toEqual([2, 6, 14, 30, 62, 122, 182, 242]);
  expect(mallocs).toEqual(Array.from({ length: 50 }, (_, i) => 5 * (i + 1)));
});
