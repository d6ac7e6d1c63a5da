// How long a daemon is usually silent, learned from the gaps between its log records: a sketch of fixed size in which
// old gaps fade. Conservative: it is better to say nothing than to call a quiet night a fault. Pure.

export interface Rhythm {
  /** A gap, in ms, that ended at `at`, Unix ms. */
  take(gapMs: number, at: number): void;
  /** Silence beyond this, in ms, is unusual; undefined while too little is known. */
  limit(at: number): number | undefined;
  readonly kept: KeptRhythm;
}

/** As it is kept over restarts. */
export interface KeptRhythm {
  /** Faded counts by length of gap. */
  readonly counts: readonly number[];
  /** Unix ms of the first and the last gap. */
  readonly since: number;
  readonly at: number;
}

/** Gaps below a second say nothing. Each step is twice as long as the one before, up to 12 days. */
const SHORTEST_MS = 1000;
const STEPS = 21;
const HALF_LIFE_MS = 7 * 86_400_000;
/** A day has a night. */
const LEARN_MS = 86_400_000;
const LEARN_GAPS = 50;
/** So rare a gap, among those that count, is unusual … */
const RARE = 0.001;
/** … when it is longer by this, and than this. */
const MARGIN = 2;
const SHORTEST_LIMIT_MS = 60_000;

export const emptyRhythm = (): KeptRhythm => ({ counts: new Array(STEPS).fill(0), since: 0, at: 0 });

/** Of the file: it may hold anything. */
export function isRhythm(value: unknown): value is KeptRhythm {
  const { counts, since, at } = (value ?? {}) as Partial<KeptRhythm>;
  const isCount = (count: unknown) => typeof count === 'number' && Number.isFinite(count) && count >= 0;
  return (
    Array.isArray(counts) && counts.length === STEPS && counts.every(isCount) && isCount(since) && isCount(at)
  );
}

export function createRhythm(kept: KeptRhythm): Rhythm {
  const counts = Float64Array.from(kept.counts);
  let { since, at: last } = kept;

  const fade = (at: number) => {
    const factor = 0.5 ** (Math.max(0, at - last) / HALF_LIFE_MS);
    for (let i = 0; i < STEPS; i++) counts[i]! *= factor;
    last = Math.max(last, at);
  };

  return {
    take(gapMs, at) {
      if (since === 0) since = last = at;
      fade(at);
      if (gapMs < SHORTEST_MS) return;
      counts[Math.min(STEPS - 1, Math.floor(Math.log2(gapMs / SHORTEST_MS)))]!++;
    },
    limit(at) {
      const total = counts.reduce((sum, count) => sum + count, 0);
      if (since === 0 || at - since < LEARN_MS || total < LEARN_GAPS) return undefined;
      // From the longest down, until what was left out is no longer rare.
      let longer = 0;
      let step = STEPS - 1;
      for (; step > 0; step--) {
        longer += counts[step]!;
        if (longer > total * RARE) break;
      }
      return Math.max(SHORTEST_LIMIT_MS, MARGIN * SHORTEST_MS * 2 ** (step + 1));
    },
    get kept() {
      return { counts: [...counts], since, at: last };
    },
  };
}
