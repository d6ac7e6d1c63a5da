// The sampler of processes below a root, with what it reports and tells.
import { createPatterns } from '../../../agent/config/patterns.ts';
import type { Sampler } from '../../../agent/core/collector.ts';
import type { DaemonLookup, Instance } from '../../../agent/core/daemon.ts';
import { createLatest } from '../../../agent/core/meter.ts';
import { prometheusName } from '../../../agent/core/metric.ts';
import { create } from '../../../collectors/processes/index.ts';

export interface World {
  sampler: Sampler;
  warnings: string[];
  instances: ReadonlyMap<string, readonly Instance[]>;
  /** Called when they are told. */
  told(): void;
  /** One cycle: `name{label,…}` to value. */
  cycle(): Promise<Record<string, number>>;
}

export function world(root: string, daemons: DaemonLookup, now: () => number): World {
  const warnings: string[] = [];
  const latest = createLatest();
  const silent = () => {};
  const log = {
    debug: silent,
    info: silent,
    error: silent,
    warn: (text: string) => void warnings.push(text),
    room: () => log,
  };
  const [sampler] = create(
    {
      interval: 10_000,
      details_interval: 30_000,
      pss: false,
      undeclared: 0,
      source: 'proc',
      exits: 'sample',
    },
    {
      name: 'processes',
      root,
      stateDir: '',
      runDir: '',
      log,
      meter: {
        instrument: () => ({ with: () => ({ add: silent, set: silent, observe: silent }), remove: silent }),
      },
      daemons,
      patterns: createPatterns(),
      now,
      elapsed: now,
      reports: {
        processes: (_, instances) => {
          found.instances = instances;
          found.told();
        },
        began: silent,
        managed: silent,
        exited: silent,
        oomKilled: silent,
        check: silent,
      },
      events: { emit: silent },
    },
  );
  const found: World = {
    sampler: sampler!,
    warnings,
    instances: new Map(),
    told: silent,
    async cycle() {
      latest.begin();
      await sampler!.sample(latest, new AbortController().signal);
      latest.end();
      const series: Record<string, number> = {};
      for (const { desc, points } of latest.families())
        for (const { labels, value } of prometheusName(desc).startsWith('eudaemon_daemon_') ? points : [])
          series[`${prometheusName(desc).replace('eudaemon_daemon_', '')}{${labels.join(',')}}`] = value;
      return series;
    },
  };
  return found;
}
