// What programs of no declared daemon use: the largest by name, all others in one, so that the number of series is
// bounded whatever the host runs. Pure.

import type { SampleSink } from '../../agent/core/meter.ts';
import type { Desc } from '../../agent/core/metric.ts';
import { type Stat, TICKS_PER_SECOND } from '../../agent/core/procstat.ts';

const gauge = (name: string, help: string, unit: string): Desc => ({
  name: `eudaemon.undeclared.${name}`,
  type: 'gauge',
  help: `${help} of programs that no declared daemon has; the smaller ones together as "other".`,
  unit,
  labels: ['program'],
});

const PROCESSES = gauge('processes', 'Processes', '{process}');
const MEMORY = gauge('resident_memory', 'Resident memory', 'By');
const CPU = gauge('cpu_cores', 'Cores in use since the last look', '{cpu}');

export const OTHER = 'other';

interface Use {
  processes: number;
  bytes: number;
  ticks: number;
}

export interface Undeclared {
  /** A process of nobody, as it is now; `resident` in bytes. */
  add(stat: Stat, resident: number): void;
  /** Ends the look, `at` in monotonic ms: the `limit` programs with the most memory, and OTHER. CPU from the second look on. */
  write(out: SampleSink, at: number): void;
}

export function createUndeclared(limit: number): Undeclared {
  let before = new Map<string, number>();
  let beforeAt: number | undefined;
  let living = new Map<string, number>();
  let programs = new Map<string, Use>();

  return {
    add({ pid, startTicks, comm, userTicks, systemTicks }, resident) {
      const key = `${pid}:${startTicks}`;
      const ticks = userTicks + systemTicks;
      living.set(key, ticks);
      const use = programs.get(comm) ?? { processes: 0, bytes: 0, ticks: 0 };
      programs.set(comm, use);
      use.processes++;
      use.bytes += resident;
      use.ticks += ticks - (before.get(key) ?? (beforeAt === undefined ? ticks : 0));
    },
    write(out, at) {
      const ordered = [...programs].sort(([, a], [, b]) => b.bytes - a.bytes);
      const told = ordered
        .slice(0, limit)
        .map(([name, use]) => [name === OTHER ? `${OTHER}_` : name, use] as const);
      const rest = { processes: 0, bytes: 0, ticks: 0 };
      for (const [, use] of ordered.slice(limit)) {
        rest.processes += use.processes;
        rest.bytes += use.bytes;
        rest.ticks += use.ticks;
      }
      const seconds = beforeAt === undefined ? 0 : (at - beforeAt) / 1000;
      for (const [name, { processes, bytes, ticks }] of [...told, [OTHER, rest] as const]) {
        out.set(PROCESSES, processes, name);
        out.set(MEMORY, bytes, name);
        if (seconds > 0) out.set(CPU, Math.max(0, ticks / TICKS_PER_SECOND / seconds), name);
      }
      before = living;
      beforeAt = at;
      living = new Map();
      programs = new Map();
    },
  };
}
