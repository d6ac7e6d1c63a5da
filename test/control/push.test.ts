// Pushes on a clock of the test: when they come, and what a receiver that is away does to that.
import { describe, expect, it } from 'vitest';
import { createPush } from '../../agent/control/push.ts';
import { type MetricExporter, RetryLater } from '../../agent/core/exporter.ts';
import { createMeter } from '../../agent/core/meter.ts';
import { quiet } from '../quiet.ts';

const EVERY_MS = 15_000;

/** `answers` are those of the receiver, one a push, then nothing but success; `at` is when pushes came. */
async function pushing(random: number, answers: (Error | undefined)[], pushes: number) {
  let now = 0;
  let next: { at: number; run: () => void } | undefined;
  const at: number[] = [];
  const exporter: MetricExporter = {
    everyMs: EVERY_MS,
    async push() {
      at.push(now);
      const answer = answers[at.length - 1];
      if (answer) throw answer;
    },
    close: async () => {},
  };
  const push = createPush({
    name: 'otlp',
    exporter,
    families: async () => [],
    clock: {
      now: () => now,
      elapsed: () => now,
      after(ms, run) {
        next = { at: now + ms, run };
        return () => {};
      },
    },
    log: quiet,
    meter: createMeter(),
    random: () => random,
  });
  push.start();
  while (at.length < pushes) {
    await new Promise(setImmediate);
    const due = next!;
    now = due.at;
    due.run();
    await new Promise(setImmediate);
  }
  return at;
}

const later = (afterMs?: number) => new RetryLater('http_503', 'not now', afterMs);

describe('pushes', () => {
  it.each<[string, number, (Error | undefined)[], number[]]>([
    [
      'come at once, after a share of the interval, and then every interval',
      0.4,
      [],
      [0, 6000, 21_000, 36_000],
    ],
    ['wait for the next when they fail', 0, [undefined, later()], [0, 15_000, 30_000, 45_000]],
    ['are not hurried by a short wish', 0.5, [undefined, later(100)], [0, 7500, 22_500, 37_500]],
    ['wait as long as they are asked to', 0, [undefined, later(60_000)], [0, 15_000, 75_000, 90_000]],
    ['come back spread over half of it more', 0.5, [undefined, later(60_000)], [0, 7500, 82_500, 97_500]],
    ['wait for no wish longer than five minutes', 0, [later(1e15)], [0, 300_000, 315_000, 330_000]],
  ])('%s', async (_, random, answers, expected) => {
    expect(await pushing(random, answers, expected.length)).toEqual(expected);
  });
});
