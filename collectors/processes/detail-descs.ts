// The families of daemons' control groups, open files and sockets.

import type { Desc } from '../../agent/core/metric.ts';
import type { Gauge } from './groups.ts';

const gauge = (name: string, help: string, unit?: string): Desc => ({
  name: `eudaemon.daemon.${name}`,
  type: 'gauge',
  help,
  labels: ['daemon'],
  ...(unit ? { unit } : {}),
});

const counter = (name: string, help: string, labels: readonly string[] = [], unit?: string): Desc => ({
  ...gauge(name, help, unit),
  type: 'counter',
  labels: ['daemon', ...labels],
});

export const GROUP: Readonly<Record<Gauge, Desc>> = {
  memory: gauge('cgroup_memory', 'Memory of the control groups of the daemon, caches included.', 'By'),
  memoryPeak: gauge('cgroup_memory_peak', 'Most memory the control groups of the daemon ever had.', 'By'),
  memoryLimit: gauge('cgroup_memory_limit', 'Memory the control groups of the daemon may have.', 'By'),
  pids: gauge('cgroup_tasks', 'Tasks in the control groups of the daemon.', '{thread}'),
  pidsLimit: gauge('cgroup_tasks_limit', 'Tasks the control groups of the daemon may have.', '{thread}'),
  cpuLimit: gauge('cgroup_cpu_limit', 'Cores the control groups of the daemon may use.', '{cpu}'),
};

export const COUNTERS: Readonly<Record<string, Desc>> = {
  events: counter(
    'cgroup_memory_events',
    'How often the control groups of the daemon met a limit of memory, and what followed.',
    ['event'],
  ),
  periods: counter('cgroup_cpu_periods', 'Periods in which the CPU limit of the daemon was enforced.'),
  throttledPeriods: counter(
    'cgroup_cpu_throttled_periods',
    'Periods in which the daemon had used up its CPU limit.',
  ),
  throttled: counter('cgroup_cpu_throttled', 'Time the daemon waited for its CPU limit.', [], 's'),
  pressure: counter(
    'cgroup_pressure',
    'Time in which some or all tasks of the daemon waited for a resource.',
    ['resource', 'kind'],
    's',
  ),
};

export const DELETED = gauge(
  'deleted_open',
  'Disk space of files that are deleted and that the daemon still holds open.',
  'By',
);
export const DELETED_FREE = gauge(
  'deleted_open_free',
  'Free space of the fullest filesystem on which the daemon holds deleted files open.',
  'By',
);
export const SOCKETS: Desc = {
  ...gauge('tcp_sockets', 'TCP sockets of the daemon by state.', '{socket}'),
  labels: ['daemon', 'state'],
};
export const PROPORTIONAL = gauge(
  'proportional_memory',
  'Memory of the daemon, pages it shares with others counted in part (PSS).',
  'By',
);
