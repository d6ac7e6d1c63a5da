// A host of 5,000 processes, most of them children of forty daemons: the figures of each are its own, in every look, while
// hundreds come, go and take the numbers of others.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createPatterns } from '../../../agent/config/patterns.ts';
import { createLookup } from '../../../agent/identity/lookup.ts';
import { daemon } from '../../agent/identity/specs.ts';
import { createHost, type FakeHost } from '../../procfs.ts';
import { world } from './world.ts';

const DAEMONS = 40;
const CHILDREN = 99;
const PROCESSES = 5000;
const name = (i: number): string => `d${String(i).padStart(2, '0')}`;
/** Of the master of daemon `i`; its children follow. */
const first = (i: number): number => 1000 + i * (CHILDREN + 1);

let host: FakeHost;
beforeEach(() => {
  host = createHost();
});
afterEach(() => host.close());

function sampling() {
  const declared = Array.from({ length: DAEMONS }, (_, i) => daemon(name(i), { comm: name(i) }));
  const { now, elapsed, root } = host;
  const lookup = createLookup({ declared, root, patterns: createPatterns(), now, elapsed });
  const w = world(root, lookup, now);
  /** Threads, resident KiB, CPU ticks and processes of each daemon. */
  return async () => {
    const told = await w.cycle();
    return declared.map(({ name }) => ({
      threads: told[`threads{${name}}`],
      memory: told[`resident_memory_bytes{${name}}`]! / 1024,
      cpu: Math.round((told[`cpu_seconds{${name},user}`]! + told[`cpu_seconds{${name},system}`]!) * 100),
      processes: w.instances.get(name)?.length ?? 0,
    }));
  };
}

it('each daemon has what its processes use', async () => {
  const master = (i: number, start = 100) => {
    const [pid, memory] = [first(i), { size: 4000, rss: 1000 + 4 * i }];
    host.run({ pid, comm: name(i), start, cpu: [i, 1], memory });
  };
  const child = (i: number, k: number, start = 200, ppid = first(i)) => {
    const memory = { size: 400, rss: 40 };
    host.run({ pid: first(i) + k, ppid, comm: 'worker', start, threads: 2, cpu: [k, 0], memory });
  };
  for (let i = 0; i < DAEMONS; i++) {
    master(i);
    for (let k = 1; k <= CHILDREN; k++) child(i, k);
  }
  for (let pid = first(DAEMONS); pid < 1000 + PROCESSES; pid++)
    host.run({ pid, comm: 'stranger', start: 300 });

  const look = sampling();
  const all = (CHILDREN * (CHILDREN + 1)) / 2;
  const whole = (i: number) => ({
    threads: 1 + 2 * CHILDREN,
    memory: 1000 + 4 * i + 40 * CHILDREN,
    cpu: i + 1 + all,
    processes: 1 + CHILDREN,
  });
  const numbers = Array.from({ length: DAEMONS }, (_, i) => i);
  expect(await look()).toEqual(numbers.map(whole));

  // Half the children of every second daemon end; those of the others are strangers' now, by their numbers.
  const half = Math.floor(CHILDREN / 2);
  for (const i of numbers)
    for (let k = 1; k <= half; k++)
      if (i % 2 === 0) host.kill(first(i) + k);
      else host.run({ pid: first(i) + k, comm: 'stranger', start: 400 });
  host.tick(10_000);
  const fewer = (i: number) => ({
    ...whole(i),
    threads: 1 + 2 * (CHILDREN - half),
    memory: 1000 + 4 * i + 40 * (CHILDREN - half),
    processes: 1 + CHILDREN - half,
  });
  expect(await look()).toEqual(numbers.map(fewer));

  // Every fourth daemon is gone; its children go on without it, as children of init.
  for (const i of numbers.filter(i => i % 4 === 0)) {
    host.kill(first(i));
    for (let k = half + 1; k <= CHILDREN; k++) child(i, k, 200, 1);
  }
  host.tick(70_000);
  const last = (await look()).map(({ threads, processes }) => ({ threads, processes }));
  expect(last).toEqual(
    numbers.map(i => ({
      threads: i % 4 === 0 ? 0 : fewer(i).threads,
      processes: i % 4 === 0 ? 0 : fewer(i).processes,
    })),
  );
});
