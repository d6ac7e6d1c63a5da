import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { Log } from '../../../agent/core/log.ts';
import { createMeter } from '../../../agent/core/meter.ts';
import type { Family } from '../../../agent/core/metric.ts';
import { createScrape } from '../../../exporters/prometheus/scrape.ts';

const setup = (families: () => Promise<Iterable<Family>>) => {
  const lines: string[] = [];
  const say = (message: string) => void lines.push(message);
  const log: Log = { debug: say, info: say, warn: say, error: say, room: () => log };
  const meter = createMeter(() => 0);
  return { scrape: createScrape({ families, log, meter }), lines, meter };
};
const up: Family = {
  desc: { name: 'up', type: 'gauge', help: 'Up.' },
  points: [{ labels: [], value: 1, created: 0 }],
};
const TEXT = '# HELP up Up.\n# TYPE up gauge\nup 1\n';
const OPENMETRICS = '# TYPE up gauge\n# HELP up Up.\nup 1\n# EOF\n';
const OPEN = 'application/openmetrics-text;version=1.0.0';

test.each([
  [undefined, undefined, 'text/plain; version=0.0.4; charset=utf-8', TEXT],
  [undefined, 'gzip', 'text/plain; version=0.0.4; charset=utf-8', TEXT],
  [OPEN, undefined, 'application/openmetrics-text; version=1.0.0; charset=utf-8', OPENMETRICS],
  [OPEN, 'gzip', 'application/openmetrics-text; version=1.0.0; charset=utf-8', OPENMETRICS],
])('Accept %s, Accept-Encoding %s', async (accept, encoding, type, page) => {
  const { status, headers, body } = await setup(async () => [up]).scrape(accept, encoding);
  expect(status).toBe(200);
  expect(headers).toEqual({
    'content-type': type,
    vary: 'accept, accept-encoding',
    ...(encoding ? { 'content-encoding': 'gzip' } : {}),
  });
  expect(String(encoding ? gunzipSync(body) : Buffer.from(body))).toBe(page);
});

test('equal scrapes that overlap share a page, later ones get a new one', async () => {
  let asked = 0;
  const { scrape } = setup(async () => {
    asked++;
    return [up];
  });
  const [one, same, other] = await Promise.all([
    scrape('*/*', ''),
    scrape('text/plain', undefined),
    scrape(OPEN, ''),
  ]);
  expect(same).toBe(one);
  expect(other).not.toBe(one);
  expect(asked).toBe(2);
  expect(await scrape('*/*', '')).not.toBe(one);
});

test('a scrape that fails does not spoil the next', async () => {
  let fail = true;
  const { scrape } = setup(async () => {
    if (fail) throw new Error('boom');
    return [up];
  });
  await expect(scrape('', '')).rejects.toThrow('boom');
  fail = false;
  expect(String(Buffer.from((await scrape('', '')).body))).toBe(TEXT);
});

test('what is left out is counted and logged', async () => {
  const { scrape, lines, meter } = setup(async () => [up, up]);
  await scrape('', '');
  expect(lines).toEqual(['cannot expose series "up": another source has it']);
  const points = [...meter.families()].flatMap(({ points }) => [...points]);
  expect(points.map(({ labels, value }) => ({ labels, value }))).toEqual([
    { labels: ['prometheus', 'duplicate'], value: 1 },
  ]);
});

test('a large page leaves the event loop free between slices', async () => {
  const points = Array.from({ length: 100_000 }, (_, i) => ({ labels: [`d${i}`], value: i, created: 0 }));
  const { scrape } = setup(async () => [{ desc: { ...up.desc, labels: ['daemon'] }, points }]);
  let turns = 0;
  let done = false;
  const count = () => {
    turns++;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  const { body } = await scrape('', '');
  done = true;
  expect(body.length).toBeGreaterThan(1_500_000);
  expect(turns).toBeGreaterThan(10);
  const packed = await scrape('', 'gzip');
  expect(gunzipSync(packed.body).equals(body)).toBe(true);
});
