// Metric exporters follow the configuration.
import { expect, it } from 'vitest';
import { createPushes } from '../../agent/control/pushes.ts';
import { systemClock } from '../../agent/core/clock.ts';
import type { ExporterEntry, MetricExporter } from '../../agent/core/exporter.ts';
import { createMeter } from '../../agent/core/meter.ts';
import { quiet } from '../quiet.ts';

function world() {
  const made: unknown[] = [];
  const broken = new Set<unknown>();
  let open = 0;
  const entry = {
    name: 'otlp',
    async metrics(options: unknown): Promise<MetricExporter> {
      if (broken.has(options)) throw new Error('no such certificate');
      made.push(options);
      open++;
      return { everyMs: 60_000, push: async () => {}, close: async () => void open-- };
    },
  } as unknown as ExporterEntry;
  const pushes = createPushes({
    exporters: [entry],
    families: async () => [],
    clock: systemClock,
    log: quiet,
    meter: createMeter(),
    host: [],
  });
  return {
    made,
    broken,
    open: () => open,
    apply: (otlp: unknown) => pushes.apply({ agent: { state_dir: '/nonexistent' }, exporters: { otlp } }),
    stop: () => pushes.stop(0),
  };
}

it('one runs while it is asked for, and is made anew when its options are others', async () => {
  const w = world();
  for (const options of ['a', 'a', 'b', false, undefined, 'b']) await w.apply(options);
  expect(w.made).toEqual(['a', 'b', 'b']);
  expect(w.open()).toBe(1);
  await w.stop();
  expect(w.open()).toBe(0);
});

it('one that could not be made is tried again', async () => {
  const w = world();
  w.broken.add('a');
  await expect(w.apply('a')).rejects.toThrow('no such certificate');
  w.broken.clear();
  await w.apply('a');
  expect(w.made).toEqual(['a']);
  await w.stop();
});
