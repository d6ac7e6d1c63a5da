// The kernel's events on their way to the lineage; when it had more than room for them, all processes are looked at.
import { expect, it, onTestFinished } from 'vitest';
import type { SamplerRoom } from '../../../agent/core/collector.ts';
import type { DaemonSpec } from '../../../agent/core/daemon.ts';
import type { Native } from '../../../agent/native/index.ts';
import type { WatchedBatch } from '../../../agent/native/process-events.ts';
import { watchByEvents } from '../../../collectors/processes/exits-netlink.ts';
import type { Kin } from '../../../collectors/processes/lineage.ts';

function world() {
  const said: string[] = [];
  const log = (level: string) => (text: string) => void said.push(`${level}: ${text}`);
  let overflows = 0;
  let lost = 0;
  let elapsed = 0;
  const told: string[] = [];
  const known: number[] = [];
  let give: (batch: WatchedBatch) => void = () => {};
  let fail: (error: Error) => void = () => {};
  const source = watchByEvents(
    {} as Native,
    {
      told: {
        began: ({ process }) => void told.push(`${process.pid} began`),
        ended: ({ process }, { code, reason }) => void told.push(`${process.pid} ${reason} ${code}`),
        killed() {},
      },
      now: () => 0,
      elapsed: () => elapsed,
      look: () => undefined,
      zombie: () => undefined,
      lookSoon() {},
    },
    {
      root: '/',
      daemons: {
        declared: [{ name: 'd', match: { exe: '/nowhere/d' } } as DaemonSpec],
        ofProcess: () => 'd',
        ofPid: () => undefined,
      },
      log: { warn: log('warn'), error: log('error') },
      meter: { instrument: () => ({ with: () => ({ add: () => void overflows++ }) }) },
    } as unknown as SamplerRoom,
    () => void lost++,
    (_native, _root, _wanted, batch, failed) => {
      [give, fail] = [batch, failed];
      return {
        begun: Promise.resolve(),
        want() {},
        know: pids => void known.push(...pids),
        close: async () => {},
      };
    },
  );
  onTestFinished(() => source.close());
  const kin = (pid: number): [number, Kin] => [
    pid,
    { process: { pid, ppid: 1, startTicks: 1, comm: 'd' }, daemon: 'd', startedAt: 0, claimed: true },
  ];
  return {
    source,
    told,
    known,
    said,
    kin,
    counts: () => ({ overflows, lost }),
    pass: (ms: number) => {
      elapsed += ms;
    },
    give: (batch: WatchedBatch) => give(batch),
    fail: (error: Error) => fail(error),
  };
}

const exit = (pid: number, status: number) => ({ what: 'exit', at: 9, pid, parent: 0, status }) as const;

it('tells an end with its status, and knows of whom a look has found', () => {
  const w = world();
  w.source.seen(new Map([w.kin(5), w.kin(6)]), 0);
  w.give({ events: [exit(5, 3 << 8), exit(6, 9), exit(7, 0)], overflow: false });
  expect(w.told).toEqual(['5 exit 3', '6 signal 9']);
  expect(w.known).toEqual([5, 6]);
  expect(w.counts()).toEqual({ overflows: 0, lost: 0 });
});

it('looks at everything when events are missing, tells those there are, counts and says so', () => {
  const w = world();
  w.source.seen(new Map([w.kin(5), w.kin(6)]), 0);
  w.give({ events: [exit(5, 0)], overflow: true });
  expect(w.told).toEqual(['5 exit 0']);
  expect(w.counts()).toEqual({ overflows: 1, lost: 1 });
  expect(w.said).toEqual([
    'warn: the kernel had more process events than room for them: looking at all processes instead',
  ]);
  // What looks miss for a while has ended unheard.
  w.source.seen(new Map(), 0);
  w.pass(60_000);
  w.source.seen(new Map(), 0);
  w.give({ events: [exit(6, 0)], overflow: false });
  expect(w.told).toEqual(['5 exit 0']);
});

it('looks once more when the thread has died, and says what to do', () => {
  const w = world();
  w.fail(new Error('it is gone'));
  expect(w.counts().lost).toBe(1);
  expect(w.said).toEqual(['error: cannot read process events any more: it is gone; restart the agent']);
});
