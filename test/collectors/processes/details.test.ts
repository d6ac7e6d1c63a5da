// Control groups of both versions out of a host of files; deleted files, forgotten connections and a real group of
// version 1 on this host.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { SamplerRoom } from '../../../agent/core/collector.ts';
import { createLatest } from '../../../agent/core/meter.ts';
import { prometheusName } from '../../../agent/core/metric.ts';
import type { Stat } from '../../../agent/core/procstat.ts';
import { createDetails } from '../../../collectors/processes/details.ts';
import { createGroups } from '../../../collectors/processes/groups.ts';
import { createLooker } from '../../../collectors/processes/look.ts';
import {
  parseAmount,
  parseCpuLimit,
  parseGroupMounts,
  parseGroupPaths,
  parseKeyed,
  parsePressure,
} from '../../../collectors/processes/parse-group.ts';
import { createReader } from '../../../collectors/processes/read.ts';
import { parseTcp } from '../../../collectors/processes/tcp.ts';
import { createUndeclared } from '../../../collectors/processes/undeclared.ts';
import { createHost, type FakeHost } from '../../procfs.ts';
import { have } from '../../tools.ts';

/** Looks at the daemon `d`, which these processes are; series without prefix and daemon. */
function watch(root: string, isOurs: (pid: number) => boolean, { pss = false, everything = 1 } = {}) {
  const room = {
    name: 'processes',
    root,
    elapsed: () => 0,
    daemons: {
      declared: [{ name: 'd' }],
      ofProcess: ({ pid }: { pid: number }) => (isOurs(pid) ? 'd' : undefined),
    },
  } as unknown as SamplerRoom;
  const reader = createReader(room.root);
  const looker = createLooker(reader, room.daemons, { details: 1, everything });
  const sampler = createDetails({ interval: 1000, pss, undeclared: 0 }, room, reader, async () => {
    const pids = new Set(reader.pids());
    const look = looker.begin(pids);
    for (const pid of pids) look.at(pid);
    look.end();
    return looker.seen;
  });
  const latest = createLatest();
  return async (): Promise<Record<string, number>> => {
    latest.begin();
    await sampler.sample(latest, new AbortController().signal);
    latest.end();
    return Object.fromEntries(
      [...latest.families()].flatMap(({ desc, points }) =>
        [...points].map(({ labels, value }) => [
          [prometheusName(desc).replace(/^eudaemon_daemon_/, ''), ...labels.slice(1)].join(),
          value,
        ]),
      ),
    );
  };
}

