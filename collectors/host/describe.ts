// The families of the host: OpenTelemetry's names for OTLP (semantic conventions, `system.*`), our own prefix for
// Prometheus, so that they never collide with node_exporter's.

import type { Desc } from '../../agent/core/metric.ts';

const gauge = (prometheus: string, name: string, help: string, more: Partial<Desc> = {}): Desc => ({
  name,
  type: 'gauge',
  help,
  prometheus: `eudaemon_host_${prometheus}`,
  ...more,
});

/** What semantic conventions call an UpDownCounter. */
const part = (...given: Parameters<typeof gauge>): Desc => ({ ...gauge(...given), additive: true });

const counter = (prometheus: string, name: string, help: string, more: Partial<Desc>): Desc => ({
  ...gauge(prometheus, name, help, more),
  type: 'counter',
});

const disk = {
  labels: ['device', 'direction'],
  attributes: { device: 'system.device', direction: 'disk.io.direction' },
};
const network = {
  labels: ['device', 'direction'],
  attributes: { device: 'network.interface.name', direction: 'network.io.direction' },
};
const filesystem = {
  labels: ['device', 'mountpoint', 'fstype', 'state'],
  attributes: {
    device: 'system.device',
    mountpoint: 'system.filesystem.mountpoint',
    fstype: 'system.filesystem.type',
    state: 'system.filesystem.state',
  },
};

export const INFO = gauge('info', 'eudaemon.host.info', 'What this host is; always 1.', {
  labels: ['os', 'kernel', 'arch', 'cpu', 'model', 'virtualization'],
});
export const UPTIME = gauge('uptime_seconds', 'system.uptime', 'Time since the host was started.', {
  unit: 's',
});
export const BOOT_TIME = gauge(
  'boot_time_seconds',
  'eudaemon.host.boot_time',
  'Unix time of the start of the host.',
  {
    unit: 's',
  },
);
export const LOAD = [1, 5, 15].map(minutes =>
  gauge(
    `load${minutes}`,
    `system.cpu.load_average.${minutes}m`,
    `Tasks that run or wait, averaged over ${minutes} minute${minutes > 1 ? 's' : ''}.`,
    { unit: '{thread}' },
  ),
);
export const CPU_COUNT = part('cpus', 'system.cpu.logical.count', 'Processors in use.', { unit: '{cpu}' });
export const CPU_TIME = counter('cpu_seconds', 'system.cpu.time', 'Time of all processors by mode.', {
  unit: 's',
  labels: ['mode'],
  attributes: { mode: 'cpu.mode' },
});
export const PRESSURE = counter(
  'pressure_seconds',
  'eudaemon.host.pressure',
  'Time in which some or all tasks waited for a resource.',
  { unit: 's', labels: ['resource', 'kind'] },
);
export const MEMORY_USAGE = part('memory_usage_bytes', 'system.memory.usage', 'Memory by state.', {
  unit: 'By',
  labels: ['state'],
  attributes: { state: 'system.memory.state' },
});
export const MEMORY_LIMIT = part('memory_total_bytes', 'system.memory.limit', 'Memory of the host.', {
  unit: 'By',
});
export const MEMORY_AVAILABLE = part(
  'memory_available_bytes',
  'system.memory.linux.available',
  'Memory that new programs can have without swapping.',
  { unit: 'By' },
);
export const SWAP_USAGE = part('swap_usage_bytes', 'system.paging.usage', 'Swap space by state.', {
  unit: 'By',
  labels: ['state'],
  attributes: { state: 'system.paging.state' },
});
export const FILESYSTEM_USAGE = part(
  'filesystem_usage_bytes',
  'system.filesystem.usage',
  'Space of the filesystem by state; reserved is free for root alone.',
  { unit: 'By', ...filesystem },
);
export const FILESYSTEM_INODES = part(
  'filesystem_inodes',
  'system.filesystem.inodes.usage',
  'Inodes of the filesystem by state.',
  { unit: '{inode}', ...filesystem },
);
export const DISK_IO = counter(
  'disk_io_bytes',
  'system.disk.io',
  'Bytes read from and written to the disk.',
  {
    unit: 'By',
    ...disk,
  },
);
export const DISK_OPERATIONS = counter(
  'disk_operations',
  'system.disk.operations',
  'Completed reads and writes of the disk.',
  { unit: '{operation}', ...disk },
);
export const DISK_OPERATION_TIME = counter(
  'disk_operation_seconds',
  'system.disk.operation_time',
  'Time reads and writes took, each for itself.',
  { unit: 's', ...disk },
);
export const DISK_IO_TIME = counter('disk_busy_seconds', 'system.disk.io_time', 'Time the disk was busy.', {
  unit: 's',
  labels: ['device'],
  attributes: { device: 'system.device' },
});
export const NETWORK_IO = counter('network_io_bytes', 'system.network.io', 'Bytes over the interface.', {
  unit: 'By',
  ...network,
});
export const NETWORK_PACKETS = counter(
  'network_packets',
  'system.network.packet.count',
  'Packets over the interface.',
  {
    unit: '{packet}',
    ...network,
    attributes: { device: 'system.device', direction: 'network.io.direction' },
  },
);
export const NETWORK_ERRORS = counter('network_errors', 'system.network.errors', 'Errors of the interface.', {
  unit: '{error}',
  ...network,
});
export const NETWORK_DROPS = counter(
  'network_dropped_packets',
  'system.network.packet.dropped',
  'Packets the interface dropped.',
  { unit: '{packet}', ...network },
);
