// How long the start waits for the first look of collectors, on a clock of the test.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createSampling } from '../../agent/control/sampling.ts';
import { createScheduler } from '../../agent/control/scheduler.ts';
import type { Clock } from '../../agent/core/clock.ts';
import type { CollectorEntry, Sampler } from '../../agent/core/collector.ts';
import type { Log } from '../../agent/core/log.ts';
import { createMeter } from '../../agent/core/meter.ts';

const nothing = { parse: () => undefined, json: {} };

/** Collectors by name, each with the first look of its one sampler. */
function sampling(looks: Record<string, () => Promise<void>>) {
  const dir = mkdtempSync(join(tmpdir(), 'eudaemon-sampling-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const said: string[] = [];
  const log: Log = {
    debug() {},
    info() {},
    warn: text => said.push(text),
    error: text => said.push(text),
    room: () => log,
  };
  const alarms: { ms: number; run: () => void }[] = [];
  const clock: Clock = {
    now: () => 0,
    elapsed: () => 0,
    after(ms, run) {
      alarms.push({ ms, run });
      return () => {};
    },
  };
  const meter = createMeter();
  const entry = ([name, look]: [string, () => Promise<void>]): CollectorEntry => ({
    name,
    thread: 'main',
    options: nothing as never,
    byDefault: false,
    load: async () => ({ create: (): Sampler[] => [{ name, everyMs: 1000, sample: look }] }),
  });
  const made = createSampling({
    collectors: Object.entries(looks).map(entry),
    scheduler: createScheduler({ clock, log, meter, spread: () => 0 }),
    clock,
    room: { log, meter } as never,
  });
  const config = {
    agent: { state_dir: dir, run_dir: dir, host_root: '/' },
    collectors: Object.fromEntries(Object.keys(looks).map(name => [name, {}])),
  };
  return { apply: () => made.apply(config), stop: made.stop, said, alarms };
}

it('waits for what is quick, and says nothing of it', async () => {
  const { apply, said } = sampling({ quick: async () => {} });
  await apply();
  expect(said).toEqual([]);
});

it('goes on after five seconds without what hangs, whatever comes behind it, and says so', async () => {
  let looked = 0;
  const { apply, said, alarms } = sampling({
    hanging: () => new Promise(() => {}),
    slow: () => new Promise(() => {}),
    next: async () => void looked++,
  });
  let ready = false;
  const applied = apply().then(() => {
    ready = true;
  });
  await new Promise(setImmediate);
  expect([ready, looked, alarms.map(({ ms }) => ms)]).toEqual([false, 0, [5000]]);
  alarms[0]!.run();
  await applied;
  await new Promise(setImmediate);
  expect(looked).toBe(1);
  expect(said).toHaveLength(1);
  expect(said[0]).toMatch(/^going on before the first look of hanging, slow(, next)? has ended$/);
});
