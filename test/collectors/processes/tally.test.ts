// Counters of daemons against a simple model: processes that work, fork, die, are waited for or are not.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSameProcess } from '../../../agent/core/procstat.ts';
import {
  createTally,
  INVOLUNTARY,
  MINOR_FAULTS,
  READ,
  SYSTEM,
  type Tally,
  USER,
  type Usage,
  VOLUNTARY,
  WRITTEN,
} from '../../../collectors/processes/tally.ts';

interface Given {
  pid: number;
  ppid?: number;
  start?: number;
  daemon?: string;
  user?: number;
  childUser?: number;
  faults?: number;
  childFaults?: number;
  read?: number;
  switches?: number;
  fresh?: boolean;
}

const usage = (given: Given): Usage => {
  const { pid, ppid = 1, start = pid, daemon = 'd', user = 0, childUser = 0 } = given;
  const { faults = 0, childFaults = 0, read = 0, switches = 0, fresh = false } = given;
  return {
    pid,
    ppid,
    startTicks: start,
    daemon,
    fresh,
    own: [user, 0, faults, 0, read, read, switches, switches],
    inherited: [childUser, 0, childFaults, 0],
  };
};

/** Totals of `d` after each cycle. */
const totalsOf = (counter: number, ...cycles: Given[][]): number[] => {
  const look = looksOf(createTally());
  return cycles.map(cycle => look(cycle.map(usage))[counter]!);
};

/** A look at all there are; totals of `d` then. */
const looksOf = (tally: Tally) => {
  let before: Usage[] = [];
  return (usages: Usage[]) => {
    const left = before.filter(
      each => !usages.some(other => isSameProcess(each, other) && each.daemon === other.daemon),
    );
    before = usages;
    tally.update(usages, left);
    return tally.totals('d');
  };
};

const CASES: [what: string, counter: number, cycles: Given[][], expected: number[]][] = [
  ['nothing', USER, [[], []], [0, 0]],
  ['what /proc says at first', USER, [[{ pid: 5, user: 70 }]], [70]],
  ['growth', USER, [[{ pid: 5, user: 70 }], [{ pid: 5, user: 75 }]], [70, 75]],
  [
    'several instances',
    USER,
    [
      [
        { pid: 5, user: 70 },
        { pid: 6, user: 5 },
      ],
    ],
    [75],
  ],
  [
    'what an instance used that has gone',
    USER,
    [
      [
        { pid: 5, user: 70 },
        { pid: 6, user: 5 },
      ],
      [{ pid: 6, user: 6 }],
      [],
    ],
    [75, 76, 76],
  ],
  [
    'a new process behind the same pid from its beginning',
    USER,
    [[{ pid: 5, start: 1, user: 70 }], [{ pid: 5, start: 2, user: 3 }]],
    [70, 73],
  ],
  [
    'no step back of the kernel',
    USER,
    [[{ pid: 5, user: 70 }], [{ pid: 5, user: 60 }], [{ pid: 5, user: 61 }]],
    [70, 70, 71],
  ],
  ['not what children used before we looked', USER, [[{ pid: 5, user: 7, childUser: 900 }]], [7]],
  [
    'what children used if we could have looked',
    USER,
    [[{ pid: 5, user: 7, childUser: 9, fresh: true }]],
    [16],
  ],
  [
    'children too short to be seen',
    USER,
    [[{ pid: 5, user: 7, childUser: 900 }], [{ pid: 5, user: 7, childUser: 930, childFaults: 1 }]],
    [7, 37],
  ],
  [
    'a child that ended only once',
    USER,
    [
      [
        { pid: 5, user: 7 },
        { pid: 6, ppid: 5, user: 100 },
      ],
      [{ pid: 5, user: 8, childUser: 104, childFaults: 1 }],
    ],
    [107, 112],
  ],
  [
    'a grandchild and its parent that ended in one cycle only once',
    USER,
    [
      [
        { pid: 5, user: 7 },
        { pid: 6, ppid: 5, user: 100 },
        { pid: 7, ppid: 6, user: 30 },
      ],
      [{ pid: 5, user: 7, childUser: 131, childFaults: 2 }],
    ],
    [137, 138],
  ],
  [
    'all of a parent that ignores its children',
    USER,
    [
      [
        { pid: 5, user: 7 },
        { pid: 6, ppid: 5, user: 100 },
      ],
      [{ pid: 5, user: 30 }],
    ],
    [107, 130],
  ],
  [
    'an ended child of another daemon but for its last moments',
    USER,
    [
      [
        { pid: 5, user: 7 },
        { pid: 6, ppid: 5, daemon: 'other', user: 100 },
      ],
      [{ pid: 5, user: 7, childUser: 103, childFaults: 1 }],
    ],
    [7, 10],
  ],
  [
    'I/O of an ended child, which its parent takes over, only once',
    READ,
    [
      [
        { pid: 5, read: 1000 },
        { pid: 6, ppid: 5, read: 500 },
      ],
      [{ pid: 5, read: 1600, childFaults: 1 }],
    ],
    [1500, 1600],
  ],
  [
    'I/O again when it may be read again',
    READ,
    [[{ pid: 5, read: 1000 }], [{ pid: 5, read: Number.NaN }], [{ pid: 5, read: 1200 }]],
    [1000, 1000, 1200],
  ],
  [
    'I/O that could not be read at first',
    WRITTEN,
    [[{ pid: 5, read: Number.NaN }], [{ pid: 5, read: 1200 }]],
    [0, 1200],
  ],
  [
    'context switches, which no parent takes over',
    VOLUNTARY,
    [
      [
        { pid: 5, switches: 10 },
        { pid: 6, ppid: 5, switches: 500 },
      ],
      [{ pid: 5, switches: 40, childFaults: 9 }],
    ],
    [510, 540],
  ],
  [
    'a process that changes its daemon from there on',
    USER,
    [[{ pid: 5, daemon: 'other', user: 70 }], [{ pid: 5, user: 75 }]],
    [0, 5],
  ],
  [
    'processes that name each other as parents',
    USER,
    [
      [
        { pid: 5, ppid: 6, user: 1 },
        { pid: 6, ppid: 5, user: 1 },
        { pid: 7, user: 1 },
      ],
      [{ pid: 7, user: 2 }],
    ],
    [3, 4],
  ],
];

