// The daemon table: what collectors report of each declared daemon, turned into liveness, series and events.

import type { EventSink } from '../core/collector.ts';
import type { DaemonReports, DaemonSpec } from '../core/daemon.ts';
import type { SampleSink } from '../core/meter.ts';
import type { Witness } from './certificates.ts';
import { createDaemon, type Daemon } from './daemon.ts';
import { type DaemonStatus, writeSeries } from './series.ts';

export interface DaemonTable {
  readonly reports: DaemonReports;
  /** Writes the series of every declared daemon. */
  sample(out: SampleSink, now: number): void;
  /** Every declared daemon, in the order of the file. */
  snapshot(now: number): DaemonStatus[];
  /** Takes another configuration; a daemon that stays keeps what is known of it. */
  declare(declared: readonly DaemonSpec[]): void;
}

/** `startedAt`: Unix ms when the agent began; what began before is no event. Reports about others are ignored. */
export function createTable(room: {
  readonly declared: readonly DaemonSpec[];
  readonly events: EventSink;
  /** Tells the ends. */
  readonly witness: Witness;
  readonly startedAt: number;
}): DaemonTable {
  let daemons = new Map<string, Daemon>();

  const table: DaemonTable = {
    reports: {
      processes(now, instances, awaited) {
        for (const [name, daemon] of daemons) daemon.processes(now, instances.get(name) ?? [], awaited);
      },
      began(now, name, instance) {
        daemons.get(name)?.began(now, instance);
      },
      exited(now, name, process, exit) {
        daemons.get(name)?.exited(now, process, exit);
      },
      check(now, name, check, healthy, message) {
        daemons.get(name)?.check(now, check, healthy, message);
      },
    },
    sample(out, now) {
      for (const daemon of daemons.values()) writeSeries(out, daemon.status(now));
    },
    snapshot: now => Array.from(daemons.values(), daemon => daemon.status(now)),
    declare(declared) {
      const next = new Map<string, Daemon>();
      for (const spec of declared) {
        const daemon = daemons.get(spec.name) ?? createDaemon(spec, room);
        daemon.declare(spec);
        next.set(spec.name, daemon);
      }
      daemons = next;
    },
  };
  table.declare(room.declared);
  return table;
}
