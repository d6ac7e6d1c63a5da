// The daemon table: what collectors report of each declared daemon, turned into liveness, series and events.

import type { DaemonReports, DaemonSpec } from '../core/daemon.ts';
import type { SampleSink } from '../core/meter.ts';
import { createDaemon, type Daemon, type DaemonRoom } from './daemon.ts';
import type { Roll } from './rolls.ts';
import { type DaemonStatus, writeSeries } from './series.ts';

export interface DaemonTable {
  readonly reports: DaemonReports;
  /** Writes the series of every declared daemon. */
  sample(out: SampleSink, now: number): void;
  /** Judges all of them anew: time alone changes some things. Gives who runs of those that were looked at. */
  settle(now: number): ReadonlyMap<string, Roll>;
  /** What somebody may tell us, by path; each gives undefined for a daemon nobody declared. */
  commands(now: () => number): Readonly<Record<string, (query: URLSearchParams) => unknown>>;
  /** Every declared daemon, in the order of the file. */
  snapshot(now: number): DaemonStatus[];
  /** Takes another configuration; a daemon that stays keeps what is known of it. */
  declare(declared: readonly DaemonSpec[]): void;
}

/** `startedAt`: Unix ms when the agent began; what began before is no event. Reports about others are ignored. */
export function createTable(room: DaemonRoom & { readonly declared: readonly DaemonSpec[] }): DaemonTable {
  let daemons = new Map<string, Daemon>();
  let labels = labelsOf([]);

  const table: DaemonTable = {
    reports: {
      processes(now, instances, awaited, lives) {
        for (const [name, daemon] of daemons)
          daemon.processes(now, instances.get(name) ?? [], awaited, lives);
      },
      began(now, name, instance) {
        daemons.get(name)?.began(now, instance);
      },
      exited(now, name, process, exit) {
        daemons.get(name)?.exited(now, process, exit);
      },
      oomKilled(name) {
        daemons.get(name)?.oomKilled();
      },
      check(now, name, check, healthy, message, timedOut) {
        daemons.get(name)?.check(now, check, healthy, message, timedOut);
      },
      managed(now, name, word) {
        daemons.get(name)?.managed(now, word);
      },
    },
    sample(out, now) {
      for (const daemon of daemons.values()) {
        const status = daemon.status(now);
        writeSeries(out, status);
        const [, ...names] = labels.labels;
        if (names.some(name => name in status.labels))
          out.set(labels, 1, status.name, ...names.map(name => status.labels[name] ?? ''));
      }
    },
    settle(now) {
      const rolls = new Map<string, Roll>();
      for (const [name, daemon] of daemons) {
        daemon.settle(now);
        if (daemon.roll) rolls.set(name, daemon.roll);
      }
      return rolls;
    },
    commands(now) {
      const about = (act: (name: string, query: URLSearchParams) => void) => (query: URLSearchParams) => {
        const name = query.get('daemon') ?? '';
        const daemon = daemons.get(name);
        if (!daemon) return undefined;
        act(name, query);
        daemon.settle(now());
        return daemon.status(now());
      };
      return {
        '/-/expect-down': about((name, query) => {
          const [ms, reason] = [Number(query.get('for')), query.get('reason')];
          const since = now();
          room.wishes.set(name, { since, ...(ms > 0 && { until: since + ms }), ...(reason && { reason }) });
        }),
        '/-/expect-up': about(name => void room.wishes.drop(name)),
      };
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
      labels = labelsOf(declared);
    },
  };
  table.declare(room.declared);
  return table;
}

/** A series of a daemon's own labels, to join with others; those it lacks are empty, which to Prometheus is none. */
const labelsOf = (declared: readonly DaemonSpec[]) => ({
  name: 'eudaemon.daemon.labels',
  type: 'gauge' as const,
  help: 'A constant 1 with the labels that the configuration gives the daemon.',
  labels: ['daemon', ...new Set(declared.flatMap(spec => Object.keys(spec.labels)).sort())],
});
