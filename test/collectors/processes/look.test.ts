// What a look reads of a process that has run since the last one, and of one that has not.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ProcessFacts } from '../../../agent/core/daemon.ts';
import { createLooker } from '../../../collectors/processes/look.ts';
import { createReader, type Reader } from '../../../collectors/processes/read.ts';
import { createHost, type FakeHost } from '../../procfs.ts';

const DAEMON = { pid: 10, ppid: 0, comm: 'd', memory: { size: 8, rss: 4 } };

describe('a process of a daemon', () => {
  let host: FakeHost;
  beforeEach(() => {
    host = createHost();
  });
  afterEach(() => host.close());

  /** Daemons are what is called `d`; `ran` is the CPU time of all processes. Nobody's turn comes by itself. */
  const world = (turns = { details: 1000, everything: 1000 }) => {
    const read: string[] = [];
    const reader = createReader(host.root);
    const found = { ran: 1, read, asked: 0, undeclared: false };
    const spy: Reader = {
      ...reader,
      cpuTime: () => found.ran,
      file(pid, name) {
        read.push(name);
        return reader.file(pid, name);
      },
      text(pid, name) {
        read.push(name);
        return reader.text(pid, name);
      },
      openFds(pid) {
        read.push('fd');
        return reader.openFds(pid);
      },
      links(pid, each) {
        read.push('fds');
        return reader.links(pid, each);
      },
    };
    const daemons = {
      answers: undefined as object | undefined,
      ofProcess({ comm }: ProcessFacts) {
        found.asked++;
        return comm === 'd' && !found.undeclared ? 'd' : undefined;
      },
    };
    const looker = createLooker(spy, daemons, turns);
    /** A look at all that has not ended. */
    const begin = (ahead = false) => {
      const pids = new Set(reader.pids());
      const look = looker.begin(pids, ahead);
      const read = [...pids].filter(pid => look.at(pid));
      return { read, end: look.end };
    };
    return {
      found,
      daemons,
      begin,
      look(ahead = false) {
        read.length = 0;
        begin(ahead).end();
        return looker.seen.get(10);
      },
    };
  };
  const FIGURES = ['stat', 'io', 'fd', 'statm'];
  const DETAILS = ['status', 'fds'];
  const EVERYTHING = ['stat', ...DETAILS, 'limits', 'cgroup', 'io', 'fd', 'statm'];
  /** All that may be another of one that has not run. */
  const ASLEEP = ['stat', 'limits', 'cgroup', 'statm'];

  it('that has not run is the same, and only its memory is looked at', () => {
    host.run({ ...DAEMON });
    const { look, found } = world();
    const first = look();
    expect(found.read).toEqual(EVERYTHING);
    expect(look()).toBe(first);
    expect(found.read).toEqual(['statm']);
  });

  it('is asked about when it has run, and when there may be other answers', () => {
    host.run({ ...DAEMON });
    const { look, found, daemons } = world();
    const asks = (change: () => void) => {
      change();
      found.asked = 0;
      const seen = look();
      return [found.asked, seen?.daemon];
    };
    look();
    expect(asks(() => {})).toEqual([1, 'd']);
    daemons.answers = {};
    expect(asks(() => {})).toEqual([1, 'd']);
    expect(asks(() => {})).toEqual([0, 'd']);
    expect(asks(() => found.ran++)).toEqual([1, 'd']);
    const other = () => {
      daemons.answers = {};
      found.undeclared = true;
    };
    expect(asks(other)).toEqual([2, undefined]);
    expect(asks(() => {})).toEqual([0, undefined]);
  });

  it('that goes on running is asked about at first, in its turns of everything, by another name, as another program, and when there may be other answers', () => {
    host.run({ ...DAEMON });
    const { look, found, daemons } = world({ details: 1, everything: 5 });
    daemons.answers = {};
    const asked = (change = () => {}) => {
      change();
      found.ran++;
      found.asked = 0;
      return [found.asked, look()?.daemon, found.asked].slice(1);
    };
    // With this pid the turns are each fifth look.
    expect(Array.from({ length: 10 }, () => asked()[1])).toEqual([1, 1, 1, 0, 1, 0, 0, 0, 0, 1]);
    expect(asked(() => host.run({ ...DAEMON, comm: 'e' }))).toEqual([undefined, 1]);
    expect(asked(() => host.run({ ...DAEMON }))).toEqual(['d', 1]);
    expect(Array.from({ length: 2 }, () => asked()[1])).toEqual([1, 1]);
    expect(asked()).toEqual(['d', 1]);
    expect(asked()).toEqual(['d', 0]);
    const changes = [{ stack: 7 }, { stack: 8 }, { stack: 8, terminal: 9 }];
    expect(changes.map(change => asked(() => host.run({ ...DAEMON, ...change }))[1])).toEqual([1, 1, 1]);
    daemons.answers = {};
    found.undeclared = true;
    expect(asked()).toEqual([undefined, 1]);
  });

  it('that has run is read, whatever its stat says', () => {
    host.run({ ...DAEMON, io: [1, 0] });
    const { look, found } = world();
    look();
    host.run({ ...DAEMON, io: [2, 0] });
    found.ran++;
    expect(look()?.figures.io.read).toBe(2);
    expect(found.read).toEqual(FIGURES);
  });

  it('has its details read in its turn, when it has run since the last', () => {
    host.run({ ...DAEMON, switches: [1, 0] });
    const { look, found } = world({ details: 3, everything: 1000 });
    // With this pid the turns are the second look and each third after it.
    const looks = Array.from({ length: 9 }, (_, i) => {
      if (i === 3) {
        host.run({ ...DAEMON, switches: [2, 0] });
        found.ran++;
      }
      const switches = look()!.figures.details.voluntary;
      return [switches, ...found.read];
    });
    expect(looks).toEqual([
      [1, ...EVERYTHING],
      [1, 'statm'],
      [1, 'statm'],
      [1, ...FIGURES],
      [2, 'statm', ...DETAILS],
      [2, 'statm'],
      [2, 'statm'],
      [2, 'statm'],
      [2, 'statm'],
    ]);
  });

  it('has no turn in a look ahead of time', () => {
    host.run({ ...DAEMON });
    const { look, found } = world({ details: 1, everything: 1 });
    look();
    look(true);
    expect(found.read).toEqual(['statm']);
    look();
    expect(found.read).toEqual(ASLEEP);
  });

  it('from which memory was taken while it did not run is told, and where it went', () => {
    host.run({ ...DAEMON, memory: { size: 2000, rss: 1000, anon: 600 } });
    const { look } = world();
    look();
    host.run({ ...DAEMON, memory: { size: 2000, rss: 800, anon: 400, swap: 200 } });
    expect(look()?.figures).toMatchObject({
      memory: { resident: 800 * 1024, virtual: 2000 * 1024, anonymous: 400 * 1024 },
      details: { swap: 200 * 1024 },
    });
  });

  it('whose CPU time cannot be told is read each time', () => {
    host.run({ ...DAEMON });
    const { look, found } = world();
    found.ran = Number.NaN;
    look();
    look();
    expect(found.read).toEqual(FIGURES);
  });

  it('has everything read in its turn; when it has not run, what others give it', () => {
    host.run({ ...DAEMON, fdLimit: 8 });
    const { look, found } = world({ details: 2, everything: 4 });
    const looks = Array.from({ length: 10 }, (_, i) => {
      if (i === 4) host.run({ ...DAEMON, fdLimit: 9 });
      if (i === 9) found.ran++;
      const { fdLimit } = look()!.figures.details.setting;
      return [fdLimit, ...found.read];
    });
    // With this pid the turns are the second look and each fourth after it.
    expect(looks).toEqual([
      [8, ...EVERYTHING],
      [8, ...ASLEEP],
      [8, 'statm'],
      [8, 'statm'],
      [8, 'statm'],
      [9, ...ASLEEP],
      [9, 'statm'],
      [9, 'statm'],
      [9, 'statm'],
      [9, ...EVERYTHING],
    ]);
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

  it('whose parent has ended while it did not run has another', () => {
    host.run({ pid: 1, ppid: 0 });
    host.run({ pid: 9, comm: 'x' });
    host.run({ ...DAEMON, ppid: 9 });
    const { look } = world();
    expect(look()?.stat.ppid).toBe(9);
    host.kill(9);
    host.run({ ...DAEMON, ppid: 1 });
    expect(look()?.stat.ppid).toBe(1);
  });

  it('is told as read when something of it was, and as left when it has ended, also behind a look that was broken off', () => {
    host.run({ ...DAEMON });
    host.run({ ...DAEMON, pid: 11 });
    const { begin, found } = world();
    const pids = (broken = false) => {
      const { read, end } = begin();
      if (broken) return read;
      const { left, gone } = end();
      return [read, left.map(({ stat }) => stat.pid), gone];
    };
    expect(pids()).toEqual([[10, 11], [], []]);
    expect(pids()).toEqual([[], [], []]);
    found.ran++;
    host.write('proc/11/stat', '');
    expect(pids(true)).toEqual([10]);
    host.kill(11);
    expect(pids()).toEqual([[], [11], [11]]);
  });

  /** Its first thread has ended; another has one open file, 3 pages and has read 7 bytes. */
  const loseFirstThread = () => {
    host.run({ ...DAEMON, state: 'Z', threads: 2, memory: { size: 0, rss: 0 } });
    for (const thread of [10, 11]) host.write(`proc/10/task/${thread}/stat`, '');
    host.write('proc/11/statm', '5 3 1 1 0 2 0\n');
    host.write('proc/11/io', 'rchar: 9\nread_bytes: 7\nwrite_bytes: 0\n');
    mkdirSync(`${host.root}/proc/11/fd`);
    symlinkSync('/dev/null', `${host.root}/proc/11/fd/0`);
  };

  it('whose first thread has ended before the others uses what they do, whether it has run or not', () => {
    loseFirstThread();
    const { look } = world();
    const used = () => {
      const { memory, openFds } = look()!.figures;
      return [memory.resident, openFds];
    };
    expect(used()).toEqual([3 * 4096, 1]);
    expect(used()).toEqual([3 * 4096, 1]);
  });

  it('whose first thread ends while it is watched uses what the others do from then on', () => {
    host.run({ ...DAEMON });
    const { look, found } = world();
    look();
    loseFirstThread();
    found.ran++;
    const { memory, io } = look()!.figures;
    expect([memory.resident, io.read]).toEqual([3 * 4096, 7]);
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
