// Whether a series of figures rises, and how fast: the Theil–Sen estimator over at most 32 medians, which neither
// outliers nor steps of the sampling disturb, and a test that says no to noise, saw teeth, steps and declines. Pure;
// the cost of an answer does not depend on the series.

export interface Trend {
  /** Where the series stands at its end. */
  readonly level: number;
  /** Growth a second, above 0. */
  readonly perSecond: number;
  /** What it grew by over its time. */
  readonly rise: number;
}

/** Points a series is condensed to. */
const BLOCKS = 32;
const MIN_POINTS = 8;
/** A shorter series promises nothing. */
const MIN_SPAN_S = 60;
/** Of all pairs that differ, how many more must rise than fall; and how many of all must rise. */
const AGREEMENT = 0.8;
const RISING = 0.6;
/** A second half that is slower than this share of the whole is one that settles. */
const PERSISTENCE = 0.5;

/** Of the first `count` figures, at times in seconds, ascending. */
export type TrendFinder = (times: Float64Array, values: Float64Array, count: number) => Trend | undefined;

/** Its memory is taken once. */
export function createTrendFinder(): TrendFinder {
  const at = new Float64Array(BLOCKS);
  const level = new Float64Array(BLOCKS);
  const slopes = new Float64Array((BLOCKS * (BLOCKS - 1)) / 2);
  let scratch = new Float64Array(64);

  const median = (from: Float64Array, start: number, end: number): number => {
    const n = end - start;
    if (scratch.length < n) scratch = new Float64Array(n);
    const sorted = scratch.subarray(0, n);
    sorted.set(from.subarray(start, end));
    sorted.sort();
    return n % 2 === 1 ? sorted[n >> 1]! : (sorted[n / 2 - 1]! + sorted[n / 2]!) / 2;
  };

  const condense = (times: Float64Array, values: Float64Array, count: number): number => {
    const blocks = Math.min(count, BLOCKS);
    for (let i = 0; i < blocks; i++) {
      const start = Math.floor((i * count) / blocks);
      const end = Math.floor(((i + 1) * count) / blocks);
      at[i] = median(times, start, end);
      level[i] = median(values, start, end);
    }
    return blocks;
  };

  /** Median of the slopes between all pairs of points `start..end`, and how the pairs agree. */
  const estimate = (start: number, end: number) => {
    let pairs = 0;
    let rising = 0;
    let falling = 0;
    for (let i = start; i < end; i++)
      for (let j = i + 1; j < end; j++) {
        const growth = level[j]! - level[i]!;
        if (growth > 0) rising++;
        else if (growth < 0) falling++;
        slopes[pairs++] = growth / (at[j]! - at[i]!);
      }
    return {
      slope: median(slopes, 0, pairs),
      rising: rising / pairs,
      agreement: (rising - falling) / (rising + falling),
    };
  };

  return (times, values, count) => {
    if (count < MIN_POINTS || !(times[count - 1]! - times[0]! >= MIN_SPAN_S)) return undefined;
    const points = condense(times, values, count);
    const last = level[points - 1]!;
    if (!(last > level[0]!)) return undefined;
    const { slope, rising, agreement } = estimate(0, points);
    if (!(slope > 0 && rising >= RISING && agreement >= AGREEMENT)) return undefined;
    const half = points >> 1;
    if (!(estimate(0, half).slope > 0 && estimate(half, points).slope >= PERSISTENCE * slope))
      return undefined;
    const rise = slope * (times[count - 1]! - times[0]!);
    const now = median(values, count - 3, count);
    let peak = -Infinity;
    for (let i = 0; i < points; i++) peak = Math.max(peak, level[i]!);
    if (peak > now + rise / 4) return undefined;
    return { level: now, perSecond: slope, rise };
  };
}
