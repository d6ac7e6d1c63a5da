// Process events from two sockets: whose concern a daemon, in their order, and what follows when the kernel had no room.
import { expect, it } from 'vitest';
import { createFeed, EAGAIN, ENOBUFS, type Glance } from '../../../agent/native/process-feed.ts';
import { createKin, createSieve, fits, KIN_BYTES } from '../../../agent/native/sieve.ts';

const FORK = 1;
const EXEC = 2;
const COMM = 0x200;
const EXIT = 0x8000_0000;
const EINTR = 4;
const EBADF = 9;

/** A kernel whose processes named `d…` fit. What happens is heard in order; `gone` is nobody quick enough to see. */
function world() {
  const view = new DataView(new ArrayBuffer(256));
  const kin = createKin(new SharedArrayBuffer(KIN_BYTES));
  const names = new Map<number, string>();
  const looks: number[] = [];
  let time = 0;
  let programs: (Uint8Array | number)[] = [];
  let all: (Uint8Array | number)[] = [];

  const message = (what: number, ...words: number[]): Uint8Array => {
    const bytes = new DataView(new ArrayBuffer(80));
    bytes.setUint32(16, 1, true);
    bytes.setUint32(20, 1, true);
    bytes.setUint32(36, what, true);
    bytes.setUint32(44, ++time * 1e6, true);
    for (const [i, word] of words.entries()) bytes.setUint32(52 + 4 * i, word, true);
    return new Uint8Array(bytes.buffer);
  };
  const receive = (queue: (Uint8Array | number)[]): number => {
    const next = queue.shift() ?? -EAGAIN;
    if (typeof next === 'number') return next;
    new Uint8Array(view.buffer).set(next);
    return next.length;
  };
  const factsOf = (pid: number) => ({ pid, ppid: 1, startTicks: pid, comm: names.get(pid)! });
  const feed = createFeed({
    view,
    receivePrograms: () => receive(programs),
    receiveAll: () => receive(all),
    glance(pid): Glance | undefined {
      looks.push(pid);
      const name = names.get(pid);
      if (name === undefined) return undefined;
      const fitting = name.startsWith('d');
      return { fits: fitting, process: fitting ? factsOf(pid) : undefined };
    },
    facts: pid => (names.has(pid) ? factsOf(pid) : undefined),
    sieve: createSieve(kin),
    epoch: () => 1000,
    fail(errno) {
      throw new Error(`errno ${errno}`);
    },
  });
  const self = {
    fork(pid: number, parent: number) {
      all.push(message(FORK, parent, parent, pid, pid));
      return self;
    },
    exec(pid: number, name?: string) {
      if (name === undefined) names.delete(pid);
      else names.set(pid, name);
      const bytes = message(EXEC, pid, pid);
      all.push(bytes);
      programs.push(bytes);
      return self;
    },
    rename(pid: number, name: string) {
      names.set(pid, name);
      const bytes = message(COMM, pid, pid);
      all.push(bytes);
      programs.push(bytes);
      return self;
    },
    exit(pid: number, status = 0) {
      all.push(message(EXIT, pid, pid, status, 17));
      return self;
    },
    later(ms: number) {
      time += ms;
      return self;
    },
    glances() {
      feed.programs();
      return self;
    },
    /** A receive that fails. */
    failing(errno: number, from: 'programs' | 'all' = 'all') {
      (from === 'all' ? all : programs).push(-errno);
      return self;
    },
    forget() {
      names.clear();
      return self;
    },
    lose() {
      [programs, all] = [[], []];
      return self;
    },
    told() {
      feed.programs();
      const batch = feed.all();
      if (!batch) return undefined;
      const lines = batch.events.map(event => {
        if (event.what === 'exit') return `${event.pid} of ${event.parent} ended ${event.status}`;
        if (event.what === 'fork') return `${event.parent} forked ${event.pid}`;
        return `${event.pid} is ${event.process?.comm ?? 'unseen'}`;
      });
      return batch.overflow ? ['overflow', ...lines] : lines;
    },
    kin,
    looks,
  };
  return self;
}

it('tells a life of account, seen before it was read', () => {
  const w = world().fork(5, 1).exec(5, 'd').glances().forget().exit(5, 0x300);
  expect(w.told()).toEqual(['5 is d', '5 of 1 ended 768']);
  expect([w.looks, w.told()]).toEqual([[5], undefined]);
});

it('says nothing of everybody else', () => {
  const w = world().fork(5, 1).exec(5, 'x').fork(6, 5).exec(6, 'y').exit(6, 9).exit(5).exit(99, 11);
  expect(w.told()).toBeUndefined();
});

