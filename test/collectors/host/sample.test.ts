// The sampler on a fixture host and on this one; a filesystem that hangs is played.

import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { SamplerRoom } from '../../../agent/core/collector.ts';
import { NoData } from '../../../agent/core/errors.ts';
import { createLatest } from '../../../agent/core/meter.ts';
import { prometheusName } from '../../../agent/core/metric.ts';
import * as family from '../../../collectors/host/describe.ts';
import { createFilesystems } from '../../../collectors/host/filesystems.ts';
import { create } from '../../../collectors/host/index.ts';

function host(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'host-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

function start(root: string) {
  const warnings: string[] = [];
  const log = { debug() {}, info() {}, warn: (message: string) => warnings.push(message), error() {} };
  // Only what this collector may use.
  const room = { name: 'host', root, log } as unknown as SamplerRoom;
  const [sampler] = create({ interval: 30_000 }, room);
  const latest = createLatest(() => 0);
  return {
    sampler: sampler!,
    warnings,
    /** All series of one cycle, as `name{labels}`. */
    async run(): Promise<Record<string, number>> {
      latest.begin();
      await sampler!.sample(latest, new AbortController().signal);
      latest.end();
      const series: Record<string, number> = {};
      for (const { desc, points } of latest.families())
        for (const point of points) series[`${prometheusName(desc)}{${point.labels.join()}}`] = point.value;
      return series;
    },
  };
}

describe('on a fixture host', () => {
  const KIB = 1024;
  const files = {
    'proc/stat': 'cpu  100 0 300 4000 50 0 0 0 0 0\ncpu0 1 2 3\nbtime 1700000000\n',
    'proc/loadavg': '0.50 0.25 0.10 2/345 6789\n',
    'proc/uptime': '1000.5 4000\n',
    'proc/meminfo':
      'MemTotal: 1000 kB\nMemFree: 400 kB\nMemAvailable: 800 kB\nBuffers: 50 kB\nCached: 200 kB\nSReclaimable: 100 kB\nSwapTotal: 64 kB\nSwapFree: 60 kB\n',
    'proc/pressure/io': 'some avg10=0.00 avg60=0.00 avg300=0.00 total=2000000\n',
    'proc/diskstats': '8 0 sda 10 1 16 250 20 2 32 500 0 1500 750\n',
    'proc/1/net/dev': 'eth0: 100 10 1 2 0 0 0 0 200 20 3 4 0 0 0 0\n',
    'proc/net/dev': 'wrong0: 100 10 1 2 0 0 0 0 200 20 3 4 0 0 0 0\n',
    'proc/1/mounts': '/dev/sda1 / ext4 rw 0 0\n/dev/sdb1 /gone ext4 rw 0 0\n',
  };

  it('tells every part, in the namespaces of the first process', async () => {
    const { run, sampler, warnings } = start(host(files));
    expect(sampler).toMatchObject({ name: 'host', everyMs: 30_000 });
    const series = await run();
    const spaces = Object.keys(series).filter(key => key.startsWith('eudaemon_host_filesystem_'));
    expect(spaces).toEqual([
      'eudaemon_host_filesystem_usage_bytes{/dev/sda1,/,ext4,used}',
      'eudaemon_host_filesystem_usage_bytes{/dev/sda1,/,ext4,free}',
      'eudaemon_host_filesystem_usage_bytes{/dev/sda1,/,ext4,reserved}',
      ...spaces.slice(3),
    ]);
    for (const key of spaces) delete series[key];
    expect(series).toEqual({
      'eudaemon_host_cpu_seconds{user}': 1,
      'eudaemon_host_cpu_seconds{nice}': 0,
      'eudaemon_host_cpu_seconds{system}': 3,
      'eudaemon_host_cpu_seconds{idle}': 40,
      'eudaemon_host_cpu_seconds{iowait}': 0.5,
      'eudaemon_host_cpu_seconds{interrupt}': 0,
      'eudaemon_host_cpu_seconds{steal}': 0,
      'eudaemon_host_cpus{}': 1,
      'eudaemon_host_boot_time_seconds{}': 1_700_000_000,
      'eudaemon_host_load1{}': 0.5,
      'eudaemon_host_load5{}': 0.25,
      'eudaemon_host_load15{}': 0.1,
      'eudaemon_host_uptime_seconds{}': 1000.5,
      'eudaemon_host_memory_total_bytes{}': 1000 * KIB,
      'eudaemon_host_memory_usage_bytes{free}': 400 * KIB,
      'eudaemon_host_memory_usage_bytes{buffers}': 50 * KIB,
      'eudaemon_host_memory_usage_bytes{cached}': 300 * KIB,
      'eudaemon_host_memory_usage_bytes{used}': 250 * KIB,
      'eudaemon_host_memory_available_bytes{}': 800 * KIB,
      'eudaemon_host_swap_usage_bytes{used}': 4 * KIB,
      'eudaemon_host_swap_usage_bytes{free}': 60 * KIB,
      'eudaemon_host_pressure_seconds{io,some}': 2,
      'eudaemon_host_disk_io_bytes{sda,read}': 8192,
      'eudaemon_host_disk_io_bytes{sda,write}': 16_384,
      'eudaemon_host_disk_operations{sda,read}': 10,
      'eudaemon_host_disk_operations{sda,write}': 20,
      'eudaemon_host_disk_operation_seconds{sda,read}': 0.25,
      'eudaemon_host_disk_operation_seconds{sda,write}': 0.5,
      'eudaemon_host_disk_busy_seconds{sda}': 1.5,
      'eudaemon_host_network_io_bytes{eth0,receive}': 100,
      'eudaemon_host_network_io_bytes{eth0,transmit}': 200,
      'eudaemon_host_network_packets{eth0,receive}': 10,
      'eudaemon_host_network_packets{eth0,transmit}': 20,
      'eudaemon_host_network_errors{eth0,receive}': 1,
      'eudaemon_host_network_errors{eth0,transmit}': 3,
      'eudaemon_host_network_dropped_packets{eth0,receive}': 2,
      'eudaemon_host_network_dropped_packets{eth0,transmit}': 4,
    });
    expect(warnings).toEqual([]);
  });

  it('leaves out what is not there, and never writes a zero for it', async () => {
    expect(await start(host({ 'proc/stat': 'cpu 100\n' })).run()).toEqual({
      'eudaemon_host_cpu_seconds{user}': 1,
    });
  });

  it('has no data where there is no /proc', async () => {
    await expect(start(host({})).run()).rejects.toThrow(NoData);
  });

  it('never lets the time of waiting for disks fall', async () => {
    const root = host(files);
    const { run } = start(root);
    const seen: unknown[] = [];
    for (const iowait of [50, 40, 60]) {
      writeFileSync(join(root, 'proc/stat'), `cpu 100 0 300 4000 ${iowait} 0 0 0\n`);
      seen.push((await run())['eudaemon_host_cpu_seconds{iowait}']);
    }
    expect(seen).toEqual([0.5, 0.5, 0.6]);
  });
});

it('tells this host, and what it is once that is known', async () => {
  const { run } = start('/');
  const info = await vi.waitUntil(
    async () => Object.entries(await run()).find(([key]) => key.startsWith('eudaemon_host_info')),
    { timeout: 15_000 },
  );
  expect(info[1]).toBe(1);
  const series = await run();
  expect(series['eudaemon_host_memory_total_bytes{}']).toBeGreaterThan(1 << 20);
  expect(series['eudaemon_host_uptime_seconds{}']).toBeGreaterThan(0);
});

it('gives every family its own name on both sides', () => {
  const all = Object.values(family).flat();
  expect(new Set(all.map(desc => desc.name)).size).toBe(all.length);
  expect(new Set(all.map(prometheusName)).size).toBe(all.length);
  for (const desc of all) {
    expect(prometheusName(desc)).toMatch(/^eudaemon_host_[a-z0-9_]+$/);
    expect(prometheusName(desc)).not.toMatch(/_total$/);
  }
});

describe('createFilesystems', () => {
  const mount = (mountpoint: string) => ({ device: `/dev${mountpoint}`, mountpoint, type: 'ext4' });
  const figures = {
    type: 1,
    bsize: 4096,
    frsize: 4096,
    blocks: 100,
    bfree: 40,
    bavail: 30,
    files: 10,
    ffree: 4,
  };

  it('tells used, free and reserved space, and inodes where they are counted', async () => {
    const stat = async (path: unknown) => ({ ...figures, files: path === '/host/btrfs' ? 0 : 10 });
    const spaces = await createFilesystems('/host', stat as never).look([mount('/a'), mount('/btrfs')]);
    expect(spaces).toEqual([
      {
        ...mount('/a'),
        bytes: { used: 60 * 4096, free: 30 * 4096, reserved: 10 * 4096 },
        inodes: { used: 6, free: 4 },
      },
      {
        ...mount('/btrfs'),
        bytes: { used: 60 * 4096, free: 30 * 4096, reserved: 10 * 4096 },
        inodes: undefined,
      },
    ]);
  });

  it('passes over a filesystem that went away', async () => {
    const stat = async (path: unknown) => {
      if (path === '/a') throw new Error('ENOENT');
      return figures;
    };
    const spaces = await createFilesystems('/', stat as never).look([mount('/a'), mount('/b')]);
    expect(spaces.map(space => space.mountpoint)).toEqual(['/b']);
  });

  it('asks for no more than a sane number', async () => {
    const stat = vi.fn(async () => figures);
    const mounts = Array.from({ length: 500 }, (_, i) => mount(`/${i}`));
    expect(await createFilesystems('/', stat as never).look(mounts)).toHaveLength(64);
  });

  it('gives up on one that hangs, asks nobody else meanwhile, and recovers', async () => {
    vi.useFakeTimers();
    try {
      const hung = Promise.withResolvers<typeof figures>();
      const stat = vi.fn((path: string) => (path === '/hung' ? hung.promise : Promise.resolve(figures)));
      const filesystems = createFilesystems('/', stat as never);
      const first = filesystems.look([mount('/a'), mount('/hung'), mount('/b')]);
      const given = expect(first).rejects.toThrow('filesystem "/hung" does not answer');
      await vi.advanceTimersByTimeAsync(1000);
      await given;
      await expect(filesystems.look([mount('/a')])).rejects.toThrow('filesystem "/hung" does not answer');
      expect(stat.mock.calls.map(([path]) => path)).toEqual(['/a', '/hung']);
      hung.resolve(figures);
      await vi.advanceTimersByTimeAsync(0);
      expect(await filesystems.look([mount('/b')])).toHaveLength(1);
      expect(stat.mock.calls.map(([path]) => path)).toEqual(['/a', '/hung', '/b']);
    } finally {
      vi.useRealTimers();
    }
  });
});