describe('control groups', () => {
  let host: FakeHost;
  beforeEach(() => {
    host = createHost();
  });
  afterEach(() => host.close());

  const V2 = 'sys/fs/cgroup/system.slice/d.service';
  const two = (files: Record<string, string>) => {
    host.write('proc/1/mounts', 'cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n');
    for (const [name, text] of Object.entries(files)) host.write(`${V2}/${name}`, text);
    host.run({ pid: 10, cgroup: '0::/system.slice/d.service\n' });
  };
  const FULL = {
    'cgroup.procs': '10\n',
    'memory.current': '4096\n',
    'memory.peak': '8192\n',
    'memory.max': '16384\n',
    'memory.events': 'low 0\nhigh 1\nmax 2\noom 3\noom_kill 4\n',
    'cpu.stat': 'usage_usec 5\nnr_periods 10\nnr_throttled 6\nthrottled_usec 7000000\n',
    'cpu.max': '50000 100000\n',
    'pids.current': '7\n',
    'pids.max': 'max\n',
    'io.pressure':
      'some avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
  };

  it('of version 2: gauges at once, counters from where they stood', async () => {
    two(FULL);
    const look = watch(host.root, pid => pid === 10);
    const first = await look();
    expect(first).toMatchObject({
      cgroup_memory_bytes: 4096,
      cgroup_memory_peak_bytes: 8192,
      cgroup_memory_limit_bytes: 16384,
      cgroup_cpu_limit: 0.5,
      cgroup_tasks: 7,
      'cgroup_memory_events,oom_kill': 0,
      cgroup_cpu_throttled_seconds: 0,
      'cgroup_pressure_seconds,io,some': 0,
    });
    expect(first).not.toHaveProperty('cgroup_tasks_limit');
    host.write(`${V2}/memory.events`, 'high 1\nmax 2\noom 5\noom_kill 5\n');
    host.write(`${V2}/cpu.stat`, 'nr_periods 20\nnr_throttled 9\nthrottled_usec 9500000\n');
    expect(await look()).toMatchObject({
      'cgroup_memory_events,oom_kill': 1,
      'cgroup_memory_events,oom': 2,
      cgroup_cpu_periods: 10,
      cgroup_cpu_throttled_periods: 3,
      cgroup_cpu_throttled_seconds: 2.5,
    });
    // systemd makes the group anew when the unit is started again.
    host.write(`${V2}/memory.events`, 'high 0\nmax 0\noom 1\noom_kill 1\n');
    expect(await look()).toMatchObject({ 'cgroup_memory_events,oom_kill': 2 });
    host.kill(10);
    const gone = await look();
    expect(gone).toMatchObject({ 'cgroup_memory_events,oom_kill': 2 });
    expect(gone).not.toHaveProperty('cgroup_memory_bytes');
    expect(gone).toMatchObject({ deleted_open_bytes: 0, 'tcp_sockets,listen': 0 });
    expect(gone).not.toHaveProperty('deleted_open_free_bytes');
  });

  it('that are there are counted no second time when others are forgotten', () => {
    two(FULL);
    const groups = createGroups(host.root, 0);
    const look = () => {
      const cgroup = '0::/system.slice/d.service\n';
      const member = { stat: { pid: 10 }, figures: { details: { setting: { cgroup } } } };
      const { counters } = groups.of('d', [member]);
      groups.keep(new Set(['d']));
      return counters.get('events,oom_kill');
    };
    expect([look(), look(), look()]).toEqual([0, 0, 0]);
    host.write(`${V2}/memory.events`, 'oom_kill 5\n');
    expect(look()).toBe(1);
  });

  it('with a stranger in it is nobody’s, nor is the topmost, one of another namespace, or one without files', async () => {
    two({ ...FULL, 'cgroup.procs': '10\n11\n' });
    const look = watch(host.root, pid => pid === 10);
    const groups = async () => Object.keys(await look()).filter(name => name.startsWith('cgroup'));
    expect(await groups()).toEqual([]);
    for (const cgroup of ['0::/\n', '0::/../x\n', '0::/none\n', 'nonsense', '']) {
      host.run({ pid: 10, cgroup });
      expect(await groups()).toEqual([]);
    }
  });

  it('of version 1: each controller has its own', async () => {
    const at = (controller: string) => `sys/fs/cgroup/${controller}/d`;
    host.write(
      'proc/self/mounts',
      ['memory', 'cpu,cpuacct', 'pids'].map(c => `cgroup /sys/fs/cgroup/${c} cgroup rw,${c} 0 0\n`).join(''),
    );
    host.run({ pid: 10, cgroup: '9:memory:/d\n8:cpu,cpuacct:/d\n7:pids:/\n1:name=systemd:/d\n' });
    for (const [file, text] of Object.entries({
      [`${at('memory')}/cgroup.procs`]: '10\n',
      [`${at('memory')}/memory.usage_in_bytes`]: '4096\n',
      [`${at('memory')}/memory.max_usage_in_bytes`]: '5000\n',
      [`${at('memory')}/memory.limit_in_bytes`]: '9223372036854771712\n',
      [`${at('memory')}/memory.oom_control`]: 'oom_kill_disable 0\nunder_oom 0\noom_kill 3\n',
      [`${at('memory')}/memory.failcnt`]: '9\n',
      [`${at('cpu,cpuacct')}/cgroup.procs`]: '10\n',
      [`${at('cpu,cpuacct')}/cpu.stat`]: 'nr_periods 1\nnr_throttled 1\nthrottled_time 1000\n',
      [`${at('cpu,cpuacct')}/cpu.cfs_quota_us`]: '200000\n',
      [`${at('cpu,cpuacct')}/cpu.cfs_period_us`]: '100000\n',
    }))
      host.write(file, text);
    const look = watch(host.root, pid => pid === 10);
    await look();
    host.write(`${at('memory')}/memory.oom_control`, 'oom_kill_disable 0\nunder_oom 0\noom_kill 4\n');
    host.write(`${at('cpu,cpuacct')}/cpu.stat`, 'nr_periods 1\nnr_throttled 1\nthrottled_time 500001000\n');
    const found = await look();
    expect(found).toMatchObject({
      cgroup_memory_bytes: 4096,
      cgroup_memory_peak_bytes: 5000,
      cgroup_cpu_limit: 2,
      'cgroup_memory_events,oom_kill': 1,
      'cgroup_memory_events,max': 0,
      cgroup_cpu_throttled_seconds: 0.5,
    });
    expect(found).not.toHaveProperty('cgroup_memory_limit_bytes');
    expect(found).not.toHaveProperty('cgroup_tasks');
  });

  it.each([
    [parseAmount, 'max\n', undefined],
    [parseAmount, undefined, undefined],
    [parseAmount, '', undefined],
    [parseAmount, '-1', undefined],
    [parseAmount, '0\n', 0],
    [parseCpuLimit, 'max 100000\n', undefined],
    [parseCpuLimit, '-1 100000', undefined],
    [parseCpuLimit, '', undefined],
    [parseCpuLimit, 'undefined undefined', undefined],
    [parseCpuLimit, '150000 100000\n', 1.5],
  ] as const)('%o of %j is %s', (parse, text, value) => expect(parse(text as string)).toBe(value));

  it('broken lines are passed over', () => {
    expect([...parseKeyed('a 1\nb\n 2\nc x\nd 3')]).toEqual([
      ['a', 1],
      ['d', 3],
    ]);
    expect([...parseGroupPaths('x:memory:/a\n1::\n0::/b\n2:cpu,cpuacct:/c d\n')]).toEqual([
      ['', '/b'],
      ['cpu', '/c d'],
      ['cpuacct', '/c d'],
    ]);
    expect([
      ...parseGroupMounts('cgroup\n\ntmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup2 /u cgroup2 rw 0 0'),
    ]).toEqual([['', '/u']]);
    expect(parsePressure('some total=x\nfull avg10=0.00 total=2000000\nhalf x total=1')).toEqual([
      ['full', 2],
    ]);
    expect([
      ...parseTcp('  sl  local\n   0: 0 0 08 0 0 0 0 0 77 1\n1: x\n   2: 0 0 03 0 0 0 0 0 78 1\n'),
    ]).toEqual([
      [77, 'close_wait'],
      [78, 'other'],
    ]);
  });
});

