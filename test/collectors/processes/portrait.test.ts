// What followers of daemons are given of processes: the same again, or another.
import { expect, it } from 'vitest';
import { type Stat, TICKS_PER_SECOND } from '../../../agent/core/procstat.ts';
import type { Seen } from '../../../collectors/processes/look.ts';
import { createPortraits } from '../../../collectors/processes/portrait.ts';
import { INVOLUNTARY, MAJOR_FAULTS, READ, SYSTEM, WRITTEN } from '../../../collectors/processes/tally.ts';

const BEGAN = 2000;
const statOf = (pid: number): Stat => ({
  pid,
  ppid: 1,
  startTicks: 5,
  comm: 'd',
  state: 'S',
  session: pid,
  terminal: 0,
  kernelThread: false,
  minorFaults: 1,
  majorFaults: 2,
  userTicks: 3,
  systemTicks: 4,
  childMinorFaults: 5,
  childMajorFaults: 6,
  childUserTicks: 7,
  childSystemTicks: 8,
  threads: 1,
  stack: 0,
});
const seenOf = (pid: number): Seen => ({
  stat: statOf(pid),
  daemon: 'd',
  cpuTime: 1,
  reads: 1,
  teller: pid,
  pages: { virtual: 1, resident: 1, shared: 0 },
  figures: {
    memory: { virtual: 1, resident: 4096, anonymous: 1 },
    io: { read: 9, written: 10 },
    ioDenied: false,
    openFds: 4,
    fdsDenied: false,
    details: {
      cpuTime: 1,
      swap: 0,
      voluntary: 11,
      involuntary: 12,
      anonymous: true,
      rights: 1,
      open: { sockets: [], network: '', files: [], denied: false },
      setting: { fdLimit: 16, cgroup: '' },
    },
  },
});

interface Given {
  /** Of these something was read. */
  readonly read?: readonly Seen[];
  readonly left?: readonly Seen[];
  readonly claimed?: boolean;
  readonly began?: number;
  readonly ended?: readonly Stat[];
}

/** Looks of one agent that began at 1000 s. */
const looks = () => {
  const portraits = createPortraits(1000);
  const all = new Set<Seen>();
  return ({ read = [], left = [], claimed = true, began = BEGAN, ended = [] }: Given = {}) => {
    for (const each of left) all.delete(each);
    for (const each of read) all.add(each);
    portraits.begin(began - 5 / TICKS_PER_SECOND);
    for (const each of read) portraits.add(each);
    portraits.leave(left);
    if (portraits.moved) for (const each of all) portraits.place(each, claimed);
    const found = portraits.end(ended);
    const pids = (found.instances.get('d') ?? []).map(({ pid }) => pid);
    const members = portraits.weights.get('d')?.length ?? 0;
    return { ...found, pids, all: portraits.tops, members };
  };
};

it('figures change in place', () => {
  const look = looks();
  const seen = seenOf(10);
  const first = look({ read: [seen] });
  expect(first.instances.get('d')).toMatchObject([
    { pid: 10, claimed: true, startedAt: BEGAN, state: 'S', memory: 4096, fdUsage: 0.25 },
  ]);
  expect(first.kin.get(10)).toEqual({
    process: seen.stat,
    daemon: 'd',
    claimed: true,
    startedAt: BEGAN * 1000,
  });
  expect(first.usages).toMatchObject([
    {
      pid: 10,
      fresh: true,
      own: Float64Array.of(3, 4, 1, 2, 9, 10, 11, 12),
      inherited: Float64Array.of(7, 8, 5, 6),
    },
  ]);
  Object.assign(seen.stat, { state: 'D', systemTicks: 40, childMajorFaults: 60 });
  seen.figures.memory = { virtual: 1, resident: Number.NaN, anonymous: 1 };
  seen.figures.io = { read: 90, written: Number.NaN };
  seen.figures.openFds = 8;
  seen.figures.details = { ...seen.figures.details, involuntary: 120 };
  const second = look({ read: [seen] });
  expect(second.instances).toBe(first.instances);
  expect(second.kin).toBe(first.kin);
  const [instance] = second.instances.get('d')!;
  expect([instance?.state, instance?.memory, instance?.fdUsage]).toEqual(['D', undefined, 0.5]);
  const [{ own, inherited } = { own: [], inherited: [] }] = second.usages;
  expect([own[SYSTEM], own[READ], own[WRITTEN], own[INVOLUNTARY]]).toEqual([40, 90, Number.NaN, 120]);
  expect(inherited[MAJOR_FAULTS]).toBe(60);
});

