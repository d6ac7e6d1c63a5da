// Series by their labels against plain maps, in whatever order they are asked for, come and go.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createLatest, createMeter } from '../../../agent/core/meter.ts';
import type { Desc, Family } from '../../../agent/core/metric.ts';

const DESC: Desc = { name: 'test', type: 'gauge', help: 'Test.', labels: ['of', 'kind'] };
const labels = fc.tuple(fc.constantFrom('a', 'b', 'c', 'a\u0000b'), fc.constantFrom('', 'x', 'y'));
/** Mostly in one order, as those who tell figures do. */
const cycle = fc.oneof(
  fc.subarray([
    ['a', 'x'],
    ['a', 'y'],
    ['b', 'x'],
    ['b', 'y'],
    ['c', 'x'],
  ] as [string, string][]),
  fc.array(labels, { maxLength: 12 }),
);

const told = (families: Iterable<Family>) =>
  new Map(
    [...families].flatMap(({ points }) =>
      Array.from(points, ({ labels, value }) => [labels.join('|'), value] as const),
    ),
  );

it('the latest samples are those of the last cycle', () => {
  fc.assert(
    fc.property(fc.array(cycle, { maxLength: 12 }), cycles => {
      const latest = createLatest(() => 0);
      let value = 0;
      for (const asked of cycles) {
        const model = new Map<string, number>();
        latest.begin();
        for (const each of asked) {
          latest.set(DESC, ++value, ...each);
          model.set(each.join('|'), value);
        }
        latest.end();
        expect(told(latest.families())).toEqual(model);
      }
    }),
  );
});

it('counters are where their labels are, until they are removed', () => {
  const step = fc.record({ labels, removes: fc.boolean() });
  fc.assert(
    fc.property(fc.array(fc.oneof(step, step, cycle), { maxLength: 40 }), steps => {
      const meter = createMeter(() => 0);
      const instrument = meter.instrument(DESC);
      const model = new Map<string, number>();
      const add = (each: [string, string]) => {
        instrument.with(...each).add();
        model.set(each.join('|'), (model.get(each.join('|')) ?? 0) + 1);
      };
      for (const each of steps) {
        if (Array.isArray(each)) each.forEach(add);
        else if (!each.removes) add(each.labels);
        else {
          instrument.remove(...each.labels);
          model.delete(each.labels.join('|'));
        }
      }
      expect(told(meter.families())).toEqual(model);
    }),
  );
});
