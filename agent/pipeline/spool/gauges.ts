// What the spool says of itself.

import type { Meter } from '../../core/meter.ts';
import type { Desc } from '../../core/metric.ts';
import type { SpoolStats } from './contract.ts';

const BYTES: Desc = {
  name: 'eudaemon.spool.bytes',
  type: 'gauge',
  unit: 'By',
  help: 'Bytes in the spool that the slowest exporter has not finished with.',
};
const AGE: Desc = {
  name: 'eudaemon.spool.oldest_age',
  type: 'gauge',
  unit: 's',
  help: 'Age of the oldest undelivered segment of the spool.',
};
const DAMAGED: Desc = {
  name: 'eudaemon.spool.damaged',
  type: 'counter',
  unit: 'By',
  help: 'Bytes of the spool that no longer made a frame and were skipped.',
};
const UP: Desc = {
  name: 'eudaemon.collector.up',
  type: 'gauge',
  help: 'Whether the last cycle of the collector succeeded.',
  labels: ['collector'],
};

export interface Gauges {
  set(stats: SpoolStats): void;
  damaged(bytes: number): void;
  collectors(up: readonly (readonly [string, boolean])[]): void;
}

export function createGauges(meter: Meter, now: () => number): Gauges {
  const bytes = meter.instrument(BYTES).with();
  const age = meter.instrument(AGE).with();
  const damaged = meter.instrument(DAMAGED).with();
  const up = meter.instrument(UP);
  return {
    set(stats) {
      bytes.set(stats.bytes);
      age.set(stats.oldest === undefined ? 0 : Math.max(0, now() - stats.oldest) / 1000);
    },
    damaged: count => damaged.add(count),
    collectors(states) {
      for (const [name, isUp] of states) up.with(name).set(isUp ? 1 : 0);
    },
  };
}
