// Pauses of a long look: whoever asks for /metrics meanwhile is answered between two slices of it.

import { setImmediate } from 'node:timers/promises';

const SLICE_MS = 5;
/** So many are acted on between two looks at the clock. */
const STEP = 8;

export interface Breath {
  /** Acts on each, one after another, and gives way whenever a slice is over. Throws when `signal` has aborted. */
  each<T>(items: readonly T[], act: (item: T) => void): Promise<void>;
}

/** `elapsed` in monotonic ms. */
export function createBreath(elapsed: () => number, signal: AbortSignal): Breath {
  let end = elapsed() + SLICE_MS;
  return {
    async each(items, act) {
      for (let i = 0; i < items.length; i++) {
        if (i % STEP === 0 && elapsed() >= end) {
          await setImmediate();
          signal.throwIfAborted();
          end = elapsed() + SLICE_MS;
        }
        act(items[i]!);
      }
    },
  };
}