it('nothing is new of one of whom nothing was read', () => {
  const look = looks();
  const [a, b] = [seenOf(10), seenOf(11)];
  const first = look({ read: [a, b] });
  expect([first.usages.length, first.tops.length]).toEqual([2, 2]);
  b.figures.details = { ...b.figures.details, rights: 2 };
  const second = look({ read: [b] });
  expect(second.usages.map(({ pid }) => pid)).toEqual([11]);
  expect([...first.touched, ...second.touched]).toEqual(['d']);
  expect(second.tops.map(({ of }) => of)).toEqual([b]);
  expect(second.all.map(({ of }) => of)).toEqual([a, b]);
  const third = look({ read: [a] });
  expect([third.usages.length, third.tops.length]).toEqual([1, 0]);
  a.figures.details = { ...a.figures.details, setting: { ...a.figures.details.setting } };
  expect(look({ read: [a, b] }).tops.map(({ of }) => of)).toEqual([a]);
  a.figures.details = { ...a.figures.details, swap: Number.NaN };
  expect([...look({ read: [a, b] }).touched, ...look({ read: [a, b] }).touched]).toEqual(['d']);
  expect(look().usages).toEqual([]);
});

it('another is one with another name, place, beginning or daemon, and one that has ended', () => {
  const look = looks();
  const seen = seenOf(10);
  const other = { ...seen, daemon: 'e' };
  const found = [look({ read: [seen] }), look({ began: BEGAN + 1 })];
  seen.stat = statOf(10);
  found.push(look({ read: [seen], began: BEGAN + 1 }));
  found.push(look({ read: [other], left: [seen], claimed: false, began: BEGAN + 1 }));
  expect([found.at(-1)!.tops, [...found.at(-1)!.instances.keys()]]).toEqual([[], ['e']]);
  other.stat.state = 'Z';
  found.push(look({ read: [other], began: BEGAN + 1 }));
  expect(new Set(found.map(({ usages }) => usages[0])).size).toBe(found.length);
  expect(new Set(found.map(({ kin }) => kin)).size).toBe(found.length);
  expect([found.at(-1)!.kin.size, found.at(-1)!.instances.size]).toEqual([0, 0]);
});

it('whose parent comes to be of the same daemon is no top any more', () => {
  const look = looks();
  const [a, b] = [seenOf(10), seenOf(11)];
  const first = look({ read: [a] });
  const second = look({ read: [b], claimed: false });
  expect(second.all).toEqual([]);
  expect(second.instances.get('d')![0]).not.toBe(first.instances.get('d')![0]);
});

it('the rest is the same when one comes or goes, or has ended meanwhile', () => {
  const look = looks();
  const [a, b, c] = [seenOf(10), seenOf(11), seenOf(12)];
  const first = look({ read: [a, b] });
  const [, second] = first.instances.get('d')!;
  const more = look({ read: [c] });
  expect(more.pids).toEqual([10, 11, 12]);
  const less = look({ left: [a] });
  expect(less.pids).toEqual([11, 12]);
  expect(less.instances.get('d')![0]).toBe(second);
  const ended = look({ ended: [b.stat] });
  expect([ended.pids, [...ended.kin.keys()], ended.members]).toEqual([[12], [12], 2]);
  expect(look().pids).toEqual([11, 12]);
});
