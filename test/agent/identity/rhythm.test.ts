// Rhythms learned from gaps: nothing too soon, nights included, rare accidents left out, all of it in a fixed size.
import { expect, it } from 'vitest';
import { createRhythm, emptyRhythm, isRhythm } from '../../../agent/identity/rhythm.ts';

const DAY = 86_400_000;
const T0 = 1_700_000_000_000;

/** Learns gaps over and over until `days` have gone. */
function learn(days: number, ...gaps: number[]) {
  const rhythm = createRhythm(emptyRhythm());
  let at = T0;
  for (let i = 0; at < T0 + days * DAY; i++) {
    const gap = gaps[i % gaps.length]!;
    at += gap;
    rhythm.take(gap, at);
  }
  return { rhythm, at, limit: () => rhythm.limit(at) };
}

it.each([
  ['nothing', 0, [60_000]],
  ['half a day', 0.5, [60_000]],
  ['few gaps in many days', 3, [DAY / 8]],
])('knows no limit after %s', (_, days, gaps) => expect(learn(days, ...gaps).limit()).toBeUndefined());

it('allows twice the longest usual gap at least, and four times at most', () => {
  for (const gap of [60_000, 300_000, 1_000_000]) {
    const limit = learn(2, gap).limit()!;
    expect(limit).toBeGreaterThanOrEqual(2 * gap);
    expect(limit).toBeLessThanOrEqual(4 * gap);
  }
});

it('never calls a minute too long', () => expect(learn(2, 1500).limit()).toBe(60_000));

it('knows the nights of a daemon that works by day', () => {
  const day = [...new Array(200).fill(60_000), 12 * 3_600_000];
  expect(learn(4, ...day).limit()).toBeGreaterThan(24 * 3_600_000);
});

it('forgets one accident among thousands of gaps', () => {
  const { rhythm, at } = learn(3, 60_000);
  rhythm.take(6 * 3_600_000, at);
  expect(rhythm.limit(at)).toBeLessThanOrEqual(240_000);
});

it('follows a daemon that has become slower, and one that has become faster', () => {
  const { rhythm, at } = learn(3, 10_000);
  let now = at;
  for (; now < at + 500 * 600_000; now += 600_000) rhythm.take(600_000, now);
  expect(rhythm.limit(now)).toBeGreaterThan(1_200_000);
  for (const end = now + 120 * DAY; now < end; now += 30_000) rhythm.take(30_000, now);
  expect(rhythm.limit(now)).toBeLessThanOrEqual(120_000);
});

it('goes on where it was kept', () => {
  const { rhythm, at } = learn(2, 60_000);
  const kept = JSON.parse(JSON.stringify(rhythm.kept));
  expect(isRhythm(kept)).toBe(true);
  expect(createRhythm(kept).limit(at)).toBe(rhythm.limit(at));
});

it.each([
  undefined,
  null,
  7,
  {},
  { ...emptyRhythm(), counts: [] },
  { ...emptyRhythm(), counts: new Array(21).fill('1') },
  { ...emptyRhythm(), counts: new Array(21).fill(-1) },
  { ...emptyRhythm(), since: null },
])('takes no %j for one', value => expect(isRhythm(value)).toBe(false));
