// The control groups of daemons: what they use, what they may use, and how often they met that limit. A group is a
// daemon's when nobody else's process is in it; what the kernel does not offer is absent.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../../agent/core/errors.ts';
import {
  parseAmount,
  parseCpuLimit,
  parseGroupMounts,
  parseGroupPaths,
  parseKeyed,
  parsePressure,
} from './parse-group.ts';
import type { Setting } from './sample.ts';

export const GAUGES = ['memory', 'memoryPeak', 'memoryLimit', 'pids', 'pidsLimit', 'cpuLimit'] as const;
export type Gauge = (typeof GAUGES)[number];

export interface GroupFigures {
  readonly gauges: Partial<Record<Gauge, number>>;
  /** By family and label values, such as `pressure,memory,some`; they only grow. */
  readonly counters: ReadonlyMap<string, number>;
}

export interface Groups {
  /** Of all the groups that the processes of a daemon have for themselves. */
  of(daemon: string, processes: readonly Member[]): GroupFigures;
  /** Ends a look: forgets daemons that are gone. */
  keep(daemons: ReadonlySet<string>): void;
}

interface Member {
  readonly stat: { readonly pid: number };
  readonly figures: { readonly details: { readonly setting: Pick<Setting, 'cgroup'> } };
}

/** One directory of one hierarchy. */
interface Directory {
  readonly path: string;
  readonly controller: string;
}

/** Beyond `limit` directories, those that are gone are forgotten. */
export function createGroups(root: string, limit = MAX_DIRECTORIES): Groups {
  const read = (path: string): string | undefined => attempt(() => readFileSync(path, 'utf8'));
  const proc = (path: string) => read(join(root, 'proc', path));
  const totals = new Map<string, Map<string, number>>();
  /** By directory and counter, as last read. */
  const last = new Map<string, Map<string, number>>();
  /** Of this look: where hierarchies are mounted, and the keys of `last` it has read. */
  let mounted: ReadonlyMap<string, string> | undefined;
  const seen = new Set<string>();

  const mountsNow = () => {
    mounted ??= parseGroupMounts(proc('1/mounts') ?? proc('self/mounts') ?? '');
    return mounted;
  };

  const directoriesOf = (processes: readonly Member[]): Map<string, Directory> => {
    const mounts = mountsNow();
    const found = new Map<string, Directory>();
    for (const text of textsOf(processes))
      for (const [controller, path] of parseGroupPaths(text)) {
        const mount = mounts.get(controller);
        if (mount === undefined || path === '/' || path.startsWith('/..')) continue;
        const directory = join(root, mount, path);
        found.set(`${controller}:${directory}`, { path: directory, controller });
      }
    return found;
  };

  const isOwn = (path: string, processes: readonly Member[]): boolean => {
    const members = read(`${path}/cgroup.procs`)?.split('\n').filter(Boolean) ?? [];
    if (members.length === 0 || members.length > processes.length) return false;
    const pids = new Set(processes.map(({ stat }) => stat.pid));
    return members.every(pid => pids.has(Number(pid)));
  };

  return {
    of(daemon, processes) {
      const gauges: Partial<Record<Gauge, number>> = {};
      const total = totals.get(daemon) ?? new Map<string, number>();
      const first = !totals.has(daemon);
      totals.set(daemon, total);
      for (const [key, { path, controller }] of directoriesOf(processes)) {
        if (!isOwn(path, processes)) continue;
        const figures = readDirectory(name => read(`${path}/${name}`), controller);
        for (const gauge of GAUGES) {
          const value = figures.gauges[gauge];
          if (value !== undefined) gauges[gauge] = (gauges[gauge] ?? 0) + value;
        }
        seen.add(key);
        const before = last.get(key);
        last.set(key, new Map(figures.counters));
        for (const [name, value] of figures.counters) {
          // What a group had counted before the agent came is not its growth; a group made anew counts from 0.
          const known = before?.get(name) ?? (first ? value : 0);
          total.set(name, (total.get(name) ?? 0) + (value >= known ? value - known : value));
        }
      }
      return { gauges, counters: total };
    },
    keep(daemons) {
      for (const daemon of totals.keys()) if (!daemons.has(daemon)) totals.delete(daemon);
      // Of containers that came and went; what is there stays, for without it all would count as growth again.
      if (last.size > limit) for (const key of last.keys()) if (!seen.has(key)) last.delete(key);
      seen.clear();
      mounted = undefined;
    },
  };
}

/** Of thousands of processes most stand where the one before does. */
function textsOf(processes: readonly Member[]): Set<string> {
  const texts = new Set<string>();
  let last: string | undefined;
  for (const { figures } of processes) {
    const { cgroup } = figures.details.setting;
    if (cgroup !== last) texts.add(cgroup);
    last = cgroup;
  }
  return texts;
}

const MAX_DIRECTORIES = 10_000;

/** `controller` is empty for version 2, which has all of them in one directory. */
function readDirectory(read: (name: string) => string | undefined, controller: string): GroupFigures {
  const gauges: Partial<Record<Gauge, number>> = {};
  const counters = new Map<string, number>();
  const gauge = (name: Gauge, value: number | undefined) => {
    if (value !== undefined) gauges[name] = value;
  };
  const count = (name: string, value: number | undefined) => {
    if (value !== undefined) counters.set(name, value);
  };
  const unified = controller === '';
  if (unified || controller === 'memory') {
    gauge('memory', parseAmount(read(unified ? 'memory.current' : 'memory.usage_in_bytes')));
    gauge('memoryPeak', parseAmount(read(unified ? 'memory.peak' : 'memory.max_usage_in_bytes')));
    gauge('memoryLimit', parseAmount(read(unified ? 'memory.max' : 'memory.limit_in_bytes')));
    const events = parseKeyed(read(unified ? 'memory.events' : 'memory.oom_control') ?? '');
    for (const event of ['high', 'max', 'oom', 'oom_kill']) count(`events,${event}`, events.get(event));
    if (!unified) count('events,max', parseAmount(read('memory.failcnt')));
  }
  if (unified || controller === 'cpu') {
    const stat = parseKeyed(read('cpu.stat') ?? '');
    count('periods', stat.get('nr_periods'));
    count('throttledPeriods', stat.get('nr_throttled'));
    const throttled = unified ? stat.get('throttled_usec') : stat.get('throttled_time');
    if (throttled !== undefined) count('throttled', throttled / (unified ? 1e6 : 1e9));
    const limit = unified
      ? read('cpu.max')
      : `${read('cpu.cfs_quota_us')?.trim()} ${read('cpu.cfs_period_us')?.trim()}`;
    gauge('cpuLimit', parseCpuLimit(limit ?? ''));
  }
  if (unified || controller === 'pids') {
    gauge('pids', parseAmount(read('pids.current')));
    gauge('pidsLimit', parseAmount(read('pids.max')));
  }
  if (unified)
    for (const resource of ['cpu', 'io', 'memory'])
      for (const [kind, seconds] of parsePressure(read(`${resource}.pressure`) ?? ''))
        count(`pressure,${resource},${kind}`, seconds);
  return { gauges, counters };
}
