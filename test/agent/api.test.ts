// The API's figure of CPU: cores in use between the latest two looks, and none where two are not to be had.
import { expect, it } from 'vitest';
import { createApi } from '../../agent/api.ts';
import { createLatest } from '../../agent/core/meter.ts';
import type { Desc } from '../../agent/core/metric.ts';
import { createRecorder } from '../../agent/identity/recorder.ts';
import { createTable } from '../../agent/identity/table.ts';
import type { DaemonsView } from '../../console/api.ts';
import { alone, daemon } from './identity/specs.ts';

const T0 = 1_700_000_000_000;
const CPU: Desc = {
  name: 'eudaemon.daemon.cpu',
  type: 'counter',
  help: '',
  unit: 's',
  labels: ['daemon', 'mode'],
};
const MEMORY: Desc = {
  name: 'eudaemon.daemon.resident_memory',
  unit: 'By',
  type: 'gauge',
  help: '',
  labels: ['daemon'],
};

function world() {
  let now = T0;
  const declared = [daemon('d', { comm: 'd' }), daemon('other', { comm: 'o' })];
  const recorder = createRecorder(declared, () => 0);
  const latest = createLatest();
  const table = createTable({
    declared,
    ...alone,
    startedAt: T0,
    elapsed: () => now,
  });
  const api = createApi({
    host: 'h',
    startedAt: T0,
    now: () => now,
    families: async () => latest.families(),
    table,
    certificates: { of: () => [] },
    recorder,
    endpoints: () => ({}) as never,
    faults: () => [],
    config: () => ({}) as never,
    store: () => undefined,
  });
  return {
    /** A look `seconds` after the one before, at a process that has used so much CPU; undefined when there is none. */
    look(seconds: number, used: number | undefined, system = 0) {
      now += seconds * 1000;
      latest.begin();
      if (used !== undefined) {
        latest.set(CPU, used, 'd', 'user');
        latest.set(CPU, system, 'd', 'system');
      }
      latest.set(MEMORY, used === undefined ? 0 : 1, 'd');
      latest.end();
      recorder.take(now, latest.families());
      const process = {
        pid: 5,
        ppid: 1,
        startTicks: 1,
        comm: 'd',
        state: 'S',
        claimed: true,
        startedAt: T0 / 1000,
      };
      table.reports.processes(now, new Map([['d', used === undefined ? [] : [process]]]));
    },
    async cpu() {
      const { daemons } = (await api['/api/daemons']!(new URLSearchParams())) as DaemonsView;
      return daemons.map(({ cpu }) => cpu);
    },
    async memory() {
      const { daemons } = (await api['/api/daemons']!(new URLSearchParams())) as DaemonsView;
      return daemons[0]!.memory;
    },
  };
}

it('is that of both modes over the time between the latest two looks', async () => {
  const w = world();
  w.look(10, 100);
  expect(await w.cpu(), 'one look tells no rate').toEqual([undefined, undefined]);
  w.look(10, 103, 2);
  expect(await w.cpu()).toEqual([0.5, undefined]);
  w.look(20, 103, 2);
  expect(await w.cpu()).toEqual([0, undefined]);
  w.look(10, 123, 12);
  expect(await w.cpu(), 'of several cores').toEqual([3, undefined]);
});

it('is none of a daemon that is gone, and no less than nothing after it has begun anew', async () => {
  const w = world();
  w.look(10, 100);
  w.look(10, 110);
  expect(await w.memory()).toBe(1);
  w.look(10, undefined);
  expect(await w.cpu()).toEqual([undefined, undefined]);
  expect(await w.memory()).toBeUndefined();
  w.look(10, 1);
  w.look(10, 2);
  expect(await w.cpu()).toEqual([0.1, undefined]);
});

it('is none when the last look is long ago', async () => {
  const w = world();
  w.look(10, 100);
  w.look(10, 110);
  w.look(3600, 120);
  expect(await w.cpu()).toEqual([undefined, undefined]);
});
