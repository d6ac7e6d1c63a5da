// What a look reads of a process that has run since the last one, and of one that has not.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createLooker } from '../../../collectors/processes/look.ts';
import { createReader, type Reader } from '../../../collectors/processes/read.ts';
import { createHost, type FakeHost } from '../../procfs.ts';

const DAEMON = { pid: 10, comm: 'd', memory: { size: 8, rss: 4 } };

describe('a process of a daemon', () => {
  let host: FakeHost;
  beforeEach(() => {
    host = createHost();
  });
  afterEach(() => host.close());

  /** Daemons are what is called `d`; `ran` is the CPU time of all processes. */
  const world = () => {
    const read: string[] = [];
    const reader = createReader(host.root);
    const found = { ran: 1, read };
    const spy: Reader = {
      ...reader,
      cpuTime: () => found.ran,
      file(pid, name) {
        read.push(name);
        return reader.file(pid, name);
      },
      openFds(pid) {
        read.push('fd');
        return reader.openFds(pid);
      },
    };
    const looker = createLooker(spy, { ofProcess: ({ comm }) => (comm === 'd' ? 'd' : undefined) });
    return {
      found,
      look() {
        read.length = 0;
        const pids = new Set(reader.pids());
        const look = looker.begin(pids, host.now());
        for (const pid of pids) look.at(pid);
        return look.end().get(10);
      },
    };
  };
  const EVERYTHING = ['stat', 'status', 'io', 'fd'];

  it('that has not run is the same, and only its stat is read', () => {
    host.run({ ...DAEMON });
    const { look, found } = world();
    const first = look();
    expect(found.read).toEqual([...EVERYTHING, 'limits']);
    expect(look()).toBe(first);
    expect(found.read).toEqual(['stat']);
  });

  it('that has run is read, whatever its stat says', () => {
    host.run({ ...DAEMON, switches: [1, 0] });
    const { look, found } = world();
    look();
    host.run({ ...DAEMON, switches: [2, 0] });
    found.ran++;
    expect(look()?.figures.status.voluntary).toBe(2);
    expect(found.read).toEqual(EVERYTHING);
  });

  it('from which memory was taken while it did not run is read', () => {
    host.run({ ...DAEMON, memory: { size: 2000, rss: 1000 } });
    const { look } = world();
    look();
    host.run({ ...DAEMON, memory: { size: 2000, rss: 800, swap: 200 } });
    expect(look()?.figures.status).toMatchObject({ resident: 800 * 1024, swap: 200 * 1024 });
  });

  it('whose CPU time cannot be told is read each time', () => {
    host.run({ ...DAEMON });
    const { look, found } = world();
    found.ran = Number.NaN;
    look();
    look();
    expect(found.read).toEqual(EVERYTHING);
  });

  it('that never runs is read once a minute', () => {
    host.run({ ...DAEMON });
    const { look, found } = world();
    look();
    host.tick(60_000);
    look();
    expect(found.read).toEqual([...EVERYTHING, 'limits']);
  });

  it('that becomes one by a parent who is another is found', () => {
    host.run({ pid: 1, ppid: 0 });
    host.run({ pid: 9, comm: 'x' });
    host.run({ pid: 10, comm: 'x', ppid: 9 });
    const { look, found } = world();
    look();
    expect(found.read).toEqual(['stat', 'stat', 'stat']);
    expect(look()).toBeUndefined();
    expect(found.read).toEqual([]);
    host.kill(9);
    host.run({ ...DAEMON, ppid: 1 });
    expect(look()?.stat.ppid).toBe(1);
  });

  it('whose number somebody else has got is somebody else', () => {
    host.run({ ...DAEMON, start: 5 });
    const { look, found } = world();
    look();
    host.run({ pid: 10, comm: 'x', start: 7 });
    found.ran = 0;
    expect(look()).toBeUndefined();
  });
});

it('this host: the CPU time of a process grows when it runs, and ends with it', async () => {
  const child = spawn('cat');
  onTestFinished(() => void child.kill('SIGKILL'));
  const echo = async () => {
    child.stdin.write('x');
    await once(child.stdout, 'data');
  };
  await echo();
  const { cpuTime } = createReader('/');
  const pid = child.pid!;
  const before = cpuTime(pid);
  expect(before).toBeGreaterThan(0);
  await echo();
  await vi.waitFor(() => expect(cpuTime(pid)).toBeGreaterThan(before));
  child.stdin.end();
  await once(child, 'exit');
  expect(cpuTime(pid)).toBeNaN();
});
