import { createServer, type Server } from 'node:net';
import { expect, test } from 'vitest';
import { createMeter, type Meter } from '../../../agent/core/meter.ts';
import type { Desc, Family } from '../../../agent/core/metric.ts';
import { createRegistry } from '../../../exporters/prometheus/registry.ts';

const COUNT: Desc = { name: 'test.count', type: 'counter', help: 'Count.', labels: ['kind', 'of'] };
const BYTES: Desc = { name: 'test.size', type: 'gauge', unit: 'By', help: 'Size.' };
const TIME: Desc = {
  name: 'test.time',
  type: 'histogram',
  unit: 's',
  help: 'Time.',
  labels: ['kind'],
  buckets: [0.5, 1, 10],
};

const shape = (families: Iterable<Family>) =>
  [...families]
    .filter(({ desc }) => desc.name.startsWith('test.'))
    .map(({ desc, points }) => ({
      desc,
      points: [...points].map(({ labels, value, histogram, created }) => ({
        labels: [...labels],
        created,
        ...(histogram ? { counts: [...histogram.counts], sum: histogram.sum } : { value }),
      })),
    }));

const steps: readonly [string, (meter: Meter) => void][] = [
  ['nothing', () => {}],
  ['an instrument without series', meter => meter.instrument(COUNT)],
  ['a series that is only resolved', meter => meter.instrument(COUNT).with('a', 'b')],
  ['a histogram that is only resolved', meter => meter.instrument(TIME).with('a')],
  [
    'a counter that counts',
    meter => {
      const cell = meter.instrument(COUNT).with('a', 'b');
      cell.add();
      cell.add(2.5);
    },
  ],
  [
    'the same instrument by name',
    meter => {
      meter.instrument(COUNT).with('a', 'b').add(1);
      meter
        .instrument({ ...COUNT })
        .with('a', 'b')
        .add(1);
    },
  ],
  [
    'a counter set to a figure kept elsewhere',
    meter => {
      const cell = meter.instrument(COUNT).with('a', 'b');
      cell.add(5);
      cell.set(7);
      cell.set(3);
      cell.add(1);
    },
  ],
  [
    'a gauge',
    meter => {
      const cell = meter.instrument(BYTES).with();
      cell.set(5);
      cell.add(-7);
    },
  ],
  ['a gauge that knows nothing', meter => meter.instrument(BYTES).with().set(Number.NaN)],
  [
    'a histogram',
    meter => {
      const cell = meter.instrument(TIME).with('a');
      for (const t of [0, 0.5, 0.7, 10, 11]) cell.observe(t);
    },
  ],
  [
    'series that leave',
    meter => {
      const all = meter.instrument(COUNT);
      all.with('a', 'b').add(1);
      all.with('c', 'd').add(1);
      all.remove('a', 'b');
      all.remove('x', 'y');
    },
  ],
  [
    'a series that comes back from zero',
    meter => {
      const all = meter.instrument(COUNT);
      all.with('a', 'b').add(5);
      all.remove('a', 'b');
      all.with('a', 'b').add(1);
    },
  ],
  ['label values with anything in them', meter => meter.instrument(COUNT).with('a"\n,=', '\u{1f49a}').add(1)],
];

test.each(steps)('is a meter like the plain one: %s', async (_name, act) => {
  const registry = createRegistry(() => 5500);
  const plain = createMeter(() => 5500);
  act(registry.meter);
  act(plain);
  expect(shape(await registry.families())).toEqual(shape(plain.families()));
});

test('a wrong number of labels is a bug, told at once', () => {
  const { meter } = createRegistry();
  expect(() => meter.instrument(COUNT).with('a')).toThrow('BUG: test.count takes 2 labels, got 1');
});

test('the process metrics of every Prometheus client are there, without a sampling timer', async () => {
  const families = new Map(
    (await createRegistry().families()).map(family => [family.desc.prometheus, family]),
  );
  expect(families.get('process_cpu_seconds')?.desc).toMatchObject({
    name: 'process.cpu',
    type: 'counter',
    unit: 's',
  });
  expect(families.get('process_resident_memory_bytes')?.desc).toMatchObject({ type: 'gauge', unit: 'By' });
  expect([...families.get('process_resident_memory_bytes')!.points][0]!.value).toBeGreaterThan(1e7);
  expect([...families.keys()].filter(name => /_total$|lag_p99/.test(name!))).toEqual([]);
  const collections = families.get('nodejs_gc_duration_seconds')!;
  expect(collections.desc).toMatchObject({ type: 'histogram' });
  for (const { histogram } of collections.points)
    expect(histogram!.counts).toHaveLength(collections.desc.buckets!.length + 1);
});

test('a series of the process is one object in all pages, and leaves with what it counts', async () => {
  const registry = createRegistry();
  const servers = async () => {
    const families = await registry.families();
    const resources = families.find(({ desc }) => desc.prometheus === 'nodejs_active_resources')!;
    return [...resources.points].find(({ labels }) => labels[0] === 'TCPServerWrap');
  };
  const listening = () =>
    new Promise<Server>(ready => {
      const server = createServer().listen(0, '127.0.0.1', () => ready(server));
    });
  const one = await listening();
  const point = await servers();
  expect(point?.value).toBe(1);
  const other = await listening();
  expect(await servers()).toBe(point);
  expect(point?.value).toBe(2);
  for (const server of [one, other]) server.close();
  await expect.poll(servers).toBeUndefined();
});

test('two registries share nothing', async () => {
  const [one, other] = [createRegistry(), createRegistry()];
  one.meter.instrument(BYTES).with().set(1);
  expect(shape(await other.families())).toEqual([]);
});