it('follows who descends from one of account, whatever it runs', () => {
  const w = world().fork(5, 1).exec(5, 'd').fork(6, 5).exec(6, 'x').fork(7, 6).exit(6, 9).exit(7).exit(5);
  expect(w.told()).toEqual([
    '5 is d',
    '5 forked 6',
    '6 is x',
    '6 forked 7',
    '6 of 5 ended 9',
    '7 of 6 ended 0',
    '5 of 1 ended 0',
  ]);
});

it('hears of one that becomes a daemon by its name, and of its end', () => {
  const w = world().fork(5, 1).exec(5, 'x').glances().rename(5, 'd').glances().forget().exit(5, 0x300);
  expect(w.told()).toEqual(['5 is d', '5 of 1 ended 768']);
});

it('says nothing of other names, and of those of one that is of account', () => {
  const w = world().fork(5, 1).exec(5, 'd').fork(6, 5).exec(7, 'x').rename(7, 'y');
  expect(w.rename(5, 'x').rename(5, 'd').rename(6, 'd').told()).toEqual(['5 is d', '5 forked 6']);
});

it('hears of one that somebody has found another way, and not of the next that has its number', () => {
  const w = world();
  w.kin.add(5);
  expect(w.exit(5, 9).told()).toEqual(['5 of 0 ended 9']);
  w.kin.add(5);
  expect(w.fork(5, 1).exec(5, 'x').exit(5, 9).told()).toBeUndefined();
});

it.each([
  ['of a parent without others', [], ['9 is unseen', '9 of 50 ended 7']],
  ['of a parent with brief others', [20], undefined],
  ['of a parent with others that last', [300], ['9 is unseen', '9 of 50 ended 7']],
])('lets one through that nobody saw, %s', (_, lives, told) => {
  const w = world();
  for (const ms of lives) w.fork(6, 50).exec(6, 'x').later(ms).exit(6);
  expect(w.fork(9, 50).exec(9).exit(9, 7).told()).toEqual(told);
});

it('looks anew at a program whose first sight was lost, and at none twice', () => {
  const w = world().fork(5, 1).exec(5, 'd');
  expect([w.told(), w.told(), w.looks]).toEqual([['5 is d'], undefined, [5]]);
  expect(w.exec(5, 'd2').exec(5, 'd3').told()).toEqual(['5 is d3', '5 is d3']);
});

it.each(['all', 'programs'] as const)('tells once that there was no room in %s, and goes on', from => {
  const w = world().failing(ENOBUFS, from).fork(5, 1).exec(5, 'd');
  expect(w.told()).toEqual(['overflow', '5 is d']);
  expect(w.exit(5).told()).toEqual(['5 of 1 ended 0']);
  expect(w.failing(ENOBUFS, from).told()).toEqual(['overflow']);
  expect(w.told()).toBeUndefined();
});

it('goes on after a signal, and stops at what it cannot explain', () => {
  expect(world().failing(EINTR).fork(5, 1).exec(5, 'd').told()).toEqual(['5 is d']);
  expect(() => world().failing(EBADF).told()).toThrow('errno 9');
});

const program = (exe: string | undefined, comm?: string, cgroup?: string) => ({
  exe,
  comm,
  cgroup: () => cgroup,
});
const NONE = { all: false, exes: [], comms: [], cgroups: [] };

it.each([
  ['its file', { ...NONE, exes: ['/d'] }, program('/d'), true],
  ['another file', { ...NONE, exes: ['/d'] }, program('/e', 'd'), false],
  ['a file that may not be known', { ...NONE, exes: ['/d'] }, program(undefined), true],
  ['its name', { ...NONE, comms: ['d'] }, program('/e', 'd'), true],
  ['another name', { ...NONE, comms: ['d'] }, program('/e', 'e'), false],
  ['no name at all', { ...NONE, comms: ['d'] }, program('/e'), false],
  ['its group', { ...NONE, cgroups: ['d.service'] }, program('/e', 'e', '0::/s/d.service\n'), true],
  ['another group', { ...NONE, cgroups: ['d.service'] }, program('/e', 'e', '0::/s/e.service\n'), false],
  ['a group that may not be known', { ...NONE, cgroups: ['d.service'] }, program('/e', 'e'), true],
  ['anything', { ...NONE, all: true }, program('/e'), true],
  ['anything, where nobody is declared', NONE, program('/e', 'e', 'e'), false],
])('a program fits by %s or not', (_, interest, each, expected) => {
  expect(fits(each, interest)).toBe(expected);
});
