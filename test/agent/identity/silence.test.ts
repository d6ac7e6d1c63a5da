// Last record times and rhythms as the data worker tells them, kept over restarts of the agent.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { DaemonSpec } from '../../../agent/core/daemon.ts';
import { createLatest, createMeter } from '../../../agent/core/meter.ts';
import { createSilence } from '../../../agent/identity/silence.ts';
import { createWishes } from '../../../agent/identity/wishes.ts';
import { tempDir } from '../../e2e/program.ts';
import { daemon } from './specs.ts';

const T0 = 1_700_000_000_000;
const DESC = {
  name: 'eudaemon.log.last_timestamp',
  type: 'gauge',
  unit: 's',
  help: '',
  labels: ['daemon'],
} as const;

/** An agent's life in this state directory. */
function life(directory: string) {
  const warnings: string[] = [];
  const log = { warn: (text: string) => void warnings.push(text) };
  let elapsed = 0;
  let began: number | undefined;
  const silence = createSilence(directory, log, () => elapsed);
  const meter = createMeter();
  return {
    silence,
    warnings,
    wishes: createWishes(directory, log),
    /** `set`: the clock has been set ahead by so much. */
    heard(name: string, at: number, set = 0) {
      began ??= at;
      elapsed = at - set - began;
      meter
        .instrument(DESC)
        .with(name)
        .set(at / 1000);
      silence.take(at, meter.families());
    },
    exported(...declared: DaemonSpec[]) {
      const latest = createLatest();
      latest.begin();
      silence.sample(latest, declared);
      latest.end();
      return [...latest.families()].flatMap(({ points }) =>
        Array.from(points, ({ labels, value }) => [labels[0], value]),
      );
    },
  };
}

const logging = (expect_every: number | 'learn') =>
  daemon('d', { comm: 'd' }, { logs: { identifiers: [], files: [], parse: 'none', expect_every } });
const D = logging(60_000);
const LEARNER = logging('learn');

it('tells 0 for a daemon that has never logged, and leaves the others to the data worker', () => {
  const w = life(tempDir('silence'));
  expect(w.exported(D)).toEqual([['d', 0]]);
  expect(w.silence.heardAt('d')).toBeUndefined();
  w.heard('d', T0);
  expect(w.exported(D)).toEqual([]);
  expect(w.silence.heardAt('d')).toBe(0);
  w.silence.take(T0, []);
  w.heard('d', T0 + 5000);
  expect(w.silence.heardAt('d')).toBe(5000);
});

it('takes the limit from the configuration or from the rhythm', () => {
  const w = life(tempDir('silence'));
  expect(w.silence.limit(D, T0)).toBe(60_000);
  expect(w.silence.limit(LEARNER, T0)).toBeUndefined();
  let at = T0;
  for (; at < T0 + 2 * 86_400_000; at += 300_000) w.heard('d', at);
  expect(w.silence.limit(LEARNER, at)).toBeGreaterThanOrEqual(600_000);
});

it('learns nothing from the clock being set', () => {
  const w = life(tempDir('silence'));
  const DAYS = 7 * 86_400_000;
  let at = T0;
  for (; at < T0 + 2 * 86_400_000; at += 300_000) w.heard('d', at);
  const limit = w.silence.limit(LEARNER, at);
  w.heard('d', at + DAYS, DAYS);
  w.heard('d', at + 300_000, 0);
  expect(w.silence.limit(LEARNER, at)).toBe(limit);
});

it('remembers both in the next life, and learns nothing from the time between', () => {
  const directory = tempDir('silence');
  const first = life(directory);
  let at = T0;
  for (; at < T0 + 2 * 86_400_000; at += 300_000) first.heard('d', at);
  first.silence.save();
  const limit = first.silence.limit(LEARNER, at);
  const second = life(directory);
  expect(second.exported(D)).toEqual([['d', (at - 300_000) / 1000]]);
  second.heard('d', at + 3_600_000);
  expect(second.silence.limit(LEARNER, at)).toBe(limit);
});

it.each(['', '{', '[]', '{"version":2,"daemons":[]}', '{"version":1,"daemons":7}'])(
  'begins anew after a file like %j, and says so',
  text => {
    const directory = tempDir('silence');
    mkdirSync(join(directory, 'identity'));
    writeFileSync(join(directory, 'identity', 'voices.json'), text);
    const w = life(directory);
    expect(w.warnings).toHaveLength(1);
    expect(w.exported(D)).toEqual([['d', 0]]);
  },
);

it('remembers who is expected down, until then', () => {
  const directory = tempDir('silence');
  const first = life(directory).wishes;
  first.set('a', { since: T0 });
  first.set('b', { since: T0, until: T0 + 1000, reason: 'disk' });
  const second = life(directory).wishes;
  expect(second.of('a', T0 + 5000)).toEqual({ since: T0 });
  expect(second.of('b', T0 + 999)).toEqual({ since: T0, until: T0 + 1000, reason: 'disk' });
  expect(second.of('b', T0 + 1000)).toBeUndefined();
  expect([second.drop('a'), second.drop('a')]).toEqual([true, false]);
  expect(life(directory).wishes.of('a', T0)).toBeUndefined();
});

it.each(['{', '7', 'null', '{"a":{"since":"x"}}', '{"a":null}'])('expects nobody down after %j', text => {
  const directory = tempDir('silence');
  mkdirSync(join(directory, 'identity'));
  writeFileSync(join(directory, 'identity', 'expected-down.json'), text);
  expect(life(directory).wishes.of('a', T0)).toBeUndefined();
});
