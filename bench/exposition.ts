// What does a scrape cost? The page writer beside prom-client's, same series, one run; and the longest slice.

import { gzipSync } from 'node:zlib';
import { Gauge, Registry } from 'prom-client';
import type { Desc, Point } from '../agent/core/metric.ts';
import { expose } from '../exporters/prometheus/exposition.ts';

const ROUNDS = 11;
const desc: Desc = { name: 'bench', type: 'gauge', help: 'A series.', labels: ['daemon', 'state', 'kind'] };
const labelsOf = (i: number) => [`daemon-${i}`, 'healthy', 'main'];

/** Median of some rounds, in ms. */
async function median(act: () => unknown): Promise<string> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now();
    await act();
    times.push(performance.now() - begin);
  }
  return times.sort((a, b) => a - b)[ROUNDS >> 1]!.toFixed(1);
}

for (const series of [1000, 10_000, 100_000]) {
  const points: Point[] = Array.from({ length: series }, (_, i) => ({
    labels: labelsOf(i),
    value: i / 3,
    created: 0,
  }));
  let longest = 0;
  const write = () => {
    const slices: Uint8Array[] = [];
    let begin = performance.now();
    for (const slice of expose([{ desc, points }], 'text', () => {})) {
      slices.push(slice);
      longest = Math.max(longest, performance.now() - begin);
      begin = performance.now();
    }
    return Buffer.concat(slices);
  };
  const first = performance.now();
  const page = write();
  const cold = (performance.now() - first).toFixed(1);
  const own = await median(write);
  const registry = new Registry();
  const gauge = new Gauge({
    name: 'bench',
    help: 'A series.',
    labelNames: ['daemon', 'state', 'kind'],
    registers: [registry],
  });
  for (let i = 0; i < series; i++) gauge.labels(...labelsOf(i)).set(i / 3);
  console.log(
    `${series} series, ${page.length} bytes: first ${cold} ms, then ${own} ms, longest slice ${longest.toFixed(1)} ms;`,
    `prom-client ${await median(() => registry.metrics())} ms;`,
    ...[1, 6].map(level => `gzip -${level} ${gzipSync(page, { level }).length} bytes`),
    `in ${await median(() => gzipSync(page, { level: 1 }))} and ${await median(() => gzipSync(page, { level: 6 }))} ms`,
  );
}
