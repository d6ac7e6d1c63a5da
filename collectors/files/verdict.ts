// What a rule says of a line. Pure.

/** What a line is to the record before it. */
export const Verdict = {
  /** A record by itself, complete. */
  Single: 0,
  /** The first line of a record that may go on. */
  Start: 1,
  /** A further line of the record before it, if there is one. */
  Continue: 2,
} as const;

/**
 * Judges a line given the state after the line before (0 at first): returns `state * 4 + verdict`. Keeps nothing.
 */
export type Rule = (state: number, buf: Uint8Array, start: number, end: number) => number;

/** The answer of a `Rule`. */
export const rule = (verdict: number, state = 0): number => state * 4 + verdict;
