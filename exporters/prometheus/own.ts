// What of this process moves from page to page, by the names that every Prometheus client gives it, in one pass over what
// the kernel and V8 tell: asked one by one it would cost as much as all the rest of a page.

import { fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';
import { attempt } from '../../agent/core/errors.ts';
import type { Meter } from '../../agent/core/meter.ts';
import type { Desc } from '../../agent/core/metric.ts';

const own = (type: 'counter' | 'gauge', name: string, unit: 's' | 'By' | undefined, help: string): Desc => ({
  name,
  type,
  help,
  ...(unit && { unit }),
  prometheusOnly: true,
});
const USER = own('counter', 'process.cpu_user', 's', 'Total user CPU time spent in seconds.');
const SYSTEM = own('counter', 'process.cpu_system', 's', 'Total system CPU time spent in seconds.');
const CPU = own('counter', 'process.cpu', 's', 'Total user and system CPU time spent in seconds.');
const RESIDENT = own('gauge', 'process.resident_memory', 'By', 'Resident memory size in bytes.');
const VIRTUAL = own('gauge', 'process.virtual_memory', 'By', 'Virtual memory size in bytes.');
const DATA = own('gauge', 'process.heap', 'By', 'Process heap size in bytes.');
const OPEN_FDS = own('gauge', 'process.open_fds', undefined, 'Number of open file descriptors.');
const LAG = own('gauge', 'nodejs.eventloop_lag', 's', 'Lag of event loop in seconds.');
const HEAP = own('gauge', 'nodejs.heap_size_total', 'By', 'Process heap size from Node.js in bytes.');
const HEAP_USED = own(
  'gauge',
  'nodejs.heap_size_used',
  'By',
  'Process heap size used from Node.js in bytes.',
);
const EXTERNAL = own('gauge', 'nodejs.external_memory', 'By', 'Node.js external memory size in bytes.');

/** Prometheus names of all that it sets. */
export const MEASURED =
  /^process_(cpu_|resident_memory_|virtual_memory_|heap_|open_fds)|^nodejs_(eventloop_lag_|heap_size_|external_memory_)/;

/** Of a status with many groups and processors. */
const STATUS_BYTES = 16 * 1024;

/**
 * What sets the figures of this moment; the lag is that of the last time. What cannot be told has no series. Its files stay
 * open, for to find them takes longer than to read them.
 */
export function createMeasure(meter: Meter): () => void {
  const set = (desc: Desc, value: number | undefined) => {
    if (value !== undefined) meter.instrument(desc).with().set(value);
  };
  const buf = Buffer.alloc(STATUS_BYTES);
  const status = attempt(() => openSync('/proc/self/status', 'r'));
  const fds = attempt(() => openSync(FDS, 'r'));
  return () => {
    const { user, system } = process.cpuUsage();
    set(USER, user / 1e6);
    set(SYSTEM, system / 1e6);
    set(CPU, (user + system) / 1e6);
    const length = attempt(() => (status === undefined ? 0 : readSync(status, buf, 0, STATUS_BYTES, 0))) ?? 0;
    const [, size, resident, data] = MEMORY.exec(buf.toString('latin1', 0, length)) ?? [];
    set(RESIDENT, bytesOf(resident) ?? process.memoryUsage.rss());
    set(VIRTUAL, bytesOf(size));
    set(DATA, bytesOf(data));
    if (fds !== undefined) set(OPEN_FDS, countOpenFds(fds));
    const { total_heap_size, used_heap_size, external_memory } = getHeapStatistics();
    set(HEAP, total_heap_size);
    set(HEAP_USED, used_heap_size);
    set(EXTERNAL, external_memory);
    const lag = meter.instrument(LAG).with();
    const begin = performance.now();
    setImmediate(() => lag.set((performance.now() - begin) / 1000));
  };
}

/** In the kernel's order. */
const MEMORY = /^VmSize:\s+(\d+)[\s\S]*^VmRSS:\s+(\d+)[\s\S]*^VmData:\s+(\d+)/m;

/** /proc tells memory in KiB. */
const bytesOf = (kib: string | undefined): number | undefined =>
  kib === undefined ? undefined : Number(kib) * 1024;

const FDS = '/proc/self/fd';

/** Since Linux 6.2 the size of the directory, for an agent may hold thousands; before, its names, of which one is of the look itself. */
const countOpenFds = (directory: number): number | undefined =>
  attempt(() => fstatSync(directory).size || readdirSync(FDS).length - 1);
