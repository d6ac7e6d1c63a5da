// What does it take to follow many files that are all written to? Files with a few lines a second each, for a minute: what
// is lost, how long a line takes from its write to the backend, and CPU. Beside the OpenTelemetry Collector and Fluent Bit
// where OTELCOL= and FLUENT_BIT= name one. With `--rate 0` none of them is written to.
//   node bench/files.ts [--files 1000] [--rate 10] [--seconds 60] [--only eudaemon]

import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { followers } from './file-receivers.ts';
import { cpuOf, memoryOf, tempDir, until } from './process.ts';
import { printTable } from './table.ts';

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '1000' },
    rate: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '60' },
    only: { type: 'string' },
  },
});
const [files, rate, seconds] = [Number(values.files), Number(values.rate), Number(values.seconds)];
const filler =
  'request served for 10.20.30.40, status 200, 5120 bytes, by a worker that has time for it'.padEnd(110, '.');

/** Who looks at quiet files less often does so by then, with code that is compiled. */
const REST_MS = 60_000;

const receivers = followers({ files, sink: ['--delays'] });

async function measure(name: string): Promise<string[]> {
  const dir = tempDir();
  const fds = Array.from({ length: files }, (_, i) => openSync(join(dir, `app${i}.log`), 'a'));
  // Without a time: how long the receiver takes to start is another question.
  for (const fd of fds) writeSync(fd, 'warm\n');
  const receiver = await receivers[name]!(join(dir, '*.log'), dir);
  const { pid } = receiver.program;
  await until('the first lines arrive', async () => (await receiver.arrivals()).count >= files);
  if (rate === 0) await pause(REST_MS);
  const before = cpuOf(pid);
  const begin = Date.now();
  let written = files;
  for (let round = 0; round < seconds * rate; round++) {
    for (const fd of fds) writeSync(fd, `t=${Date.now()} ${round} ${filler}\n`);
    written += files;
    await pause(Math.max(0, begin + ((round + 1) * 1000) / rate - Date.now()));
  }
  if (rate === 0) await pause(seconds * 1000);
  const spent = (Date.now() - begin) / 1000;
  await until('the last lines arrive', async () => (await receiver.arrivals()).count >= written, 20).catch(
    () => {},
  );
  const after = cpuOf(pid);
  const { count, p50, p99 } = await receiver.arrivals();
  const memory = memoryOf(pid);
  await receiver.stop();
  for (const fd of fds) closeSync(fd);
  const cpu = after.user + after.system - before.user - before.system;
  return [
    name,
    String(written - count),
    String(p50),
    String(p99),
    ((cpu / spent) * 100).toFixed(2),
    rate === 0 ? '' : ((cpu / (written - files)) * 1e6).toFixed(2),
    memory.total.toFixed(0),
  ];
}

const wanted = values.only?.split(',');
const rows: string[][] = [];
for (const name of Object.keys(receivers).filter(each => !wanted || wanted.includes(each)))
  rows.push(await measure(name));
printTable(
  `${files} files, ${rate} lines/s each, ${seconds} s`,
  ['', 'lost', 'p50 ms', 'p99 ms', 'CPU % of a core', 'CPU µs a line', 'RSS MiB'],
  rows,
);
