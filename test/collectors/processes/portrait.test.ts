// What followers of daemons are given of processes: the same again, or another.
import { expect, it } from 'vitest';
import type { Posture } from '../../../agent/core/posture.ts';
import type { Stat } from '../../../agent/core/procstat.ts';
import type { Seen } from '../../../collectors/processes/look.ts';
import { createPortraits } from '../../../collectors/processes/portrait.ts';
import { INVOLUNTARY, MAJOR_FAULTS, READ, SYSTEM, WRITTEN } from '../../../collectors/processes/tally.ts';

const BEGAN = 2000;
const POSTURE = {} as Posture;
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
});
const seenOf = (pid: number): Seen => ({
  stat: statOf(pid),
  daemon: 'd',
  cpuTime: 1,
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

type Given = readonly [seen: Seen, claimed?: boolean, began?: number, posture?: Posture];

/** Looks of one agent that began at 1000 s. */
const looks = () => {
  const portraits = createPortraits(1000);
  return (given: readonly Given[], ended: readonly Stat[] = []) => {
    portraits.begin();
    for (const [seen, claimed = true, began = BEGAN, posture] of given)
      portraits.add(seen, claimed, began, posture);
    const { usages, kin, instances } = portraits.end(ended);
    return { usages: [...usages], kin, instances, pids: (instances.get('d') ?? []).map(({ pid }) => pid) };
  };
};

it('figures change in place', () => {
  const look = looks();
  const seen = seenOf(10);
  const first = look([[seen]]);
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
    { pid: 10, fresh: true, own: [3, 4, 1, 2, 9, 10, 11, 12], inherited: [7, 8, 5, 6] },
  ]);
  Object.assign(seen.stat, { state: 'D', systemTicks: 40, childMajorFaults: 60 });
  seen.figures.memory = { virtual: 1, resident: Number.NaN, anonymous: 1 };
  seen.figures.io = { read: 90, written: Number.NaN };
  seen.figures.openFds = 8;
  seen.figures.details = { ...seen.figures.details, involuntary: 120 };
  const second = look([[seen, true, BEGAN, POSTURE]]);
  expect(second.instances).toBe(first.instances);
  expect(second.kin).toBe(first.kin);
  const [instance] = second.instances.get('d')!;
  expect([instance?.state, instance?.memory, instance?.fdUsage]).toEqual(['D', undefined, 0.5]);
  expect(instance?.posture).toBe(POSTURE);
  const [{ own, inherited } = { own: [], inherited: [] }] = second.usages;
  expect([own[SYSTEM], own[READ], own[WRITTEN], own[INVOLUNTARY]]).toEqual([40, 90, Number.NaN, 120]);
  expect(inherited[MAJOR_FAULTS]).toBe(60);
});

it('another is one with another name, place, beginning or daemon, and one that has ended', () => {
  const look = looks();
  const seen = seenOf(10);
  const found = [
    look([[seen]]),
    look([[seen, false]]),
    look([[seen, false, BEGAN + 1]]),
    look([[{ ...seen, stat: statOf(10) }, false, BEGAN + 1]]),
    look([[{ ...seen, daemon: 'e' }, false, BEGAN + 1]]),
  ];
  seen.stat.state = 'Z';
  found.push(look([[seen, false, BEGAN + 1]]));
  expect(new Set(found.map(({ usages }) => usages[0])).size).toBe(found.length);
  expect(new Set(found.map(({ kin }) => kin)).size).toBe(found.length);
  expect([found.at(-1)!.kin.size, found.at(-1)!.instances.size]).toEqual([0, 0]);
});

it('the rest is the same when one comes or goes, or has ended meanwhile', () => {
  const look = looks();
  const [a, b, c] = [seenOf(10), seenOf(11), seenOf(12)];
  const first = look([[a], [b]]);
  const [, second] = first.instances.get('d')!;
  const more = look([[a], [b], [c]]);
  expect(more.pids).toEqual([10, 11, 12]);
  const less = look([[b], [c]]);
  expect(less.pids).toEqual([11, 12]);
  expect(less.instances.get('d')![0]).toBe(second);
  const ended = look([[b], [c]], [b.stat]);
  expect([ended.pids, ended.usages.length, [...ended.kin.keys()]]).toEqual([[12], 2, [12]]);
  expect(look([[b], [c]]).pids).toEqual([11, 12]);
});
