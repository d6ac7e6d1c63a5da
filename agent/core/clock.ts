// Time is an argument: the meeting places hand these in, and tests their own.

export interface Clock {
  /** Unix ms, for when something was. It leaps when somebody sets the clock, so no age is measured by it. */
  now(): number;
  /** Monotonic ms, for how long ago something was in this life of the thread. */
  elapsed(): number;
  /** Calls once after `ms`; returns what cancels it. */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: Date.now,
  elapsed: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
