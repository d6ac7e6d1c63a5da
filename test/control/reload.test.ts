// What a reload tells of itself.
import { expect, it } from 'vitest';
import { createReload } from '../../agent/control/reload.ts';
import { createMeter } from '../../agent/core/meter.ts';
import { figure } from '../figure.ts';

const quiet = () => {};
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet, room: () => log };

it('when it was tried, when it last held, and whether it did', async () => {
  const meter = createMeter();
  let [now, bad] = [1000, true];
  const reload = createReload({
    load: async () => {
      if (bad) throw new Error('no');
    },
    apply: async () => {},
    log,
    meter,
    now: () => now,
  });
  const told = () =>
    ['successful', 'timestamp_seconds', 'success_timestamp_seconds'].map(each =>
      figure(meter, `eudaemon_config_last_reload_${each}`, {}),
    );
  expect(told()).toEqual([1, 1, 1]);
  now = 2000;
  expect(await reload()).toEqual(['no']);
  expect(told()).toEqual([0, 2, 1]);
  [now, bad] = [3000, false];
  expect(await reload()).toBeUndefined();
  expect(told()).toEqual([1, 3, 3]);
});

it('runs once for all that ask while another runs, with what stands in the file then', async () => {
  const loads: PromiseWithResolvers<string>[] = [];
  const applied: string[] = [];
  const reload = createReload({
    load: () => {
      const load = Promise.withResolvers<string>();
      loads.push(load);
      return load.promise;
    },
    apply: async config => void applied.push(config),
    log,
    meter: createMeter(),
    now: () => 0,
  });
  const first = reload();
  await expect.poll(() => loads.length).toBe(1);
  const others = [reload(), reload(), reload()];
  loads[0]!.resolve('old');
  await first;
  await expect.poll(() => loads.length).toBe(2);
  const later = reload();
  loads[1]!.reject(new Error('bad'));
  expect(await Promise.all(others)).toEqual([['bad'], ['bad'], ['bad']]);
  await expect.poll(() => loads.length).toBe(3);
  loads[2]!.resolve('new');
  expect(await later).toBeUndefined();
  expect([applied, loads.length]).toEqual([['old', 'new'], 3]);
});
