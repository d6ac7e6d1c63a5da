// Waiting for the world: a condition and a deadline, never a fixed pause.
import { setTimeout as pause } from 'node:timers/promises';

/**
 * The first value of `probe` that is truthy: the 0 of a pidfile that is not written yet is none. A probe that throws counts
 * as "not yet"; at the deadline the error says what was waited for, and what was seen last.
 */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  { timeoutMs = 60_000, everyMs = 50 } = {},
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (let last: unknown; ; await pause(everyMs)) {
    try {
      const value = await probe();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause: last });
  }
}
