// Lives as the kernel tells them: who began, who ended and how, and who went on in the place of another.
import { isDeepStrictEqual } from 'node:util';
import { expect, it } from 'vitest';
import type { Exit, ProcessFacts } from '../../../agent/core/daemon.ts';
import { AWAITED_MS } from '../../../agent/core/exit.ts';
import type { ProcessEvent } from '../../../agent/native/process-events.ts';
import { createLineage, type Kin } from '../../../collectors/processes/lineage.ts';

/** A host whose processes named `d…` are of daemon `d`, as are those they start. Time moves in ms. */
function world() {
  let at = 1_700_000_000_000;
  const alive = new Map<number, ProcessFacts>();
  const births = new Map<number, number>();
  const claims = new Map<number, string>();
  const lingering = new Set<number>();
  const outcomes = new Map<number, number>();
  const lines: string[] = [];
  let latest: Exit | undefined;
  let last: ReadonlyMap<number, Kin> = new Map();
  const daemonOf = ({ pid, ppid, comm }: ProcessFacts): string | undefined =>
    claims.get(pid) ?? (comm.startsWith('d') ? 'd' : ofPid(ppid));
  const ofPid = (pid: number): string | undefined => {
    const process = alive.get(pid);
    return process && daemonOf(process);
  };
  const lineage = createLineage(
    { ofProcess: daemonOf, ofPid },
    {
      look: pid => alive.get(pid),
      lingers: pid => lingering.has(pid),
      outcome: ({ pid }) => outcomes.get(pid),
    },
    {
      began: ({ process, daemon }) => void lines.push(`${daemon} ${process.pid} began`),
      ended({ process, daemon }, exit) {
        latest = exit;
        const how = exit.reason === 'exit' ? exit.code : (exit.signal ?? exit.reason);
        lines.push(`${daemon} ${process.pid} ${exit.handedOver ? 'handed over' : `ended ${how}`}`);
      },
      killed: ({ process, daemon }) => void lines.push(`child ${process.pid} of ${daemon} killed`),
    },
  );
  const take = (event: Omit<ProcessEvent, 'at'>) => lineage.take([{ ...event, at } as ProcessEvent]);
  const self = {
    after(ms: number) {
      at += ms;
      return self;
    },
    fork(pid: number, parent: number) {
      const comm = alive.get(parent)?.comm ?? 'sh';
      births.set(pid, at);
      alive.set(pid, { pid, ppid: parent, startTicks: pid, comm });
      take({ what: 'fork', pid, parent } as ProcessEvent);
      return self;
    },
    /** `seen`: somebody was quick enough to look. */
    exec(pid: number, comm: string, seen = true) {
      const process = { ...alive.get(pid)!, comm };
      alive.set(pid, process);
      take({ what: 'exec', pid, process: seen ? process : undefined } as ProcessEvent);
      return self;
    },
    exit(pid: number, status = 0) {
      const parent = alive.get(pid)?.ppid ?? 0;
      for (const [child, process] of alive)
        if (process.ppid === pid) alive.set(child, { ...process, ppid: 1 });
      if (!lingering.has(pid)) alive.delete(pid);
      take({ what: 'exit', pid, parent, status } as ProcessEvent);
      return self;
    },
    start: (pid: number, comm: string, parent = 1) => self.fork(pid, parent).exec(pid, comm),
    look() {
      const found = new Map<number, Kin>();
      for (const [pid, process] of alive) {
        const daemon = daemonOf(process);
        if (daemon === undefined) continue;
        found.set(pid, {
          process,
          daemon,
          startedAt: births.get(pid)!,
          claimed: ofPid(process.ppid) !== daemon,
        });
      }
      // As the sampler gives it: the same when nothing has changed.
      if (!isDeepStrictEqual(found, last)) last = found;
      lineage.seen(last, at);
      return self;
    },
    settle() {
      lineage.settle(at);
      return self;
    },
    sessions(of: ReadonlyMap<number, number>) {
      for (const [pid, session] of of) alive.set(pid, { ...alive.get(pid)!, session });
    },
    claims,
    lingering,
    outcomes,
    lineage,
    told: () => lines.splice(0),
    exitNow: () => latest,
  };
  return self;
}

it('tells a life between two looks, and when and how it ended', () => {
  const w = world().start(5, 'd').after(30);
  expect(w.exit(5, 0x300).told()).toEqual(['d 5 ended 3']);
  expect(w.exitNow()).toMatchObject({ reason: 'exit', code: 3, source: 'netlink', at: 1_700_000_000_030 });
  expect(w.settle().after(1000).settle().told()).toEqual([]);
});