describe('programs of nobody', () => {
  const uses = (limit: number) => {
    const undeclared = createUndeclared(limit);
    const latest = createLatest();
    return (now: number, ...processes: [pid: number, comm: string, bytes: number, ticks: number][]) => {
      for (const [pid, comm, bytes, ticks] of processes)
        undeclared.add({ pid, comm, startTicks: 1, userTicks: ticks, systemTicks: 0 } as Stat, bytes);
      latest.begin();
      undeclared.write(latest, now);
      latest.end();
      return Object.fromEntries(
        [...latest.families()].flatMap(({ desc, points }) =>
          [...points].map(({ labels, value }) => [
            `${prometheusName(desc).replace('eudaemon_undeclared_', '')},${labels[0]}`,
            value,
          ]),
        ),
      );
    };
  };

  it('are told by name, the largest alone, and never more than that', () => {
    const look = uses(2);
    expect(
      look(0, [1, 'a', 10, 0], [2, 'a', 10, 0], [3, 'b', 15, 0], [4, 'c', 1, 0], [5, 'd', 2, 0]),
    ).toEqual({
      'processes,a': 2,
      'processes,b': 1,
      'processes,other': 2,
      'resident_memory_bytes,a': 20,
      'resident_memory_bytes,b': 15,
      'resident_memory_bytes,other': 3,
    });
    const many = Array.from(
      { length: 500 },
      (_, i) => [i, `p${i}`, i, 0] as [number, string, number, number],
    );
    expect(Object.keys(look(1000, ...many))).toHaveLength(9);
  });

  it('CPU is what was used since the last look, of the new all, of those gone nothing', () => {
    const look = uses(1);
    look(0, [1, 'a', 9, 500], [2, 'b', 1, 100]);
    expect(look(10_000, [1, 'a', 9, 1000], [3, 'b', 1, 200])).toMatchObject({
      'cpu_cores,a': 0.5,
      'cpu_cores,other': 0.2,
    });
    expect(look(20_000)).toEqual({
      'processes,other': 0,
      'resident_memory_bytes,other': 0,
      'cpu_cores,other': 0,
    });
  });

  it('one that is called other keeps apart from the others', () =>
    expect(uses(1)(0, [1, 'other', 9, 0], [2, 'b', 1, 0])).toMatchObject({
      'resident_memory_bytes,other_': 9,
      'resident_memory_bytes,other': 1,
    }));
});