describe('a tally', () => {
  it.each(CASES)('counts %s', (_, counter, cycles, expected) =>
    expect(totalsOf(counter, ...cycles)).toEqual(expected),
  );
});

/** A tree of processes below a main one that waits for all of them, each with the counters the kernel would keep. */
class Model {
  processes = new Map<
    number,
    { ppid: number; own: number; ended: number; faults: number; endedFaults: number }
  >();
  used = 0;
  private last = 100;
  constructor() {
    this.processes.set(100, { ppid: 1, own: 0, ended: 0, faults: 1, endedFaults: 0 });
  }
  pick(seed: number): number {
    return [...this.processes.keys()][seed % this.processes.size]!;
  }
  fork(ppid: number): void {
    this.processes.set(++this.last, { ppid, own: 0, ended: 0, faults: 1, endedFaults: 0 });
  }
  work(pid: number, ticks: number): void {
    this.processes.get(pid)!.own += ticks;
    this.used += ticks;
  }
  /** With all its children: each waits for its own. */
  end(pid: number): void {
    if (pid === 100) return;
    for (const [child, { ppid }] of [...this.processes]) if (ppid === pid) this.end(child);
    const { ppid, own, ended, faults, endedFaults } = this.processes.get(pid)!;
    this.processes.delete(pid);
    const parent = this.processes.get(ppid)!;
    parent.ended += own + ended;
    parent.endedFaults += faults + endedFaults;
  }
  usages(): Usage[] {
    return Array.from(this.processes, ([pid, each]) => ({
      pid,
      ppid: each.ppid,
      startTicks: pid,
      daemon: 'd',
      fresh: true,
      own: [each.own, each.own, each.faults, 0, each.own + each.ended, 0, 0, 0],
      inherited: [each.ended, each.ended, each.endedFaults, 0],
    }));
  }
}

describe('a tree that is waited for', () => {
  const step = fc.record({
    action: fc.constantFrom('fork', 'work', 'work', 'end', 'look'),
    seed: fc.nat(1000),
    ticks: fc.nat(50),
  });
  it('is counted to the tick, never less than before, whatever happens between two looks', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const model = new Model();
        const lookAt = looksOf(createTally());
        let before: number[] = [];
        const look = () => {
          const now = [...lookAt(model.usages())];
          for (const [i, value] of now.entries()) expect(value).toBeGreaterThanOrEqual(before[i] ?? 0);
          before = now;
        };
        look();
        for (const { action, seed, ticks } of steps) {
          const pid = model.pick(seed);
          if (action === 'fork') model.fork(pid);
          else if (action === 'work') model.work(pid, ticks);
          else if (action === 'end') model.end(pid);
          else look();
        }
        look();
        expect([before[USER], before[SYSTEM], before[READ]]).toEqual([model.used, model.used, model.used]);
        expect(before[MINOR_FAULTS]).toBeGreaterThan(0);
        expect(before[INVOLUNTARY]).toBe(0);
      }),
    );
  });
});
