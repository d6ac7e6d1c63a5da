// The agent's own figures: what its rooms count, and what every Prometheus client tells of its process, which prom-client
// gathers. The only door to that package: load it lazily.

import { collectDefaultMetrics, Registry } from 'prom-client';
import { createMeter, type Meter } from '../../agent/core/meter.ts';
import type { Desc, Family, MetricType, Point } from '../../agent/core/metric.ts';
import { createMeasure, MEASURED } from './own.ts';

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

/** One metric of prom-client; it and its series stay the same objects, so that the page writer knows them again. */
interface Table extends Family {
  series: Map<string, Point>;
}

/** `now` gives Unix milliseconds. */
export function createRegistry(now: () => number = Date.now): AgentRegistry {
  const meter = createMeter(now);
  const tables = new Map<string, Table>();
  const born = now() / 1000;
  const { counted, still } = collectOwn();
  const measure = createMeasure(meter);
  let standing: readonly Family[] | undefined;

  const tableOf = (json: Json): Table => {
    let table = tables.get(json.name);
    if (!table) {
      table = createTable(describe(json));
      // A metric without series does not tell its labels yet.
      if (json.values.length > 0) tables.set(json.name, table);
    }
    return table;
  };
  const tell = async (registry: Registry): Promise<Family[]> => {
    const metrics = (await registry.getMetricsAsJSON()) as unknown as Json[];
    return metrics.map(json => {
      const table = tableOf(json);
      table.series = points(json, table, born);
      return table;
    });
  };

  return {
    meter,
    async families() {
      standing ??= await tell(still);
      measure();
      return [...meter.families(), ...standing, ...(await tell(counted))];
    },
  };
}

const createTable = (desc: Desc): Table => ({
  desc,
  series: new Map(),
  get points() {
    return this.series.values();
  },
});

/**
 * What prom-client counts itself, and what stands still. Left out are what `measure` tells, gauges that call themselves
 * `_total`, and figures that take longer than all of these and that nobody asks for: each space of the heap, each handle.
 * The event loop's percentiles would need a timer that costs 0.6 % of a core.
 */
function collectOwn(): { counted: Registry; still: Registry } {
  const [counted, still] = [new Registry(), new Registry()];
  collectDefaultMetrics({ register: still, eventLoopMonitoringPrecision: 2 ** 31 - 1 });
  const collections = still.getSingleMetric(COLLECTIONS)!;
  counted.registerMetric(collections);
  for (const { name } of still.getMetricsAsArray())
    if (name === COLLECTIONS || MEASURED.test(name) || /^nodejs_(active_|heap_space_)/.test(name))
      still.removeSingleMetric(name);
  return { counted, still };
}

const COLLECTIONS = 'nodejs_gc_duration_seconds';

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

/** The series of this moment, by their labels. */
function points(
  { name, values }: Json,
  { desc, series: before }: Table,
  created: number,
): Map<string, Point> {
  const found = new Map<string, Point>();
  for (const { labels: named, value, metricName } of values) {
    const labels = desc.labels!.map(label => String(named[label] ?? ''));
    const key = labels.join('\u0000');
    let point = found.get(key);
    if (!point) {
      point = before.get(key) ?? { labels, value: 0, created };
      if (desc.type === 'histogram') point.histogram = { counts: [], sum: 0 };
      found.set(key, point);
    }
    if (!point.histogram) point.value = value;
    else if (named['le'] !== undefined) point.histogram.counts.push(value);
    else if (metricName === `${name}_sum`) point.histogram.sum = value;
  }
  return found;
}
