// Pauses of a long look: whoever asks for /metrics meanwhile is answered between two slices of it.

import { setImmediate } from 'node:timers/promises';

const SLICE_MS = 5;

export interface Breath {
  /** Whether the slice is over. */
  due(): boolean;
  /** Gives way once. Throws when `signal` has aborted. */
  take(): Promise<void>;
}

/** `now` in ms. */
export function createBreath(now: () => number, signal: AbortSignal): Breath {
  let end = now() + SLICE_MS;
  return {
    due: () => now() >= end,
    async take() {
      await setImmediate();
      signal.throwIfAborted();
      end = now() + SLICE_MS;
    },
  };
}
