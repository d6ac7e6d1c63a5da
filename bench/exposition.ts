// What does a scrape cost? The page writer beside prom-client's, same series, in CPU time of the thread: a page never
// written before, one whose values have all changed, one where they stand; and the longest turn of the event loop
// meanwhile, collections of the heap included. Each number of series has a process of its own, with the agent's flags.
//   node bench/exposition.ts [--series 1000,10000,100000]

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { Gauge, Registry } from 'prom-client';
import { createLatest } from '../agent/core/meter.ts';
import type { Desc } from '../agent/core/metric.ts';
import { loadNative } from '../agent/native/index.ts';
import { createExposition } from '../exporters/prometheus/exposition.ts';
import { ROOT } from './process.ts';

const ROUNDS = 11;
const { values } = parseArgs({
  options: { series: { type: 'string', default: '1000,10000,100000' }, alone: { type: 'boolean' } },
});

if (!values.alone) {
  const agent = readFileSync(join(ROOT, 'bin/eudaemon'), 'utf8');
  const flags = /^exec "\$node" (.*) "\$main"/m.exec(agent)![1]!.split(' ');
  for (const series of values.series.split(','))
    execFileSync(process.execPath, [...flags, import.meta.filename, '--alone', '--series', series], {
      stdio: 'inherit',
    });
  process.exit();
}

const series = Number(values.series);
const desc: Desc = { name: 'bench', type: 'gauge', help: 'A series.', labels: ['daemon', 'state', 'kind'] };
const labelsOf = (i: number) => [`daemon-${i}`, 'healthy', 'main'];

const { libc } = loadNative()!;
const CLOCK_THREAD_CPUTIME_ID = 3;
/** Readable and writable, private and of no file. */
const address = libc.mmap(0, 4096, 3, 0x22, -1, 0);
const time = new Uint32Array(libc.view(address, 16));

/** CPU ms of this thread so far; `process.threadCpuUsage` tells it in ticks. */
const cpu = (): number => {
  libc.clock_gettime(CLOCK_THREAD_CPUTIME_ID, address);
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

const latest = createLatest();
const sample = (value: number) => {
  latest.begin();
  for (let i = 0; i < series; i++) latest.set(desc, i / 3 + value, ...labelsOf(i));
  latest.end();
};
const expose = createExposition();
let longest = 0;
const write = async () => {
  const slices: Uint8Array[] = [];
  let begin = cpu();
  for (const slice of expose(latest.families(), 'text', () => {})) {
    slices.push(slice);
    await setImmediate();
    longest = Math.max(longest, cpu() - begin);
    begin = cpu();
  }
  const page = Buffer.concat(slices);
  longest = Math.max(longest, cpu() - begin);
  return page;
};

sample(0);
globalThis.gc!();
const first = cpu();
const page = await write();
const cold = (cpu() - first).toFixed(1);
let round = 0;
const moved = await median(write, () => sample(++round));
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
  `${series} series, ${page.length} bytes: first ${cold} ms, all changed ${moved} ms, unchanged ${own} ms,`,
  `longest turn of ${1 + 2 * ROUNDS} pages ${longest.toFixed(1)} ms;`,
  `prom-client ${await median(() => registry.metrics())} ms;`,
  ...[1, 6].map(level => `gzip -${level} ${gzipSync(page, { level }).length} bytes`),
  `in ${await median(() => gzipSync(page, { level: 1 }))} and ${await median(() => gzipSync(page, { level: 6 }))} ms`,
);
process.exit();
