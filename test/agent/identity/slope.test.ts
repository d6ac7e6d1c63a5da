// Trends: leaks are found with their true slope, and what is no leak promises nothing.
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { createTrendFinder } from '../../../agent/identity/slope.ts';

const find = createTrendFinder();
/** Figures at `stepS` seconds. */
const trend = (values: readonly number[], stepS = 5) =>
  find(
    Float64Array.from(values, (_, i) => 1000 + i * stepS),
    Float64Array.from(values),
    values.length,
  );
const series = (length: number, at: (i: number) => number) => Array.from({ length }, (_, i) => at(i));
/** Uniform in [0, 1), the same for a seed. */
const random = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return seed / 2 ** 32;
};

describe('a leak', () => {
  it.each([
    ['of 2 a step', series(100, i => 40 + 2 * i), 0.4],
    ['as short as it may be', series(13, i => i), 0.2],
    ['of one every tenth step', series(128, i => Math.floor(i / 10)), 0.02],
    ['with a spike in it', series(100, i => (i === 50 ? 10_000 : i)), 0.2],
    ['with dips in it', series(100, i => (i % 9 === 4 ? 0 : 100 + i)), 0.2],
    ['sampled in stairs of three', series(120, i => Math.floor(i / 3)), 1 / 15],
  ])('%s', (_, values, slope) => {
    expect(trend(values)?.perSecond).toBeGreaterThan(slope * 0.9);
    expect(trend(values)?.perSecond).toBeLessThan(slope * 1.1);
  });

  test('that quickens is one', () => {
    expect(trend(series(60, i => i * i))?.perSecond).toBeGreaterThan(0);
  });

  test('ends where it ends', () => {
    expect(trend(series(100, i => i))).toMatchObject({ level: 98, rise: 99 });
  });
});

describe('no trend', () => {
  const noise = random(7);
  it.each([
    ['nothing', []],
    ['one figure', [5]],
    ['too few', series(7, i => i)],
    ['too short a time', series(12, i => i)],
    ['flat', series(100, () => 80)],
    ['decline', series(100, i => 500 - i)],
    ['noise', series(100, () => noise())],
    ['saw teeth', series(120, i => i % 30)],
    ['one saw tooth and a half', series(120, i => i % 80)],
    ['a step', series(100, i => (i < 50 ? 10 : 90))],
    ['two steps', series(99, i => 10 * Math.floor(i / 33))],
    ['a rise that settled', series(120, i => 100 * (1 - Math.exp(-i / 20)))],
    ['a rise that came back', series(100, i => (i < 90 ? i : 20))],
    ['a burst at the end', series(100, i => (i < 90 ? 10 : i))],
    ['a burst at the beginning', series(100, i => Math.min(i, 10))],
    ['a day and a night', series(128, i => Math.sin((i / 128) * 2 * Math.PI))],
  ])('%s', (_, values) => {
    expect(trend(values)).toBeUndefined();
  });
});

describe('whatever the figures', () => {
  const slope = fc.double({ min: 0.01, max: 100, noNaN: true });
  const length = fc.integer({ min: 24, max: 128 });

  test('a leak under noise of a tenth of its rise is found within a quarter', () => {
    fc.assert(
      fc.property(slope, length, fc.nat(), (perStep, n, seed) => {
        const noise = random(seed);
        const found = trend(series(n, i => i * perStep + (noise() - 0.5) * perStep * n * 0.1));
        expect(found!.perSecond).toBeGreaterThan((perStep / 5) * 0.75);
        expect(found!.perSecond).toBeLessThan((perStep / 5) * 1.25);
      }),
    );
  });

  test('a tenth of wild outliers changes little', () => {
    fc.assert(
      fc.property(slope, fc.nat(), (perStep, seed) => {
        const wild = random(seed);
        const found = trend(series(120, i => (i % 10 === 3 ? wild() * 1e6 : i * perStep)));
        expect(found?.perSecond ?? 0).toBeCloseTo(perStep / 5, 6);
      }),
    );
  });

  test('noise alone promises nothing', () => {
    fc.assert(
      fc.property(length, fc.nat(), (n, seed) => {
        const noise = random(seed);
        expect(trend(series(n, () => noise()))).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  test('two saw teeth and more promise nothing', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 60 }), slope, (period, perStep) => {
        expect(trend(series(128, i => (i % period) * perStep))).toBeUndefined();
      }),
    );
  });

  test('what turns around or stands on its head promises nothing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 13, maxLength: 128 }),
        steps => {
          let level = 0;
          const rising = steps.map(step => (level += step));
          expect(trend(rising.toReversed())).toBeUndefined();
          expect(trend(rising.map(each => -each))).toBeUndefined();
        },
      ),
    );
  });

  test('units do not matter', () => {
    fc.assert(
      fc.property(
        length,
        slope,
        fc.integer({ min: -1000, max: 1000 }),
        fc.nat(),
        (n, factor, shift, seed) => {
          const noise = random(seed);
          const values = series(n, i => i + noise() * 4);
          const [plain, scaled] = [trend(values), trend(values.map(each => each * factor + shift))];
          expect(scaled === undefined).toBe(plain === undefined);
          if (plain) expect(scaled!.perSecond / plain.perSecond).toBeCloseTo(factor, 4);
        },
      ),
    );
  });
});