it('tells a beginning once it has lasted', () => {
  const w = world().start(5, 'd').settle();
  expect(w.told()).toEqual([]);
  expect(w.lineage.unsettled).toBe(true);
  expect(w.after(100).settle().told()).toEqual(['d 5 began']);
  expect(w.lineage.unsettled).toBe(false);
  expect(w.exit(5, 0x8b).told()).toEqual(['d 5 ended SIGSEGV']);
  expect(w.exitNow()).toMatchObject({ coreDumped: true });
});

it('tells a beginning also when the clock was set back since', () => {
  expect(world().start(5, 'd').after(-3_600_000).settle().told()).toEqual(['d 5 began']);
});

it('leaves a beginning to the look that came first', () => {
  expect(world().start(5, 'd').look().after(100).settle().told()).toEqual([]);
});

it('knows those that lived before, and their children as none of their own', () => {
  const w = world().start(5, 'd').fork(6, 5).look();
  expect(w.exit(6, 15).told()).toEqual([]);
  expect(w.exit(5, 9).told()).toEqual(['d 5 ended SIGKILL']);
});

it('tells of a child that was killed, which may have been for memory', () => {
  const w = world().start(5, 'd').fork(6, 5).look();
  expect(w.exit(6, 9).told()).toEqual(['child 6 of d killed']);
});

it('is silent about everybody else', () => {
  const w = world().start(5, 'x').fork(6, 5).exit(6, 9).exit(5, 9).exit(99, 11);
  expect(w.after(200).settle().told()).toEqual([]);
});

it('follows a launcher that detaches twice to what stays', () => {
  const w = world().start(5, 'd').fork(6, 5).exit(5).fork(7, 6).exit(6);
  expect(w.told()).toEqual(['d 5 handed over', 'd 6 handed over']);
  expect(w.after(100).settle().told()).toEqual(['d 7 began']);
  expect(w.look().exit(7, 15).told()).toEqual(['d 7 ended SIGTERM']);
});

it('follows one whose first child ended before it did', () => {
  const w = world().start(5, 'd').fork(6, 5).fork(7, 6).exit(6).exit(5);
  expect(w.after(100).settle().told()).toEqual(['d 5 handed over', 'd 7 began']);
});

it('takes an old one that leaves a successor for an end', () => {
  const w = world().start(5, 'd').look().after(3_600_000).start(6, 'd', 5).look();
  expect(w.exit(5).told()).toEqual(['d 5 ended 0']);
  expect(w.look().exit(6, 11).told()).toEqual(['d 6 ended SIGSEGV']);
});

it.each([
  [5, ['d 6 ended 0']],
  [6, []],
])('what an old one leaves goes on when it is in its session: in that of %i', (session, told) => {
  const w = world().start(5, 'd').after(20_000).fork(6, 5);
  const sessions = new Map([
    [5, 5],
    [6, session],
  ]);
  w.sessions(sessions);
  w.look().exit(5, 0).told();
  expect(w.look().exit(6).told()).toEqual(told);
});

it.each([
  [6, 5],
  [5, 6],
])('tells who takes a place before who has left it, a launcher or not', (first, second) => {
  const w = world().start(5, 'd').after(100).settle();
  expect(w.told()).toEqual(['d 5 began']);
  // haproxy -D -sf 5
  w.start(6, 'd').after(30).fork(7, 6).exit(first).exit(second).after(70).settle();
  expect(w.told()).toEqual(['d 6 handed over']);
  expect(w.lineage.unsettled).toBe(true);
  expect(w.after(30).settle().told()).toEqual(['d 7 began', 'd 5 ended 0']);
  expect(w.lineage.unsettled).toBe(false);
});

it('tells ends in their order where who takes a place leaves it at once', () => {
  const w = world().start(5, 'd').after(100).settle();
  w.told();
  w.start(6, 'd').after(30).exit(5).after(10).exit(6, 0x100);
  expect(w.told()).toEqual([]);
  expect(w.settle().told()).toEqual(['d 5 ended 0', 'd 6 ended 1']);
});

it('does not count what a crash left over', () => {
  const w = world().start(5, 'd').fork(6, 5).look().exit(5, 11);
  expect(w.told()).toEqual(['d 5 ended SIGSEGV']);
  expect(w.look().exit(6).told()).toEqual([]);
});

it('takes a program that replaces itself for one life', () => {
  const w = world().start(5, 'd').after(100).settle().exec(5, 'd2').after(100).settle();
  expect(w.told()).toEqual(['d 5 began']);
  expect(w.exit(5).told()).toEqual(['d 5 ended 0']);
});

it('follows one that replaces itself by a launcher, and detaches anew', () => {
  const w = world().start(5, 'd').after(60_000).settle();
  expect(w.told()).toEqual(['d 5 began']);
  // php-fpm, told to read its configuration again
  w.look().exec(5, 'd').after(30).fork(6, 5).exit(5).after(100).settle();
  expect(w.told()).toEqual(['d 5 handed over', 'd 6 began']);
});

