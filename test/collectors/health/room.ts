// A room for the collector under test: what it reports and measures can be looked at.

import type { SamplerRoom } from '../../../agent/core/collector.ts';
import type { CheckSpec, DaemonSpec } from '../../../agent/core/daemon.ts';
import type { Log } from '../../../agent/core/log.ts';
import { createLatest, createMeter } from '../../../agent/core/meter.ts';
import { type Family, prometheusName } from '../../../agent/core/metric.ts';
import { create } from '../../../collectors/health/index.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, room: () => silent };

export interface Report {
  daemon: string;
  check: string;
  healthy: boolean;
  message: string;
}

const CHECK = { every: 10_000, timeout: 5_000, failures: 1, successes: 1 };

/** The checks of one daemon `web`, as the scheduler would run them. */
export function startChecks(
  checks: (Partial<CheckSpec> & { name: string })[],
  given: { root?: string; concurrency?: number } = {},
) {
  const meter = createMeter(() => 0);
  const reports: Report[] = [];
  const web: DaemonSpec = {
    name: 'web',
    match: {},
    logs: { identifiers: [], files: [], parse: 'none' },
    health: checks.map(check => ({ ...CHECK, ...check })),
    expect: {},
    labels: {},
  };
  const room: SamplerRoom = {
    name: 'health',
    root: given.root ?? '/',
    stateDir: '/nonexistent',
    runDir: '/nonexistent',
    log: silent,
    meter,
    daemons: {
      declared: [web],
      ofProcess: () => undefined,
      ofPid: () => undefined,
      ofIdentifier: () => undefined,
      ofFile: () => undefined,
    },
    patterns: {
      regex: source => ({
        source,
        groups: {},
        test: text => new RegExp(source).test(text),
        spans: () => [],
        exec: text => new RegExp(source).exec(text) ?? undefined,
      }),
      glob: () => () => false,
    },
    now: () => 1_700_000_000_000,
    elapsed: () => 0,
    reports: {
      processes() {},
      began() {},
      managed() {},
      exited() {},
      oomKilled() {},
      check: (_, daemon, check, healthy, message) => reports.push({ daemon, check, healthy, message }),
    },
    events: { emit() {} },
  };
  const samplers = create({ concurrency: given.concurrency ?? 32 }, room)().map(plan => plan.create());
  const latest = samplers.map(() => createLatest(() => 0));
  const stop = new AbortController();
  return {
    samplers,
    reports,
    stop,
    /** One cycle of the nth check. */
    async run(index = 0): Promise<Report> {
      latest[index]!.begin();
      await samplers[index]!.sample(latest[index]!, stop.signal);
      latest[index]!.end();
      return reports.at(-1)!;
    },
    /** A series by its Prometheus name; for a histogram the number of observations. */
    series(name: string, check: string): number | undefined {
      const all: Family[] = [...latest.flatMap(each => [...each.families()]), ...meter.families()];
      for (const family of all)
        if (prometheusName(family.desc) === name)
          for (const point of family.points)
            if (point.labels.join() === `web,${check}`) return point.histogram?.counts.at(-1) ?? point.value;
      return undefined;
    },
  };
}
