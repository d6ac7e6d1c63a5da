// The host as a whole: load, processors, memory, filesystems, disks and network, from /proc alone.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sampler, SamplerRoom } from '../../agent/core/collector.ts';
import { causeOf, NoData } from '../../agent/core/errors.ts';
import type { SampleSink } from '../../agent/core/meter.ts';
import * as family from './describe.ts';
import { createFilesystems, type Space } from './filesystems.ts';
import { type Inventory, takeInventory } from './inventory.ts';
import type { HostOptions } from './options.ts';
import {
  type CpuFigures,
  type Disk,
  type Interface,
  parseDiskstats,
  parseMeminfo,
  parseMounts,
  parseNetDev,
  parseNumbers,
  parsePressure,
  parseStat,
} from './parse.ts';

/** One sampler. Parts the kernel does not offer are absent; without /proc/stat there is no data at all. */
export function create(options: HostOptions, room: SamplerRoom): Sampler[] {
  const read = (path: string): string | undefined => {
    try {
      return readFileSync(join(room.root, path), 'utf8');
    } catch {
      return undefined;
    }
  };
  // The namespaces of the first process are the host's; ours may be a container's.
  const readOfHost = (path: string) => read(`proc/1/${path}`) ?? read(`proc/${path}`) ?? '';

  const filesystems = createFilesystems(room.root);
  let inventory: Inventory | undefined;
  takeInventory(read).then(
    taken => {
      inventory = taken;
    },
    error => room.log.debug(`cannot tell the hardware: ${causeOf(error)}`),
  );
  let iowait = 0;

  return [
    {
      name: room.name,
      everyMs: options.interval,
      async sample(out) {
        const stat = read('proc/stat');
        if (stat === undefined) throw new NoData(`no "${join(room.root, 'proc/stat')}" here`);
        if (inventory) out.set(family.INFO, 1, ...inventory);
        const cpu = parseStat(stat);
        // The kernel's estimate of this mode may fall, which reads as a restart of the counter (proc_stat(5)).
        iowait = Math.max(iowait, cpu.seconds.get('iowait') ?? 0);
        tellCpu(out, cpu, iowait);
        tellLoad(out, parseNumbers(read('proc/loadavg') ?? ''), parseNumbers(read('proc/uptime') ?? ''));
        tellMemory(out, parseMeminfo(read('proc/meminfo') ?? ''));
        for (const resource of ['cpu', 'io', 'memory'])
          for (const [kind, seconds] of parsePressure(read(`proc/pressure/${resource}`) ?? ''))
            out.set(family.PRESSURE, seconds, resource, kind);
        for (const disk of parseDiskstats(read('proc/diskstats') ?? '')) tellDisk(out, disk);
        for (const device of parseNetDev(readOfHost('net/dev'))) tellNetwork(out, device);
        try {
          for (const space of await filesystems.look(parseMounts(readOfHost('mounts'))))
            tellSpace(out, space);
        } catch (error) {
          room.log.warn(`cannot measure filesystems: ${causeOf(error)}`);
        }
      },
    },
  ];
}

function tellCpu(out: SampleSink, { seconds, processors, bootTime }: CpuFigures, iowait: number): void {
  for (const [mode, value] of seconds) out.set(family.CPU_TIME, mode === 'iowait' ? iowait : value, mode);
  if (processors > 0) out.set(family.CPU_COUNT, processors);
  if (bootTime !== undefined) out.set(family.BOOT_TIME, bootTime);
}

function tellLoad(out: SampleSink, load: number[], [uptime]: number[]): void {
  for (const [i, desc] of family.LOAD.entries()) if (load[i] !== undefined) out.set(desc, load[i]);
  if (uptime !== undefined) out.set(family.UPTIME, uptime);
}

function tellMemory(out: SampleSink, bytes: ReadonlyMap<string, number>): void {
  const total = bytes.get('MemTotal');
  const free = bytes.get('MemFree');
  const available = bytes.get('MemAvailable');
  if (total !== undefined && free !== undefined) {
    const buffers = bytes.get('Buffers') ?? 0;
    const cached = (bytes.get('Cached') ?? 0) + (bytes.get('SReclaimable') ?? 0);
    out.set(family.MEMORY_LIMIT, total);
    out.set(family.MEMORY_USAGE, free, 'free');
    out.set(family.MEMORY_USAGE, buffers, 'buffers');
    out.set(family.MEMORY_USAGE, cached, 'cached');
    out.set(family.MEMORY_USAGE, Math.max(0, total - free - buffers - cached), 'used');
  }
  if (available !== undefined) out.set(family.MEMORY_AVAILABLE, available);
  const swap = bytes.get('SwapTotal');
  const swapFree = bytes.get('SwapFree');
  if (swap === undefined || swapFree === undefined) return;
  out.set(family.SWAP_USAGE, swap - swapFree, 'used');
  out.set(family.SWAP_USAGE, swapFree, 'free');
}

function tellDisk(out: SampleSink, disk: Disk): void {
  for (const direction of ['read', 'write'] as const) {
    const { bytes, operations, seconds } = disk[direction];
    out.set(family.DISK_IO, bytes, disk.device, direction);
    out.set(family.DISK_OPERATIONS, operations, disk.device, direction);
    out.set(family.DISK_OPERATION_TIME, seconds, disk.device, direction);
  }
  out.set(family.DISK_IO_TIME, disk.busySeconds, disk.device);
}

function tellNetwork(out: SampleSink, network: Interface): void {
  for (const direction of ['receive', 'transmit'] as const) {
    const { bytes, packets, errors, drops } = network[direction];
    out.set(family.NETWORK_IO, bytes, network.device, direction);
    out.set(family.NETWORK_PACKETS, packets, network.device, direction);
    out.set(family.NETWORK_ERRORS, errors, network.device, direction);
    out.set(family.NETWORK_DROPS, drops, network.device, direction);
  }
}

function tellSpace(out: SampleSink, { device, mountpoint, type, bytes, inodes }: Space): void {
  for (const [state, value] of Object.entries(bytes))
    out.set(family.FILESYSTEM_USAGE, value, device, mountpoint, type, state);
  for (const [state, value] of Object.entries(inodes ?? {}))
    out.set(family.FILESYSTEM_INODES, value, device, mountpoint, type, state);
}
