// The agent's own figures: what its rooms count, and what every Prometheus client tells of its process, which prom-client
// gathers. The only door to that package: load it lazily.

import { readdirSync, statSync } from 'node:fs';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { createMeter, type Meter } from '../../agent/core/meter.ts';
import type { Desc, Family, MetricType, Point } from '../../agent/core/metric.ts';

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

/** One metric of prom-client; its series stay the same objects, so that the page writer knows them again. */
interface Table {
  readonly desc: Desc;
  points: Map<string, Point>;
}

/** `now` gives Unix milliseconds. */
export function createRegistry(now: () => number = Date.now): AgentRegistry {
  const meter = createMeter(now);
  const registry = new Registry();
  const tables = new Map<string, Table>();
  const born = now() / 1000;
  collectOwn(registry);

  const tableOf = (json: Json): Table => {
    let table = tables.get(json.name);
    if (!table) {
      table = { desc: describe(json), points: new Map() };
      // A metric without series does not tell its labels yet.
      if (json.values.length > 0) tables.set(json.name, table);
    }
    return table;
  };

  return {
    meter,
    async families() {
      const metrics = (await registry.getMetricsAsJSON()) as unknown as Json[];
      const own = metrics.map(json => {
        const table = tableOf(json);
        table.points = points(json, table, born);
        return { desc: table.desc, points: table.points.values() };
      });
      return [...meter.families(), ...own];
    },
  };
}

/**
 * The process metrics every Prometheus client has. Left out are the event loop's percentiles, whose sampling timer
 * costs 0.6 % of a core, and gauges that call themselves `_total`. The lag of the event loop is then measured without
 * its histogram, which takes a fifth of the time of all the others; open files are counted by one call: the agent holds
 * thousands of them where it watches thousands of processes, and to list them takes longer than all the rest of a page.
 */
function collectOwn(registry: Registry): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 2 ** 31 - 1 });
  const hasOpenFds = registry.getSingleMetric(OPEN_FDS) !== undefined;
  for (const { name } of registry.getMetricsAsArray())
    if (/^nodejs_(eventloop_lag_|active_.*_total)|^process_open_fds$/.test(name))
      registry.removeSingleMetric(name);
  new Gauge({
    name: 'nodejs_eventloop_lag_seconds',
    help: 'Lag of event loop in seconds.',
    registers: [registry],
    collect() {
      const begin = performance.now();
      setImmediate(() => this.set((performance.now() - begin) / 1000));
    },
  });
  if (!hasOpenFds) return;
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
  { desc, points: before }: Table,
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
