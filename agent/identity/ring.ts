// Rows of figures in memory that is taken once. Pure. The newest row is always the latest; older ones stand apart by
// at least the spacing of the ring, so that a fast sampler does not shorten what it remembers.

export interface Ring {
  readonly count: number;
  /** Time of the first row from `since` on; Infinity when there is none. */
  begin(since: number): number;
  /** `time` ascending, in ms; one figure a column, NaN for none. */
  push(time: number, figures: ArrayLike<number>): void;
  /** Copies a column from `since` on, without its gaps, into arrays as long as the ring; times in seconds. Returns how many. */
  read(column: number, since: number, times: Float64Array, values: Float64Array): number;
  /** The newest row but `back`; undefined when there are fewer. It stands until the next push. */
  newest(back: number): Float64Array | undefined;
  /** The rows from `since` on, oldest first: the time, then the figures; the row is reused. */
  rows(since: number): Iterable<Float64Array>;
}

export function createRing(size: number, columns: number, spacingMs: number): Ring {
  const width = columns + 1;
  const cells = new Float64Array(size * width);
  const row = new Float64Array(width);
  let next = 0;
  let count = 0;

  const start = (i: number): number => ((next - count + i + size) % size) * width;

  return {
    get count() {
      return count;
    },
    begin(since) {
      for (let i = 0; i < count; i++) if (cells[start(i)]! >= since) return cells[start(i)]!;
      return Infinity;
    },
    push(time, figures) {
      const crowded = count >= 2 && cells[start(count - 1)]! - cells[start(count - 2)]! < spacingMs;
      if (!crowded) {
        next = (next + 1) % size;
        count = Math.min(count + 1, size);
      }
      const to = start(count - 1);
      cells[to] = time;
      for (let i = 0; i < columns; i++) cells[to + 1 + i] = figures[i]!;
    },
    read(column, since, times, values) {
      let n = 0;
      for (let i = 0; i < count; i++) {
        const from = start(i);
        const value = cells[from + 1 + column]!;
        if (cells[from]! < since || Number.isNaN(value)) continue;
        times[n] = cells[from]! / 1000;
        values[n++] = value;
      }
      return n;
    },
    newest(back) {
      if (back >= count) return undefined;
      const from = start(count - 1 - back);
      return cells.subarray(from, from + width);
    },
    *rows(since) {
      for (let i = 0; i < count; i++) {
        const from = start(i);
        if (cells[from]! < since) continue;
        row.set(cells.subarray(from, from + width));
        yield row;
      }
    },
  };
}
