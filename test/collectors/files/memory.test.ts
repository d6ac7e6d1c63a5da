// How old a checkpoint may be.
import { expect, it } from 'vitest';
import { createMemory } from '../../../collectors/files/memory.ts';

it.each([
  [0, 250],
  [20, 1000],
  [1000, 10_000],
  [5000, 20_000],
])('one that takes %d ms to save is saved again after %d', (took, pause) => {
  let now = 0;
  const saves: number[] = [];
  const store = {
    save() {
      now += took;
      saves.push(now);
    },
  };
  const nothing = { entries: () => [], unclaimed: () => [], files: new Set(), count: 0 };
  const marks = { commit: () => true };
  const memory = createMemory(
    [],
    { now: () => now } as never,
    store as never,
    marks as never,
    nothing as never,
    nothing as never,
    nothing as never,
  );
  for (now = 1000; saves.length < 3; now += 10) {
    memory.commit(0);
    memory.save(now);
  }
  // From the beginning of one to that of the next.
  expect(saves[2]! - saves[1]!).toBe(pause);
});
