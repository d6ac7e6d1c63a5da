import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createMeter, type Meter } from '../../../agent/core/meter.ts';
import { type Desc, type Family, prometheusName } from '../../../agent/core/metric.ts';
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
    (await createRegistry().families()).map(family => [prometheusName(family.desc), family]),
  );
  expect([...families.keys()].sort()).toEqual([
    'nodejs_eventloop_lag_seconds',
    'nodejs_external_memory_bytes',
    'nodejs_gc_duration_seconds',
    'nodejs_heap_size_total_bytes',
    'nodejs_heap_size_used_bytes',
    'nodejs_version_info',
    'process_cpu_seconds',
    'process_cpu_system_seconds',
    'process_cpu_user_seconds',
    'process_heap_bytes',
    'process_max_fds',
    'process_open_fds',
    'process_resident_memory_bytes',
    'process_start_time_seconds',
    'process_virtual_memory_bytes',
  ]);
  for (const { desc } of families.values()) expect(desc.prometheusOnly).toBe(true);
  expect(families.get('process_cpu_seconds')?.desc).toMatchObject({
    name: 'process.cpu',
    type: 'counter',
    unit: 's',
  });
  expect(families.get('process_resident_memory_bytes')?.desc).toMatchObject({ type: 'gauge', unit: 'By' });
  expect([...families.get('process_resident_memory_bytes')!.points][0]!.value).toBeGreaterThan(1e7);
});

test('collections of the heap are counted in series that stay', async () => {
  const registry = createRegistry();
  const minor = async () => {
    const families = await registry.families();
    const family = families.find(({ desc }) => prometheusName(desc) === 'nodejs_gc_duration_seconds')!;
    const point = [...family.points].find(({ labels }) => labels[0] === 'minor');
    return { family, point, count: point?.histogram?.counts.at(-1) ?? 0 };
  };
  const collected = async (more: number) => {
    let found = await minor();
    while (found.count < more) {
      Array.from({ length: 1e5 }, (_, i) => ({ i }));
      await setImmediate();
      found = await minor();
    }
    return found;
  };
  const first = await collected(1);
  const later = await collected(first.count + 1);
  expect(later.family).toBe(first.family);
  expect(later.point).toBe(first.point);
  expect(later.point!.histogram!.counts).toHaveLength(later.family.desc.buckets!.length + 1);
});

test('two registries share nothing', async () => {
  const [one, other] = [createRegistry(), createRegistry()];
  one.meter.instrument(BYTES).with().set(1);
  expect(shape(await other.families())).toEqual([]);
});
