// Who lives, against lists that are made anew each time.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createLiving } from '../../../agent/identity/living.ts';
import { instance } from './specs.ts';

it('has whom lists made anew each time would have, however they come and go', () => {
  const step = fc.record({
    action: fc.constantFrom('set', 'delete', 'take'),
    key: fc.nat(8).map(String),
    startedAt: fc.nat(20),
    top: fc.boolean(),
    /** Nobody asks after each step. */
    asked: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), steps => {
      const living = createLiving();
      let plain = new Map<string, ReturnType<typeof instance>>();
      for (const { action, key, startedAt, top, asked } of steps) {
        const each = { ...instance(Number(key), top), startedAt };
        if (action === 'set') {
          living.set(key, each, top);
          plain.set(key, each);
        } else if (action === 'delete') {
          living.delete(key);
          plain.delete(key);
        } else {
          plain = new Map([...plain, [key, each]]);
          const list = startedAt % 2 === 0 ? [...plain.values()] : undefined;
          living.take(new Map(plain), (_, { claimed }) => claimed, list);
        }
        if (!asked) continue;
        const tops = [...plain.values()].filter(({ claimed }) => claimed);
        const times = tops.map(({ startedAt }) => startedAt * 1000);
        expect(living.instances).toEqual([...plain.values()]);
        expect(new Set(living.tops)).toEqual(new Set(tops));
        expect([living.running, living.get(key)]).toEqual([tops.length, plain.get(key)]);
        expect([living.oldest, living.youngest]).toEqual([Math.min(...times), Math.max(...times)]);
        expect(living.every(({ pid }) => pid > 2)).toBe(tops.every(({ pid }) => pid > 2));
      }
    }),
  );
});

it('gives the same lists while nobody is another', () => {
  const living = createLiving();
  living.set('1', instance(1), true);
  const { instances, tops } = living;
  living.set('2', instance(2, false), false);
  expect(living.tops).toBe(tops);
  expect(living.instances).not.toBe(instances);
  expect(living.instances).toBe(living.instances);
});
