// The families of daemons' processes.

import type { Desc } from '../../agent/core/metric.ts';

const gauge = (name: string, help: string, unit?: string): Desc => ({
  name: `eudaemon.daemon.${name}`,
  type: 'gauge',
  help: `${help} of the daemon and its child processes.`,
  labels: ['daemon'],
  ...(unit ? { unit } : {}),
});

export const THREADS = gauge('threads', 'Threads', '{thread}');
export const OPEN_FDS = gauge('open_fds', 'Open file descriptors', '{fd}');
export const RESIDENT = gauge('resident_memory', 'Resident memory', 'By');
export const VIRTUAL = gauge('virtual_memory', 'Virtual memory', 'By');
export const SWAP = gauge('swap', 'Memory in swap', 'By');
export const ANONYMOUS = gauge('anonymous_memory', 'Resident anonymous memory', 'By');

export const MAX_FDS: Desc = {
  name: 'eudaemon.daemon.max_fds_ratio',
  type: 'gauge',
  unit: '1',
  help: 'Open file descriptors as a share of the soft limit, of the process of the daemon nearest to it.',
  labels: ['daemon'],
};

export const CPU: Desc = {
  name: 'eudaemon.daemon.cpu',
  type: 'counter',
  unit: 's',
  help: 'CPU time of the daemon and its child processes.',
  labels: ['daemon', 'mode'],
  attributes: { mode: 'cpu.mode' },
};
export const IO_READ: Desc = {
  name: 'eudaemon.daemon.io_read',
  type: 'counter',
  unit: 'By',
  help: 'Bytes the daemon and its child processes fetched from storage.',
  labels: ['daemon'],
};
export const IO_WRITTEN: Desc = {
  name: 'eudaemon.daemon.io_written',
  type: 'counter',
  unit: 'By',
  help: 'Bytes the daemon and its child processes sent to storage.',
  labels: ['daemon'],
};
export const CONTEXT_SWITCHES: Desc = {
  name: 'eudaemon.daemon.context_switches',
  type: 'counter',
  help: 'Context switches of the main threads of the daemon and its child processes.',
  labels: ['daemon', 'kind'],
};
export const PAGE_FAULTS: Desc = {
  name: 'eudaemon.daemon.page_faults',
  type: 'counter',
  help: 'Page faults of the daemon and its child processes; major ones waited for storage.',
  labels: ['daemon', 'kind'],
};

export const EXIT_SOURCE: Desc = {
  name: 'eudaemon.exit_source',
  type: 'gauge',
  help: 'How the ends of daemons become known; always 1.',
  labels: ['source'],
};
