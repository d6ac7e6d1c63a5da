import { expect, test } from 'vitest';
import { createScheduler } from '../../agent/control/scheduler.ts';
import type { Clock } from '../../agent/core/clock.ts';
import type { Sampler } from '../../agent/core/collector.ts';
import { NoData } from '../../agent/core/errors.ts';
import { createMeter } from '../../agent/core/meter.ts';
import type { Desc } from '../../agent/core/metric.ts';
import { figure } from '../figure.ts';
import { quiet } from '../quiet.ts';

const LOAD: Desc = { name: 'load', type: 'gauge', help: 'x', labels: ['cpu'] };

/** A clock that stands still until told; runs what falls due in order. */
function fakeClock(): Clock & { advance(ms: number): Promise<void> } {
  let time = 0;
  const due = new Set<{ at: number; run: () => void }>();
  const settle = async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  return {
    now: () => time,
    elapsed: () => time,
    after(ms, run) {
      const entry = { at: time + ms, run };
      due.add(entry);
      return () => due.delete(entry);
    },
    async advance(ms) {
      const end = time + ms;
      for (;;) {
        const next = [...due].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (!next) break;
        due.delete(next);
        time = Math.max(time, next.at);
        next.run();
        await settle();
      }
      time = end;
    },
  };
}

function start() {
  const clock = fakeClock();
  const meter = createMeter();
  const scheduler = createScheduler({ clock, meter, log: quiet, spread: () => 1 });
  return {
    clock,
    meter,
    scheduler,
    up: (name: string) => figure(meter, 'eudaemon_collector_up', { collector: name }),
  };
}

const sampler = (sample: Sampler['sample'], name = 'host', everyMs = 1000): Sampler => ({
  name,
  everyMs,
  sample,
});

test('the first sample is taken at once, the next on time, late ones are left out', async () => {
  const { clock, scheduler, meter } = start();
  const times: number[] = [];
  const slow = sampler(async () => {
    times.push(clock.now());
    if (times.length === 3) await new Promise<void>(resolve => clock.after(2500, resolve));
  });
  await scheduler.start([slow]);
  await clock.advance(7000);
  expect(times).toEqual([0, 1000, 2000, 5000, 6000, 7000]);
  expect(figure(meter, 'eudaemon_collector_up', { collector: 'host' })).toBe(1);
});

test('series that were not set in the last cycle are gone; a failed cycle leaves none', async () => {
  const { clock, scheduler, up } = start();
  let cycle = 0;
  await scheduler.start([
    sampler(out => {
      cycle++;
      if (cycle === 3) throw new Error('broken');
      out.set(LOAD, cycle, cycle === 1 ? 'a' : 'b');
    }),
  ]);
  expect([figure(scheduler, 'load', { cpu: 'a' }), up('host')]).toEqual([1, 1]);
  await clock.advance(1000);
  expect([figure(scheduler, 'load', { cpu: 'a' }), figure(scheduler, 'load', { cpu: 'b' })]).toEqual([
    undefined,
    2,
  ]);
  await clock.advance(1000);
  expect([figure(scheduler, 'load', { cpu: 'b' }), up('host')]).toEqual([undefined, 0]);
  expect([...scheduler.faults()]).toEqual([['host', 'broken']]);
  await clock.advance(1000);
  expect([figure(scheduler, 'load', { cpu: 'b' }), up('host'), scheduler.faults().size]).toEqual([4, 1, 0]);
});

test('nothing to sample is told apart from a fault only by its reason', async () => {
  const { scheduler, up } = start();
  await scheduler.start([
    sampler(() => {
      throw new NoData('no such thing here');
    }),
  ]);
  expect(up('host')).toBe(0);
});

test('samplers of one name share their figures: one that fails makes it 0', async () => {
  const { scheduler, up } = start();
  const bad = sampler(() => {
    throw new Error('x');
  }, 'health');
  await scheduler.start([sampler(() => {}, 'health'), bad]);
  expect(up('health')).toBe(0);
  await scheduler.stop([bad]);
  expect(up('health')).toBe(1);
});

test('stop cancels, aborts what runs, closes, and forgets the samples', async () => {
  const { clock, scheduler, up } = start();
  let aborted = false;
  let closed = false;
  let calls = 0;
  const one: Sampler = {
    name: 'host',
    everyMs: 1000,
    async sample(out, signal) {
      out.set(LOAD, 1, 'a');
      if (++calls < 2) return;
      await new Promise(resolve => signal.addEventListener('abort', resolve));
      aborted = true;
    },
    close: async () => {
      closed = true;
    },
  };
  await scheduler.start([one]);
  await clock.advance(1000);
  await scheduler.stop([one]);
  await clock.advance(10_000);
  expect({ aborted, closed, calls, left: [...scheduler.families()].length, up: up('host') }).toEqual({
    aborted: true,
    closed: true,
    calls: 2,
    left: 0,
    up: undefined,
  });
});
