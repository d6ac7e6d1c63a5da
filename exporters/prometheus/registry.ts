// The agent's own counters, kept by prom-client and read as families. The only door to that package: load it lazily.

import { readdirSync, statSync } from 'node:fs';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Cell, Instrument, Meter } from '../../agent/core/meter.ts';
import type { Desc, Family, MetricType, Point } from '../../agent/core/metric.ts';
import { prometheusName } from '../../agent/core/metric.ts';

export interface AgentRegistry {
  readonly meter: Meter;
  /** What the rooms have counted, and `process_*` and `nodejs_*` of this process. */
  families(): Promise<Family[]>;
}

/** As `getMetricsAsJSON()` gives it; its declared types are not what it returns. */
interface Json {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly {
    readonly value: number;
    readonly metricName?: string;
    readonly labels: Readonly<Record<string, string | number>>;
  }[];
}

/** One instrument: when each of its series began. */
interface Table {
  readonly desc: Desc;
  readonly created: Map<string, number>;
  readonly instrument: Instrument;
}

const keyOf = (labels: readonly string[]): string => labels.join('\u0000');

/** `now` gives Unix milliseconds. */
export function createRegistry(now: () => number = Date.now): AgentRegistry {
  const registry = new Registry();
  const tables = new Map<string, Table>();
  const born = now() / 1000;
  collectOwn(registry);

  return {
    meter: {
      instrument(desc) {
        const name = desc.type === 'counter' ? `${prometheusName(desc)}_total` : prometheusName(desc);
        let table = tables.get(name);
        if (!table) {
          table = createTable(registry, name, desc, now);
          tables.set(name, table);
        }
        return table.instrument;
      },
    },
    async families() {
      const metrics = (await registry.getMetricsAsJSON()) as unknown as Json[];
      return metrics.map(json => {
        const table = tables.get(json.name);
        const desc = table?.desc ?? describe(json);
        return { desc, points: points(json, desc, key => table?.created.get(key) ?? born) };
      });
    },
  };
}

/**
 * The process metrics every Prometheus client has. Left out are the event loop's percentiles, whose sampling timer
 * costs 0.6 % of a core, and gauges that call themselves `_total`. Open files are counted by one call: the agent holds
 * thousands of them where it watches thousands of processes, and to list them takes longer than all the rest of a page.
 */
function collectOwn(registry: Registry): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 2 ** 31 - 1 });
  for (const { name } of registry.getMetricsAsArray())
    if (/^nodejs_(eventloop_lag_(?!seconds)|active_.*_total)/.test(name)) registry.removeSingleMetric(name);
  if (!registry.getSingleMetric(OPEN_FDS)) return;
  registry.removeSingleMetric(OPEN_FDS);
  new Gauge({
    name: OPEN_FDS,
    help: 'Number of open file descriptors.',
    registers: [registry],
    collect() {
      const count = countOpenFds();
      if (count !== undefined) this.set(count);
    },
  });
}

const OPEN_FDS = 'process_open_fds';
const OWN_FDS = '/proc/self/fd';

/** Since Linux 6.2 the size of the directory; before, its names, of which one is of the look itself. */
function countOpenFds(): number | undefined {
  try {
    return statSync(OWN_FDS).size || readdirSync(OWN_FDS).length - 1;
  } catch {
    return undefined;
  }
}

function createTable(registry: Registry, name: string, desc: Desc, now: () => number): Table {
  const labelNames = desc.labels ?? [];
  const cells = new Map<string, Cell>();
  const created = new Map<string, number>();
  const series = createSeries(registry, name, desc);
  return {
    desc,
    created,
    instrument: {
      with(...labels) {
        const key = keyOf(labels);
        let cell = cells.get(key);
        if (!cell) {
          if (labels.length !== labelNames.length)
            throw new Error(`BUG: ${desc.name} takes ${labelNames.length} labels, got ${labels.length}`);
          cell = series.cell(labels);
          cells.set(key, cell);
          created.set(key, now() / 1000);
        }
        return cell;
      },
      remove(...labels) {
        series.remove(labels);
        cells.delete(keyOf(labels));
        created.delete(keyOf(labels));
      },
    },
  };
}

interface SeriesMaker {
  /** The series exists from here on, at zero. */
  cell(labels: string[]): Cell;
  remove(labels: string[]): void;
}

const ignore = () => {};

function createSeries(registry: Registry, name: string, desc: Desc): SeriesMaker {
  const labelNames = [...(desc.labels ?? [])];
  const config = { name, help: desc.help, labelNames, registers: [registry] };
  switch (desc.type) {
    case 'counter': {
      const counter = new Counter(config);
      return {
        cell(labels) {
          const child = counter.labels(...labels);
          child.inc(0);
          return {
            add: n => child.inc(n),
            set(value) {
              counter.remove(...labels);
              child.inc(value);
            },
            observe: ignore,
          };
        },
        remove: labels => counter.remove(...labels),
      };
    }
    case 'gauge': {
      const gauge = new Gauge(config);
      return {
        cell(labels) {
          const child = gauge.labels(...labels);
          child.set(0);
          return { add: n => child.inc(n), set: value => child.set(value), observe: ignore };
        },
        remove: labels => gauge.remove(...labels),
      };
    }
    case 'histogram': {
      const histogram = new Histogram({ ...config, buckets: [...(desc.buckets ?? [])] });
      return {
        cell(labels) {
          histogram.zero(Object.fromEntries(labelNames.map((label, i) => [label, labels[i]!])));
          const child = histogram.labels(...labels);
          return { add: ignore, set: ignore, observe: value => child.observe(value) };
        },
        remove: labels => histogram.remove(...labels),
      };
    }
  }
}

/** A description of what prom-client collects by itself. */
function describe({ name, help, type, values }: Json): Desc {
  const prometheus = type === 'counter' ? name.replace(/_total$/, '') : name;
  const suffix = /_(seconds|bytes)$/.exec(prometheus)?.[0] ?? '';
  const bounds = new Set(values.map(({ labels }) => labels['le']).filter(le => typeof le === 'number'));
  return {
    name: prometheus.slice(0, prometheus.length - suffix.length).replaceAll('_', '.'),
    type: type as MetricType,
    help,
    ...(suffix === '' ? {} : { unit: suffix === '_bytes' ? 'By' : 's' }),
    labels: Object.keys(values[0]?.labels ?? {}).filter(label => label !== 'le'),
    prometheus,
    prometheusOnly: true,
    buckets: [...bounds],
  };
}

function points(json: Json, desc: Desc, created: (key: string) => number): Iterable<Point> {
  const found = new Map<string, Point>();
  for (const { labels: named, value, metricName } of json.values) {
    const labels = (desc.labels ?? []).map(name => String(named[name] ?? ''));
    const key = keyOf(labels);
    let point = found.get(key);
    if (!point) {
      point = { labels, value: 0, created: created(key) };
      if (desc.type === 'histogram') point.histogram = { counts: [], sum: 0 };
      found.set(key, point);
    }
    if (!point.histogram) point.value = value;
    else if (named['le'] !== undefined) point.histogram.counts.push(value);
    else if (metricName === `${json.name}_sum`) point.histogram.sum = value;
  }
  return found.values();
}
