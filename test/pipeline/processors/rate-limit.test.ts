// Step rate_limit against a plain model of a token bucket, at random times; and what it tells of the suppressed.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chainOf } from './rig.ts';

test('lets through what the bucket holds, and tells of the rest', async () => {
  const { run, chain, events } = await chainOf('- rate_limit: 2/s');
  const at = (seconds: number, service = 'nginx') => run({ at: 1000 + seconds, service }) === 'rate_limited';
  expect([at(0), at(0), at(0), at(0.1), at(0.6), at(0.6), at(0, 'redis')]).toEqual([
    false,
    false,
    true,
    true,
    false,
    true,
    false,
  ]);
  chain.tick(1_005_000, false);
  expect(events).toEqual([]);
  chain.tick(1_010_000, false);
  expect(events).toEqual([
    expect.objectContaining({
      name: 'eudaemon.records.suppressed',
      daemon: 'nginx',
      severity: 13,
      body: 'suppressed 3 records of nginx in 10s, over the limit of 2/s',
      attributes: { 'eudaemon.suppressed.count': 3, 'eudaemon.suppressed.reason': 'rate_limited' },
      at: 1_010_000,
    }),
  ]);
  chain.tick(1_020_000, true);
  expect(events).toHaveLength(1);
});

test('a last tick tells at once; a clock set back neither gives nor takes', async () => {
  const { run, chain, events } = await chainOf('- rate_limit: { rate: 60/m, burst: 1 }');
  expect(run({ at: 2000 })).not.toBe('rate_limited');
  expect(run({ at: 1000 })).toBe('rate_limited');
  expect(run({ at: 1001 })).not.toBe('rate_limited');
  chain.tick(1_001_000, true);
  expect(events).toHaveLength(1);
});

test('services without end are forgotten one by one, and what was suppressed of them is told', async () => {
  const { run, events } = await chainOf('- rate_limit: { rate: 1/h, burst: 1 }');
  for (const service of ['first', 'first']) run({ service, declared: false });
  for (let i = 0; i < 10_000; i++) run({ service: `tag-${i}`, declared: false });
  expect(events.map(({ body, origin }) => [body, origin?.service])).toEqual([
    ['suppressed 1 records of first in 1s, over the limit of 1/h', 'first'],
  ]);
});

test('as a slow bucket would', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 3000 }), fc.constantFrom('a', 'b')), { maxLength: 200 }),
      async (rate, burst, arrivals) => {
        const { run, chain, events } = await chainOf(`- rate_limit: { rate: ${rate}/s, burst: ${burst} }`);
        const buckets: Record<string, { tokens: number; at: number }> = {};
        let now = 1_700_000_000_000;
        let suppressed = 0;
        for (const [afterMs, service] of arrivals) {
          now += afterMs;
          buckets[service] ??= { tokens: burst * 1000, at: now };
          const bucket = buckets[service];
          // In thousandths of a token, so that the model is exact.
          bucket.tokens = Math.min(burst * 1000, bucket.tokens + (now - bucket.at) * rate);
          bucket.at = now;
          const passes = bucket.tokens >= 1000;
          if (passes) bucket.tokens -= 1000;
          else suppressed++;
          expect(run({ at: now / 1000, service }) !== 'rate_limited').toBe(passes);
        }
        chain.tick(now, true);
        const told = events.map(({ attributes }) => Number(attributes['eudaemon.suppressed.count']));
        expect(told.reduce((sum, n) => sum + n, 0)).toBe(suppressed);
      },
    ),
    { numRuns: 60 },
  );
});
