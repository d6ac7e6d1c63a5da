// Who tells how processes end, by option.
import { expect, it, onTestFinished } from 'vitest';
import type { SamplerRoom } from '../../../agent/core/collector.ts';
import { createExits } from '../../../collectors/processes/exits.ts';

it.each(['pidfd', 'sample'] as const)('%s, which was asked for, is no fallback to warn of', async option => {
  const warnings: string[] = [];
  const silent = () => {};
  const room = {
    root: '/',
    log: { debug: silent, info: silent, error: silent, warn: (text: string) => void warnings.push(text) },
    reports: {},
    now: Date.now,
    elapsed: () => performance.now(),
  } as unknown as SamplerRoom;
  const exits = createExits(option, room, {
    look: () => undefined,
    lookSoon: silent,
    lost: silent,
    ended: silent,
  });
  onTestFinished(() => exits.close());
  expect(exits.source.name).toBe(option);
  expect(warnings).toEqual([]);
});