const HOLD = `use IO::Socket::INET; $| = 1;
open(my $f, ">", $ARGV[0]) or die; print $f "x" x (1 << 20); $f->flush; unlink $ARGV[0];
my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$ARGV[1]") or die; sysread($s, my $b, 1);
print "held\\n"; sleep 1000;`;

if (have('perl'))
  it('this host: a deleted file counts once and by its blocks, a connection the other side has left is told', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'eudaemon-held-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const server = createServer(socket => socket.end());
    await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    const child = spawn('perl', ['-e', HOLD, join(directory, 'gone'), `${port}`]);
    onTestFinished(() => void child.kill('SIGKILL'));
    await new Promise(held => child.stdout.once('data', held));
    const found = await watch('/', pid => pid === child.pid, { pss: true })();
    expect(found['deleted_open_bytes']).toBeGreaterThanOrEqual(1 << 20);
    expect(found['deleted_open_bytes']).toBeLessThan(1.2 * (1 << 20));
    expect(found).toMatchObject({ 'tcp_sockets,close_wait': 1, 'tcp_sockets,listen': 0 });
    expect(found['proportional_memory_bytes']).toBeGreaterThan(100_000);
  });

if (have('perl'))
  it('this host: a file that is deleted while the process that holds it sleeps is told', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'eudaemon-held-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const path = join(directory, 'file');
    writeFileSync(path, Buffer.alloc(1 << 20, 'x'));
    const child = spawn('perl', [
      '-e',
      'open(my $f, "<", $ARGV[0]); $| = 1; print "held\\n"; sleep 1000',
      path,
    ]);
    onTestFinished(() => void child.kill('SIGKILL'));
    await new Promise(held => child.stdout.once('data', held));
    const look = watch('/', pid => pid === child.pid, { everything: 1000 });
    expect(await look()).toMatchObject({ deleted_open_bytes: 0 });
    rmSync(path);
    expect((await look())['deleted_open_bytes']).toBeGreaterThanOrEqual(1 << 20);
  });

const GROUP = '/sys/fs/cgroup/memory';
if (have('perl', 'root'))
  it('this host: a real group tells its memory and its limit, where it has the controller', async () => {
    const path = `${GROUP}/eudaemon-test-${process.pid}`;
    try {
      mkdirSync(path);
    } catch {
      expect(() => mkdirSync(path)).toThrow();
      return;
    }
    const child = spawn('perl', [
      '-e',
      '$| = 1; <STDIN>; my $x = "x" x (4 << 20); print "up\\n"; sleep 1000',
    ]);
    const gone = new Promise(end => child.once('exit', end));
    onTestFinished(async () => {
      child.kill('SIGKILL');
      await gone;
      rmdirSync(path);
    });
    writeFileSync(`${path}/memory.limit_in_bytes`, `${64 << 20}`);
    writeFileSync(`${path}/cgroup.procs`, `${child.pid}`);
    child.stdin.write('\n');
    await new Promise(up => child.stdout.once('data', up));
    const found = await watch('/', pid => pid === child.pid)();
    expect(found['cgroup_memory_limit_bytes']).toBe(64 << 20);
    expect(found['cgroup_memory_bytes']).toBeGreaterThan(4 << 20);
    expect(found['cgroup_memory_peak_bytes']).toBeGreaterThanOrEqual(found['cgroup_memory_bytes']!);
  });