it('takes a shell that becomes a daemon for that daemon', () => {
  const w = world().start(5, 'sh').exec(5, 'd').after(100).settle();
  expect(w.exit(5, 0x100).told()).toEqual(['d 5 began', 'd 5 ended 1']);
});

it('never takes a new process for the one that had its number', () => {
  const w = world().start(5, 'd').look().exit(5).told();
  expect(w).toEqual(['d 5 ended 0']);
  expect(world().start(5, 'd').look().exit(5).start(5, 'x').exit(5, 9).told()).toEqual(['d 5 ended 0']);
});

it('forgets a daemon that gave its number away unseen', () => {
  const w = world().start(5, 'd').look();
  w.fork(5, 1);
  expect(w.exit(5, 9).told()).toEqual([]);
});

it('recognises one by the pidfile it left when it was seen before it had written it', () => {
  const w = world().start(5, 'x');
  w.claims.set(5, 'p');
  expect(w.exit(5, 0x100).told()).toEqual(['p 5 ended 1']);
});

it.each([
  ['of a parent whose brief children are one daemon', ['d', 'd', 'd'], ['d 9 ended 7']],
  ['of a parent that has started one only twice', ['d', 'd'], []],
  ['of a parent with others', ['d', 'd', 'd', 'x'], []],
  ['of a parent nobody knows', [], []],
])('takes one that nobody could look at, %s, for the same', (_, before, told) => {
  const w = world();
  for (const [i, comm] of before.entries())
    w.start(i + 2, comm, 50)
      .after(20)
      .exit(i + 2, 0x700);
  w.told();
  expect(w.fork(9, 50).exec(9, 'd', false).exit(9, 0x700).told()).toEqual(told);
});

it('is sure of one that nobody could look at once its parent has started nothing else for a while', () => {
  const w = world();
  const die = (pid: number) => w.after(20).exit(pid, 0x700).told();
  const unseen = (pid: number) => w.fork(pid, 50).exec(pid, 'd', false);
  w.start(2, 'd', 50);
  expect(die(2)).toEqual(['d 2 ended 7']);
  unseen(3);
  expect(die(3)).toEqual([]);
  w.start(4, 'd', 50);
  expect(die(4)).toEqual(['d 4 ended 7']);
  w.start(5, 'd', 50);
  expect(die(5)).toEqual(['d 3 ended 7', 'd 5 ended 7']);
});

it('waits for the threads of one that has only lost its first', () => {
  const w = world().start(5, 'd').look();
  w.lingering.add(5);
  expect(w.exit(5, 11).settle().told()).toEqual([]);
  w.lingering.clear();
  expect(w.settle().told()).toEqual(['d 5 ended SIGSEGV']);
});

it.each([
  [11, 'SIGSEGV'],
  [7 << 8, '7'],
  [undefined, 'unknown'],
])('tells by %s, not by its first thread, how and when one ended that went on without it', (status, how) => {
  const w = world().start(5, 'd').look();
  w.lingering.add(5);
  expect(w.exit(5, 0).after(60_000).settle().told()).toEqual([]);
  w.lingering.clear();
  if (status !== undefined) w.outcomes.set(5, status);
  expect(w.after(1000).settle().told()).toEqual([`d 5 ended ${how}`]);
  expect(w.exitNow()).toMatchObject({ at: 1_700_000_061_000, source: 'netlink' });
});

it('tells the end of a child that a look has found to be a top', () => {
  const w = world().start(5, 'd').fork(6, 5).look();
  w.claims.set(5, 'other');
  expect(w.look().exit(6, 9).told()).toEqual(['d 6 ended SIGKILL']);
});

it.each([
  ['is told, however often a look has missed it', 2 * AWAITED_MS, ['d 5 ended SIGKILL']],
  ['is not waited for any longer', 2 * AWAITED_MS + 1, []],
])('an end that comes late %s', (_, ms, told) => {
  const w = world().start(5, 'd').look();
  for (const at of [0, 1, 1000, ms]) w.lineage.seen(new Map(), at);
  expect(w.exit(5, 9).told()).toEqual(told);
});

it('is no instance whom one started that runs still, although its parent has ended', () => {
  const w = world().start(5, 'd').after(1000).settle();
  expect(w.told()).toEqual(['d 5 began']);
  w.fork(6, 5)
    .fork(7, 6)
    .sessions(new Map([6, 7].map(pid => [pid, 5])));
  w.exit(6).exec(7, 'd').after(1000).settle();
  expect(w.exit(7).told()).toEqual([]);
  w.fork(8, 5)
    .fork(9, 8)
    .sessions(new Map([8, 9].map(pid => [pid, 8])));
  expect(w.exit(8).exec(9, 'd').after(1000).settle().told()).toEqual(['d 9 began']);
});
