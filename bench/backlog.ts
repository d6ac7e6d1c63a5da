// What does a large backlog take? A log file of many gigabytes is there before the agent starts: how fast it is read and
// delivered, and what memory that takes on its way. Beside Fluent Bit and the OpenTelemetry Collector where FLUENT_BIT=
// and OTELCOL= name one.
//   node bench/backlog.ts [--gib 10] [--only eudaemon]

import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { followers } from './file-receivers.ts';
import { cpuOf, memoryOf, tempDir, until } from './process.ts';
import { printTable } from './table.ts';

const { values } = parseArgs({
  options: { gib: { type: 'string', default: '10' }, only: { type: 'string' } },
});
const line = `${'2026-11-22T17:00:00.123Z INFO worker[4711]: request served in 12 ms for 10.20.30.40, status 200, 5120 bytes; '.padEnd(157, 'x')}\n`;
const BLOCK = 100_000;
const blocks = Math.round((Number(values.gib) * 2 ** 30) / (line.length * BLOCK));
const lines = blocks * BLOCK;
const file = join(tempDir(), 'app.log');
const fd = openSync(file, 'w');
const block = Buffer.from(line.repeat(BLOCK));
for (let i = 0; i < blocks; i++) writeSync(fd, block);
closeSync(fd);

const receivers = followers();

/** MiB, of the whole tree. */
const resident = (pid: number) => memoryOf(pid).total;

async function measure(name: string): Promise<string[]> {
  const receiver = await receivers[name]!(file, tempDir());
  const { pid } = receiver.program;
  await until('the first lines arrive', async () => (await receiver.arrivals()).count > 0);
  const begin = Date.now();
  const before = cpuOf(pid);
  const first = (await receiver.arrivals()).count;
  const marks = [0.05, 0.25, 0.5, 0.75, 1];
  const seen: number[] = [];
  let most = 0;
  let count = first;
  for (let last = begin; seen.length < marks.length && Date.now() - last < 30_000; ) {
    await pause(200);
    const { count: now } = await receiver.arrivals();
    if (now > count) last = Date.now();
    count = now;
    const memory = resident(pid);
    most = Math.max(most, memory);
    while (seen.length < marks.length && count >= lines * marks[seen.length]!) seen.push(memory);
  }
  const spent = (Date.now() - begin) / 1000;
  const after = cpuOf(pid);
  await receiver.stop();
  const cpu = after.user + after.system - before.user - before.system;
  return [
    name,
    String(lines - count),
    ((count - first) / spent).toFixed(0),
    ((cpu / (count - first)) * 1e6).toFixed(2),
    ...marks.map((_, i) => seen[i]?.toFixed(0) ?? ''),
    most.toFixed(0),
  ];
}

const wanted = values.only?.split(',');
const rows: string[][] = [];
for (const name of Object.keys(receivers).filter(each => !wanted || wanted.includes(each)))
  rows.push(await measure(name));
printTable(
  `a backlog of ${values.gib} GiB, ${lines} lines`,
  ['', 'lost', 'lines/s', 'CPU µs a line', 'RSS MiB at 5 %', '25 %', '50 %', '75 %', '100 %', 'most'],
  rows,
);
