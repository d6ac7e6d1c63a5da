// Ten thousand agents whose receiver was away: they come back spread over time, and none sooner than it was asked to.
import { describe, expect, it } from 'vitest';
import { createBackoff } from '../../../agent/core/backoff.ts';

const AGENTS = 10_000;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** Uniform in [0, 1) from a seed: mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Attempt {
  readonly agent: number;
  readonly at: number;
}

/** All fail at 0 and at every attempt before `outageMs`; what they tried, and when each was back. */
function simulate(seed: number, outageMs: number, wishMs = 0): { tries: Attempt[]; returns: number[] } {
  const random = seeded(seed);
  const tries: Attempt[] = [];
  const returns = Array.from({ length: AGENTS }, (_, agent) => {
    const backoff = createBackoff(random);
    let at = 0;
    while (at < outageMs) {
      backoff.fails(at, wishMs, false);
      at = backoff.notBefore;
      tries.push({ agent, at });
    }
    return at;
  });
  return { tries, returns };
}

/** The most that fall into one second. */
const peak = (times: readonly number[]): number =>
  Math.max(
    ...Map.groupBy(times, time => Math.floor(time / SECOND))
      .values()
      .map(each => each.length),
  );

const seed = Date.now() % 2 ** 31;

describe(`seed ${seed}`, () => {
  it.each<[name: string, outageMs: number, wishMs: number, share: number, lastMs: number]>([
    ['half a minute', 30 * SECOND, 0, 0.12, 30 * SECOND],
    ['five minutes', 5 * MINUTE, 0, 0.08, 30 * SECOND],
    ['an hour', 60 * MINUTE, 0, 0.08, 30 * SECOND],
    ['one refusal that asks for 10 s', 1, 10 * SECOND, 0.22, 15 * SECOND],
    ['one refusal that asks for a minute', 1, MINUTE, 0.045, 90 * SECOND],
    ['one refusal that asks for a year', 1, 365 * 24 * 60 * MINUTE, 0.01, 7.5 * MINUTE],
    ['ten minutes that ask for a minute', 10 * MINUTE, MINUTE, 0.03, 90 * SECOND],
  ])('after %s no second holds more than its share, and all are back', (_, outageMs, wishMs, share, last) => {
    const { returns } = simulate(seed, outageMs, wishMs);
    expect(peak(returns)).toBeLessThan(AGENTS * share);
    expect(Math.max(...returns)).toBeLessThanOrEqual(outageMs + last);
  });

  it('nobody comes sooner than it was asked to', () => {
    const wish = 20 * SECOND;
    const before = new Map<number, number>();
    for (const { agent, at } of simulate(seed, 10 * MINUTE, wish).tries) {
      expect(at - (before.get(agent) ?? 0)).toBeGreaterThanOrEqual(wish);
      before.set(agent, at);
    }
  });

  it('while the receiver is away few try at once', () => {
    const later = simulate(seed, 10 * MINUTE).tries.filter(({ at }) => at > MINUTE && at < 10 * MINUTE);
    expect(peak(later.map(({ at }) => at))).toBeLessThan(AGENTS * 0.08);
  });
});

it.each<[wishMs: number, sameRound: boolean, random: number, notBefore: number]>([
  [0, false, 0, 1000],
  [0, false, 0.5, 1250],
  [0, true, 0.5, 0],
  [7000, false, 0.5, 9750],
  [7000, true, 0.5, 8000],
  [Number.POSITIVE_INFINITY, false, 0.5, 1000 + 375_000],
])(
  'first failure at 1 s, wish %d, same round %s, chance %d: not before %d',
  (wish, same, chance, expected) => {
    const backoff = createBackoff(() => chance);
    backoff.fails(1000, wish, same);
    expect(backoff.notBefore).toBe(expected);
    backoff.works();
    expect(backoff.notBefore).toBe(0);
  },
);
