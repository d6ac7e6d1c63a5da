// When to try a receiver again that is away: exponential back-off with full jitter, and what the receiver asks for. Pure:
// time and chance are handed in.

import { grantWish } from './wish.ts';

const FIRST_MS = 500;
const LONGEST_MS = 30_000;

export interface Backoff {
  /** No attempt begins before this time. */
  readonly notBefore: number;
  /** The receiver wants none before this time. */
  readonly wishedFor: number;
  /** Attempts that were under way together are one round: those behind the first only add a wish. */
  fails(now: number, wishMs: number, sameRound: boolean): void;
  works(): void;
}

/** `random` in [0, 1). */
export function createBackoff(random: () => number): Backoff {
  let notBefore = 0;
  let wishedFor = 0;
  /** Failed rounds in a row. */
  let rounds = 0;
  return {
    get notBefore() {
      return notBefore;
    },
    get wishedFor() {
      return wishedFor;
    },
    fails(now, wishMs, sameRound) {
      const wish = grantWish(wishMs);
      if (wish.least > 0) wishedFor = Math.max(wishedFor, now + wish.least);
      if (!sameRound) {
        const window = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(rounds++, 10));
        notBefore = Math.max(notBefore, now + wish.least + Math.max(window, wish.window) * random());
      } else if (wish.least > 0) notBefore = Math.max(notBefore, now + wish.least);
    },
    works() {
      rounds = 0;
      notBefore = 0;
      wishedFor = 0;
    },
  };
}
