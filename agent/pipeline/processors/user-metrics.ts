// The metrics users make of records: each has a table of its own, so that a changed one begins anew and the others stay.

import { createMeter, type MeterTable } from '../../core/meter.ts';
import type { Family } from '../../core/metric.ts';
import type { ProcessorSpec } from '../../core/processor.ts';
import type { StepRoom } from './step.ts';

export interface UserMetrics {
  readonly meterOf: StepRoom['meterOf'];
  /** Forgets the metrics these processors do not have. */
  keep(specs: readonly ProcessorSpec[]): void;
  families(): Iterable<Family>;
}

export function createUserMetrics(now: () => number): UserMetrics {
  const tables = new Map<string, MeterTable>();
  return {
    meterOf(key) {
      let table = tables.get(key);
      if (table === undefined) {
        table = createMeter(now);
        tables.set(key, table);
      }
      return table;
    },
    keep(specs) {
      const wanted = new Set(specs.map(({ metric }) => JSON.stringify(metric)));
      for (const key of tables.keys()) if (!wanted.has(key)) tables.delete(key);
    },
    *families() {
      for (const table of tables.values()) yield* table.families();
    },
  };
}
