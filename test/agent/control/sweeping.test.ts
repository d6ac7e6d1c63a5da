import { afterEach, expect, it, vi } from 'vitest';
import { sweeping } from '../../../agent/control/sweeping.ts';

afterEach(() => vi.useRealTimers());

it('sweeps ever less often down to once a minute, until it is stopped', async () => {
  vi.useFakeTimers({ now: 0 });
  const swept: number[] = [];
  const libc = { malloc_trim: () => swept.push(Date.now() / 1000), madvise: () => 0 };
  const actor = sweeping(libc);
  await actor.start();
  vi.advanceTimersByTime(250_000);
  await actor.stop!(0);
  vi.advanceTimersByTime(250_000);
  expect(swept).toEqual([2, 6, 14, 30, 62, 122, 182, 242]);
});
