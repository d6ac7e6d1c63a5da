// The sampler on a host of files: sums, children, instances and rights; and on this host against /proc itself.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DaemonLookup, DaemonSpec } from '../../../agent/core/daemon.ts';
import { parseStat } from '../../../agent/core/procstat.ts';
import { BOOT, createHost, type FakeHost } from '../../procfs.ts';
import { have } from '../../tools.ts';
import { world } from './world.ts';

/** Daemons by the name of their processes, or by their parent's; the tests of identity know better. */
function byComm(root: string, ...names: string[]): DaemonLookup {
  const own = (comm: string) => names.find(name => comm.startsWith(name));
  const of = (pid: number): string | undefined => {
    const stat = (() => {
      try {
        const bytes = readFileSync(`${root}/proc/${pid}/stat`);
        return parseStat(bytes, bytes.length);
      } catch {
        return undefined;
      }
    })();
    return stat && (own(stat.comm) ?? (stat.ppid > 1 ? of(stat.ppid) : undefined));
  };
  return {
    declared: names.map(name => ({ name, match: {} }) as DaemonSpec),
    ofProcess: ({ pid }) => of(pid),
    ofPid: of,
    ofIdentifier: () => undefined,
    ofFile: () => undefined,
  };
}

describe('a host of files', () => {
  let host: FakeHost;
  beforeEach(() => {
    host = createHost();
  });
  afterEach(() => host.close());
  const here = (...names: string[]) => world(host.root, byComm(host.root, ...names), host.now);

  const NOTHING = {
    'threads{d}': 0,
    'open_fds{d}': 0,
    'max_fds_ratio{d}': 0,
    'resident_memory_bytes{d}': 0,
    'virtual_memory_bytes{d}': 0,
    'swap_bytes{d}': 0,
    'anonymous_memory_bytes{d}': 0,
    'cpu_seconds{d,user}': 0,
    'cpu_seconds{d,system}': 0,
    'page_faults{d,minor}': 0,
    'page_faults{d,major}': 0,
    'context_switches{d,voluntary}': 0,
    'context_switches{d,involuntary}': 0,
    'io_read_bytes{d}': 0,
    'io_written_bytes{d}': 0,
  };

  it('has the figures of nothing for a daemon that is absent, from the first look', async () => {
    const w = here('d');
    expect(await w.cycle()).toEqual(NOTHING);
    expect(w.instances.get('d')).toBeUndefined();
  });

  it('tells who lives before it takes the time to learn how they run: whoever ends then has lived', async () => {
    host.run({ pid: 10, comm: 'd' });
    const w = here('d');
    const postureOf = () => w.instances.get('d')?.map(({ posture }) => posture?.user);
    let told: ReturnType<typeof postureOf>;
    w.told = () => {
      told = postureOf();
    };
    await w.cycle();
    expect([told, postureOf()]).toEqual([[undefined], ['0']]);
  });

  it('adds up a daemon, its children and theirs', async () => {
    host.run({
      pid: 10,
      comm: 'd',
      start: 50.25,
      cpu: [100, 20],
      faults: [7, 1],
      threads: 4,
      memory: { size: 2000, rss: 1000, anon: 600, swap: 3 },
      switches: [30, 3],
      io: [4096, 8192],
      fds: ['/dev/null', 'socket:[1]'],
      fdLimit: 20,
    });
    host.run({
      pid: 11,
      ppid: 10,
      comm: 'helper',
      cpu: [5, 1],
      faults: [2, 0],
      threads: 1,
      memory: { size: 200, rss: 100, anon: 60, swap: 0 },
      switches: [4, 0],
      io: [1, 2],
      fds: ['a', 'b', 'c'],
      fdLimit: 10,
    });
    host.run({ pid: 12, ppid: 11, comm: 'job', memory: { size: 4, rss: 4, anon: 4 }, fdLimit: 'unlimited' });
    host.run({ pid: 20, comm: 'stranger', cpu: [999, 999] });
    const w = here('d');
    expect(await w.cycle()).toEqual({
      'threads{d}': 6,
      'open_fds{d}': 5,
      'max_fds_ratio{d}': 0.3,
      'resident_memory_bytes{d}': 1104 * 1024,
      'virtual_memory_bytes{d}': 2204 * 1024,
      'anonymous_memory_bytes{d}': 664 * 1024,
      'swap_bytes{d}': 3072,
      'cpu_seconds{d,user}': 1.05,
      'cpu_seconds{d,system}': 0.21,
      'page_faults{d,minor}': 9,
      'page_faults{d,major}': 1,
      'context_switches{d,voluntary}': 34,
      'context_switches{d,involuntary}': 3,
      'io_read_bytes{d}': 4097,
      'io_written_bytes{d}': 8194,
    });
    expect(w.instances.get('d')).toEqual([
      {
        pid: 10,
        ppid: 1,
        startTicks: 5025,
        comm: 'd',
        state: 'S',
        session: 10,
        claimed: true,
        startedAt: BOOT + 50.25,
        memory: 1000 * 1024,
        fdUsage: 0.1,
        posture: expect.objectContaining({ user: '0', session: 10, terminal: false }),
      },
      expect.objectContaining({ pid: 11, claimed: false, memory: 100 * 1024, fdUsage: 0.3 }),
      expect.objectContaining({ pid: 12, claimed: false, fdUsage: 0 }),
    ]);
  });

  it('counts in no child another daemon claims, and no worker of its own as an instance', async () => {
    host.run({ pid: 10, comm: 'super', cpu: [1, 0] });
    host.run({ pid: 11, ppid: 10, comm: 'web', cpu: [10, 0] });
    host.run({ pid: 12, ppid: 11, comm: 'web', cpu: [100, 0] });
    const w = here('super', 'web');
    expect(await w.cycle()).toMatchObject({ 'cpu_seconds{super,user}': 0.01, 'cpu_seconds{web,user}': 1.1 });
    expect(w.instances.get('web')!.map(({ pid, claimed }) => [pid, claimed])).toEqual([
      [11, true],
      [12, false],
    ]);
  });

  it('is no instance whom one started that runs still, although its parent has ended', async () => {
    host.run({ pid: 10, comm: 'd' });
    host.run({ pid: 12, ppid: 1, session: 10, comm: 'd' });
    host.run({ pid: 20, ppid: 1, session: 15, comm: 'd' });
    host.run({ pid: 21, ppid: 1, session: 15, comm: 'd' });
    const w = here('d');
    const claimed = async () => {
      await w.cycle();
      return w.instances.get('d')!.flatMap(({ pid, claimed }) => (claimed ? [pid] : []));
    };
    expect(await claimed()).toEqual([10, 20, 21]);
    host.run({ pid: 10, comm: 'd', state: 'Z' });
    expect(await claimed()).toEqual([12, 20, 21]);
    host.kill(10);
    expect(await claimed()).toEqual([12, 20, 21]);
  });

  it('never counts back when an instance goes, nor when all do', async () => {
    host.run({ pid: 10, comm: 'd', cpu: [100, 0], io: [10, 10], memory: { size: 4, rss: 4 } });
    host.run({ pid: 11, comm: 'd', cpu: [50, 0], io: [5, 5], memory: { size: 4, rss: 4 } });
    const w = here('d');
    await w.cycle();
    host.kill(10);
    host.run({ pid: 11, comm: 'd', cpu: [51, 0], io: [6, 5], memory: { size: 4, rss: 4 } });
    expect(await w.cycle()).toMatchObject({
      'cpu_seconds{d,user}': 1.51,
      'io_read_bytes{d}': 16,
      'resident_memory_bytes{d}': 4096,
    });
    host.kill(11);
    const left = await w.cycle();
    expect(left).toEqual({
      ...NOTHING,
      'cpu_seconds{d,user}': 1.51,
      'io_read_bytes{d}': 16,
      'io_written_bytes{d}': 15,
    });
    host.run({ pid: 12, comm: 'd', start: 10_001, cpu: [1, 0, 2, 0] });
    expect((await w.cycle())['cpu_seconds{d,user}']).toBeCloseTo(1.54);
  });

  it('leaves out what an old kernel does not tell', async () => {
    host.run({ pid: 10, comm: 'd', memory: { size: 8, rss: 4 } });
    const series = await here('d').cycle();
    expect(series).toHaveProperty(['resident_memory_bytes{d}'], 4096);
    expect(series).not.toHaveProperty(['anonymous_memory_bytes{d}']);
  });

  it('takes a zombie for ended, but not one whose threads go on', async () => {
    host.run({ pid: 10, comm: 'd', state: 'Z', threads: 1, cpu: [5, 0] });
    const w = here('d');
    expect(await w.cycle()).toEqual({ ...NOTHING, 'cpu_seconds{d,user}': 0.05 });
    expect(w.instances.size).toBe(0);
    host.run({ pid: 10, comm: 'd', state: 'Z', threads: 3, cpu: [5, 0] });
    expect(await w.cycle()).toMatchObject({ 'threads{d}': 3 });
  });

  it('passes over kernel threads and what vanishes or breaks off while it looks', async () => {
    host.run({ pid: 2, ppid: 0, comm: 'd', flags: 0x00200040 });
    host.write('proc/10/stat', '');
    host.write('proc/11/stat', '11 (d) S 1');
    host.write('proc/12/stat', readFileSync('/proc/self/stat', 'latin1').replace(/\(.*\)/, '(d)'));
    host.write('proc/self', 'not a pid');
    const w = here('d');
    expect(await w.cycle()).toEqual(NOTHING);
    expect(w.instances.size).toBe(0);
  });

  it('reads limits again once in a minute, each process in another look', async () => {
    const process = { comm: 'd', fds: ['a'], memory: { size: 4, rss: 4 } };
    const pids = [10, 11, 12, 13, 14, 15];
    for (const pid of pids) host.run({ ...process, pid, fdLimit: 10 });
    const w = here('d');
    await w.cycle();
    for (const pid of pids) host.run({ ...process, pid, fdLimit: 100 });
    const looks: number[] = [];
    for (let look = 0; look < pids.length; look++) {
      await w.cycle();
      looks.push(w.instances.get('d')!.filter(({ fdUsage }) => fdUsage === 0.01).length);
    }
    expect(looks).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('counts context switches within three looks, of a third of the processes in each', async () => {
    const pids = [10, 11, 12];
    for (const pid of pids) host.run({ pid, comm: 'd', switches: [10, 0] });
    const w = here('d');
    await w.cycle();
    for (const pid of pids) host.run({ pid, comm: 'd', cpu: [1, 0], switches: [20, 0] });
    const looks: [cpu: number, switches: number][] = [];
    for (let look = 0; look < 3; look++) {
      const series = await w.cycle();
      looks.push([series['cpu_seconds{d,user}']!, series['context_switches{d,voluntary}']!]);
    }
    expect(looks).toEqual([
      [0.03, 40],
      [0.03, 50],
      [0.03, 60],
    ]);
  });

  it('fails, rather than telling that all daemons are gone, without proc', async () => {
    host.remove('proc');
    await expect(here('d').cycle()).rejects.toThrow(/^cannot read when the machine began/);
  });

  it('tells what it can of a process of which little may be read', async () => {
    host.run({ pid: 10, comm: 'd', cpu: [11, 22], memory: { size: 977, rss: 1000 } });
    for (const file of ['statm', 'status', 'io', 'fd', 'limits', 'cmdline', 'cgroup'])
      host.remove(`proc/10/${file}`);
    const series = await here('d').cycle();
    expect(series).toMatchObject({
      'cpu_seconds{d,user}': 0.11,
      'cpu_seconds{d,system}': 0.22,
      'threads{d}': 1,
      'virtual_memory_bytes{d}': 1_000_000,
      'resident_memory_bytes{d}': 1_024_000,
    });
    for (const absent of ['swap_bytes{d}', 'open_fds{d}', 'max_fds_ratio{d}'])
      expect(series).not.toHaveProperty([absent]);
  });
});

describe('this host', () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });
  /** A shell under the name `name` that runs `script`; resolves when it has written its first line. */
  const start = async (name: string, script: string) => {
    const child = spawn('bash', ['-c', `printf ${name} > /proc/$$/comm; ${script}`], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    children.push(child);
    await once(child.stdout!, 'data');
    return child;
  };
  /** What /proc/PID/status says, sizes in bytes; a shell that is about to wait may still move a little. */
  const said = (pid: number) => {
    const text = readFileSync(`/proc/${pid}/status`, 'latin1');
    const status = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(text)![1]);
    return {
      resident: status('VmRSS') * 1024,
      virtual: status('VmSize') * 1024,
      switches: status('voluntary_ctxt_switches'),
    };
  };

  it('is told as /proc tells it', async () => {
    const child = await start('eudaemon-t1', 'exec 7</dev/null 8</dev/null; echo ready; read');
    const w = world('/', byComm('/', 'eudaemon-t1'), Date.now);
    const pid = child.pid!;
    const before = said(pid);
    const series = await w.cycle();
    const after = said(pid);
    for (const [name, figure] of [
      ['resident_memory_bytes{eudaemon-t1}', 'resident'],
      ['virtual_memory_bytes{eudaemon-t1}', 'virtual'],
      ['context_switches{eudaemon-t1,voluntary}', 'switches'],
    ] as const) {
      expect(series[name]).toBeGreaterThanOrEqual(before[figure]);
      expect(series[name]).toBeLessThanOrEqual(after[figure]);
    }
    expect(series).toMatchObject({
      'threads{eudaemon-t1}': 1,
      'open_fds{eudaemon-t1}': readdirSync(`/proc/${pid}/fd`).length,
    });
    const resident = series['resident_memory_bytes{eudaemon-t1}'];
    const [instance] = w.instances.get('eudaemon-t1')!;
    expect(instance).toMatchObject({ pid, ppid: process.pid, claimed: true, memory: resident });
    expect(Math.abs(instance!.startedAt - Date.now() / 1000)).toBeLessThan(10);
  });

  it('counts the CPU of children while they run and once they have gone', async () => {
    const burn = 'for ((i = 0; i < 400000; i++)); do :; done';
    const child = await start('eudaemon-t2', `(echo up; read; ${burn}; echo burnt; read); echo over; read`);
    const w = world('/', byComm('/', 'eudaemon-t2'), Date.now);
    await w.cycle();
    child.stdin!.write('\n');
    await once(child.stdout!, 'data');
    const cpu = (series: Record<string, number>) =>
      series['cpu_seconds{eudaemon-t2,user}']! + series['cpu_seconds{eudaemon-t2,system}']!;
    const burnt = cpu(await w.cycle());
    expect(burnt).toBeGreaterThan(0.1);
    expect(w.instances.get('eudaemon-t2')!.map(({ claimed }) => claimed)).toEqual([true, false]);
    child.stdin!.write('\n');
    await once(child.stdout!, 'data');
    const after = cpu(await w.cycle());
    expect(w.instances.get('eudaemon-t2')).toHaveLength(1);
    expect(after).toBeGreaterThanOrEqual(burnt);
    expect(after - burnt).toBeLessThan(0.1);
  });

  if (have('root'))
    it('leaves out what it may not read, and says so once', async () => {
      const child = await start('eudaemon-t3', 'echo ready; read');
      const w = world('/', byComm('/', 'eudaemon-t3'), Date.now);
      const all = Object.keys(await w.cycle());
      process.seteuid!(65_534);
      try {
        const refused = world('/', byComm('/', 'eudaemon-t3'), Date.now);
        const some = Object.keys(await refused.cycle());
        await refused.cycle();
        expect(refused.instances.get('eudaemon-t3')).toMatchObject([{ pid: child.pid }]);
        const missing = all.filter(name => !some.includes(name));
        expect(missing).toEqual(
          expect.arrayContaining(['io_read_bytes{eudaemon-t3}', 'io_written_bytes{eudaemon-t3}']),
        );
        expect(missing.filter(name => !/^(io|open_fds|max_fds)/.test(name))).toEqual([]);
        expect(refused.warnings).toEqual([
          expect.stringMatching(
            new RegExp(
              `^cannot read .* of process "${child.pid}" of eudaemon-t3: permission denied; .* CAP_SYS_PTRACE$`,
            ),
          ),
        ]);
      } finally {
        process.seteuid!(0);
      }
      expect(w.warnings).toEqual([]);
    });
});
