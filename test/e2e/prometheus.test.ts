// A real Prometheus scrapes the agent's listener, hostile labels included; promtool lints the page.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHttp } from '../../agent/control/http.ts';
import type { Log } from '../../agent/core/log.ts';
import type { Desc } from '../../agent/core/metric.ts';
import { createRegistry } from '../../exporters/prometheus/registry.ts';
import { createScrape } from '../../exporters/prometheus/scrape.ts';
import { freePort } from './program.ts';
import { until } from './until.ts';

const quiet = () => {};
const log: Log = { debug: quiet, info: quiet, warn: quiet, error: quiet, room: () => log };
const registry = createRegistry();
const http = createHttp({
  listen: { host: '127.0.0.1', port: 0 },
  log,
  metrics: createScrape({ families: () => registry.families(), log, meter: registry.meter }),
  health: () => ({ ready: [] }),
  reload: async () => undefined,
  api: {},
  page: new Uint8Array(),
});

const HOSTILE = [
  'plain',
  'quote "',
  'back\\slash',
  'two\nlines',
  'NUL \0 inside',
  '{x="1"} 2 # EOF',
  '\r',
  '💚',
];
const RECORDS: Desc = {
  name: 'test.records',
  type: 'counter',
  help: 'Records "so far".\nAll.',
  labels: ['tag'],
};
const CHECK: Desc = {
  name: 'test.check',
  type: 'histogram',
  unit: 's',
  help: 'Check.',
  buckets: [0.1, 1, 10],
};

const folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
const stops: (() => unknown)[] = [() => rmSync(folder, { recursive: true }), () => http.close()];
let url = '';
let server = '';

interface Result {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}
/** What it answers once it has something: after a scrape that took too long there is nothing until the next. */
const query = (expression: string): Promise<Result[]> =>
  until(expression, async () => {
    const answer = await fetch(`${server}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const { result } = ((await answer.json()) as { data: { result: Result[] } }).data;
    return result.length > 0 && result;
  });

beforeAll(async () => {
  HOSTILE.forEach((tag, i) => {
    registry.meter
      .instrument(RECORDS)
      .with(tag)
      .add(i + 0.5);
  });
  for (const seconds of [0.05, 0.5, 5, 50]) registry.meter.instrument(CHECK).with().observe(seconds);
  url = await http.open();
  const config = join(folder, 'prometheus.yml');
  const target = new URL(url).host;
  writeFileSync(
    config,
    `scrape_configs: [{ job_name: agent, scrape_interval: 500ms, scrape_timeout: 500ms, static_configs: [{ targets: ["${target}"] }] }]\n`,
  );
  const port = await freePort();
  server = `http://127.0.0.1:${port}`;
  const prometheus = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  );
  const ended = new Promise(resolve => prometheus.once('exit', resolve));
  stops.push(async () => {
    prometheus.kill();
    await ended;
  });
  await query('up{job="agent"} == 1');
});

afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
});

test('every series arrives with its value, whatever its label holds', async () => {
  const found = await query('test_records_total');
  expect(Object.fromEntries(found.map(({ metric, value }) => [metric['tag'], Number(value[1])]))).toEqual(
    Object.fromEntries(HOSTILE.map((tag, i) => [tag.replace('\0', '\ufffd'), i + 0.5])),
  );
});

test('a histogram answers quantiles', async () => {
  const [median] = await query('histogram_quantile(0.5, test_check_seconds_bucket)');
  expect(Number(median?.value[1])).toBe(1);
  const [count] = await query('test_check_seconds_count');
  expect(Number(count?.value[1])).toBe(4);
});

test('types and help are known', async () => {
  const answer = await fetch(`${server}/api/v1/metadata?metric=test_records`);
  const { data } = (await answer.json()) as { data: Record<string, { type: string; help: string }[]> };
  expect(data['test_records']).toMatchObject([{ type: 'counter', help: 'Records "so far".\nAll.' }]);
});

test('promtool has nothing to say against the page', async () => {
  const input = await (await fetch(`${url}/metrics`)).text();
  expect(execFileSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' })).toBe('');
});
