// Where figures are kept until somebody asks: counters a room adds to, and the latest samples of a collector.

import type { Desc, Family, Point } from './metric.ts';

/** One series to add to. Resolve it once with `with()`, then touch it without a lookup. */
export interface Cell {
  add(n?: number): void;
  set(value: number): void;
  /** Histograms only. */
  observe(value: number): void;
}

export interface Instrument {
  with(...labels: string[]): Cell;
  remove(...labels: string[]): void;
}

/** Counters of the agent's own work, of one thread. */
export interface Meter {
  /** Returns the same instrument for the same name. */
  instrument(desc: Desc): Instrument;
}

/** Takes the samples of one collector. A series not set in a cycle is gone after it. */
export interface SampleSink {
  set(desc: Desc, value: number, ...labels: string[]): void;
}

class Series implements Point, Cell {
  readonly labels: readonly string[];
  readonly created: number;
  readonly bounds: readonly number[] | undefined;
  value = 0;
  cycle = 0;
  /** The one asked for after it the last time. */
  next: Series | undefined;
  gone = false;
  text?: string;
  shownValue = Number.NaN;
  shown = 'NaN';
  histogram?: { counts: number[]; sum: number };
  constructor(labels: readonly string[], created: number, bounds?: readonly number[]) {
    this.labels = labels;
    this.created = created;
    this.bounds = bounds;
    if (bounds) this.histogram = { counts: new Array(bounds.length + 1).fill(0), sum: 0 };
  }
  add(n = 1): void {
    this.value += n;
  }
  set(value: number): void {
    this.value = value;
  }
  observe(value: number): void {
    const { histogram, bounds } = this;
    if (!histogram || !bounds) return;
    histogram.sum += value;
    for (let i = 0; i <= bounds.length; i++)
      if (i === bounds.length || value <= bounds[i]!) histogram.counts[i]!++;
  }
}

/** Label values joined for a lookup; the separator cannot occur in valid UTF-8 label text. */
const keyOf = (labels: readonly string[]): string =>
  labels.length === 1 ? labels[0]! : labels.join('\u0000');

const hasLabels = ({ labels }: Series, wanted: readonly string[]): boolean => {
  for (let i = 0; i < labels.length; i++) if (labels[i] !== wanted[i]) return false;
  return labels.length === wanted.length;
};

class Table implements Instrument, Family {
  readonly desc: Desc;
  private readonly series = new Map<string, Series>();
  private readonly now: () => number;
  private last: Series | undefined;
  constructor(desc: Desc, now: () => number) {
    this.desc = desc;
    this.now = now;
  }
  get points(): Iterable<Series> {
    return this.series.values();
  }
  /** Series are asked for in one order again and again, so the one that came next the last time is tried first. */
  with(...labels: string[]): Series {
    const expected = this.last?.next;
    if (expected && !expected.gone && hasLabels(expected, labels)) {
      this.last = expected;
      return expected;
    }
    const series = this.find(labels);
    if (this.last) this.last.next = series;
    this.last = series;
    return series;
  }
  private find(labels: readonly string[]): Series {
    const key = keyOf(labels);
    let series = this.series.get(key);
    if (!series) {
      if (labels.length !== (this.desc.labels?.length ?? 0))
        throw new Error(
          `BUG: ${this.desc.name} takes ${this.desc.labels?.length ?? 0} labels, got ${labels.length}`,
        );
      series = new Series(
        labels,
        this.now() / 1000,
        this.desc.type === 'histogram' ? this.desc.buckets : undefined,
      );
      this.series.set(key, series);
    }
    return series;
  }
  remove(...labels: string[]): void {
    const series = this.series.get(keyOf(labels));
    if (series) this.drop(series);
  }
  /** Drops the series that were not set in this cycle. */
  sweep(cycle: number): void {
    for (const series of this.series.values()) if (series.cycle !== cycle) this.drop(series);
  }
  private drop(series: Series): void {
    series.gone = true;
    series.next = undefined;
    this.series.delete(keyOf(series.labels));
  }
}

export interface MeterTable extends Meter {
  families(): Iterable<Family>;
}

/** A meter that keeps its own families. `now` gives Unix milliseconds. */
export function createMeter(now: () => number = Date.now): MeterTable {
  const tables = new Map<string, Table>();
  return {
    instrument(desc) {
      let table = tables.get(desc.name);
      if (!table) {
        table = new Table(desc, now);
        tables.set(desc.name, table);
      }
      return table;
    },
    families: () => tables.values(),
  };
}

export interface LatestSamples extends SampleSink {
  /** Opens a cycle; `end()` drops what was not set since. */
  begin(): void;
  end(): void;
  /** Drops everything, as after a failed cycle: a stale figure is worse than none. */
  clear(): void;
  families(): Iterable<Family>;
}

/** The latest table of one sampler. `now` gives Unix milliseconds. */
export function createLatest(now: () => number = Date.now): LatestSamples {
  const tables = new Map<string, Table>();
  let cycle = 0;
  return {
    begin() {
      cycle++;
    },
    set(desc, value, ...labels) {
      let table = tables.get(desc.name);
      if (!table || (table.desc !== desc && String(table.desc.labels) !== String(desc.labels))) {
        table = new Table(desc, now);
        tables.set(desc.name, table);
      }
      const series = table.with(...labels);
      series.value = value;
      series.cycle = cycle;
    },
    end() {
      for (const table of tables.values()) table.sweep(cycle);
    },
    clear() {
      tables.clear();
    },
    families: () => tables.values(),
  };
}
