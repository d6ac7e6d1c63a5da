// What does a scrape cost? The page writer beside prom-client's, same series, one run, in CPU time of the thread: a page
// never written before, one whose values have all changed, one where they stand; and the longest slice of any.

import { gzipSync } from 'node:zlib';
import { Gauge, Registry } from 'prom-client';
import type { Desc, Point } from '../agent/core/metric.ts';
import { loadNative } from '../agent/native/index.ts';
import { expose } from '../exporters/prometheus/exposition.ts';

const ROUNDS = 11;
const desc: Desc = { name: 'bench', type: 'gauge', help: 'A series.', labels: ['daemon', 'state', 'kind'] };
const labelsOf = (i: number) => [`daemon-${i}`, 'healthy', 'main'];

const { libc } = loadNative()!;
const CLOCK_THREAD_CPUTIME_ID = 3;
const time = new Uint32Array(4);

/** CPU ms of this thread so far; `process.threadCpuUsage` tells it in ticks. */
const cpu = (): number => {
  libc.clock_gettime(CLOCK_THREAD_CPUTIME_ID, new Uint8Array(time.buffer));
  return time[0]! * 1000 + time[2]! / 1e6;
};

/** Median of some rounds, in CPU ms. */
async function median(act: () => unknown, prepare = () => {}): Promise<string> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    prepare();
    const begin = cpu();
    await act();
    times.push(cpu() - begin);
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
    let begin = cpu();
    for (const slice of expose([{ desc, points }], 'text', () => {})) {
      slices.push(slice);
      longest = Math.max(longest, cpu() - begin);
      begin = cpu();
    }
    return Buffer.concat(slices);
  };
  const first = cpu();
  const page = write();
  const cold = (cpu() - first).toFixed(1);
  const moved = await median(write, () => {
    for (const point of points) point.value += 1 / 3;
  });
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
    `${series} series, ${page.length} bytes: first ${cold} ms, all changed ${moved} ms, unchanged ${own} ms, longest slice ${longest.toFixed(1)} ms;`,
    `prom-client ${await median(() => registry.metrics())} ms;`,
    ...[1, 6].map(level => `gzip -${level} ${gzipSync(page, { level }).length} bytes`),
    `in ${await median(() => gzipSync(page, { level: 1 }))} and ${await median(() => gzipSync(page, { level: 6 }))} ms`,
  );
}
