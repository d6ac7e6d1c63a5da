// Pauses of a long look: whoever asks for /metrics meanwhile is answered between two slices of it.

import { setImmediate } from 'node:timers/promises';

const SLICE_MS = 5;

export interface Breath {
  /** Acts on each, one after another, and gives way whenever a slice is over. Throws when `signal` has aborted. */
  each<T>(items: readonly T[], act: (item: T) => void): Promise<void>;
}

/** `elapsed` in monotonic ms. */
export function createBreath(elapsed: () => number, signal: AbortSignal): Breath {
  let end = elapsed() + SLICE_MS;
  /** Until the slice is over; the first that is left. */
  const slice = <T>(items: readonly T[], from: number, act: (item: T) => void): number => {
    let at = from;
    while (at < items.length && elapsed() < end) act(items[at++]!);
    return at;
  };
  return {
    async each(items, act) {
      for (let at = slice(items, 0, act); at < items.length; at = slice(items, at, act)) {
        await setImmediate();
        signal.throwIfAborted();
        end = elapsed() + SLICE_MS;
      }
    },
  };
}
