// Does everything arrive at a steady rate, with a receiver that pauses? The agent takes syslog messages for a while, its
// OTLP receiver answers nothing in the middle, and all the time somebody scrapes /metrics. Tells what was lost, memory
// over time, and how long a scrape took.
//   node bench/sustained.ts [--rate 100000] [--seconds 120] [--pause 30] [--bytes 150]

import { existsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startAgent } from './agent.ts';
import { cpuOf, memoryOf, startOwn, tempDir, until } from './process.ts';
import { intoSink } from './receiver.ts';
import { withEach } from './sysctl.ts';
import { printTable } from './table.ts';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '120' },
    pause: { type: 'string', default: '30' },
    bytes: { type: 'string', default: '150' },
  },
});
const [rate, seconds, pauseMs] = [Number(values.rate), Number(values.seconds), Number(values.pause) * 1000];
const offered = rate * seconds;
const SCRAPE_MS = 250;
/** Nothing came for so long: nothing will. Longer than an agent waits between two attempts. */
const PATIENCE_MS = 45_000;

const dir = tempDir();
const socket = join(dir, 'log.sock');
const receiver = await intoSink(port =>
  startAgent(dir, {
    collectors: { syslog: { listen: [{ path: socket }] } },
    exporters: { otlp: { endpoint: `http://127.0.0.1:${port}`, compression: 'none' } },
    // A pause longer than this reaches is not the question.
    spool: { max_size: '8GiB' },
  }),
);
const { program } = receiver;
await until('the agent listens', () => existsSync(socket));

const scrapes: number[] = [];
const memory: number[] = [];
let page = '';
let over = false;
const look = async () => {
  page = await (await fetch(`${program.url}/metrics`)).text();
};
const scrape = async () => {
  while (!over) {
    const begin = performance.now();
    await look();
    scrapes.push(performance.now() - begin);
    await pause(SCRAPE_MS);
  }
};
/** The agent's own, which arrive too. */
const events = () =>
  Number(/^eudaemon_records_received_total\{source="events"\} (\d+)$/m.exec(page)?.[1] ?? 0);
const weigh = setInterval(() => memory.push(memoryOf(program.pid).total), 1000);

await withEach('/proc/sys/net/unix/max_dgram_qlen', ['512'], async () => {
  const sender = startOwn('sender.ts', socket, values.bytes);
  sender.write(`${rate} ${rate}\n`);
  await sender.line();
  await until('the first second has arrived', async () => (await receiver.arrivals()).count >= rate);
  const scraping = scrape();
  const before = cpuOf(program.pid);
  const begin = Date.now();
  sender.write(`${offered} ${rate}\n`);
  const pausing = pauseMs > 0 ? pause((seconds * 1000) / 3).then(() => receiver.pause(pauseMs)) : undefined;
  await sender.line();
  await pausing;
  const sent = Date.now();
  over = true;
  await scraping;
  const arrived = async () => (await receiver.arrivals()).count - rate;
  let [count, changed] = [await arrived(), Date.now()];
  while (count < offered + events() && Date.now() - changed < PATIENCE_MS) {
    await pause(100);
    const now = await arrived();
    if (now !== count) changed = Date.now();
    count = now;
  }
  const after = cpuOf(program.pid);
  clearInterval(weigh);
  const { last } = await receiver.arrivals();
  await look();
  await sender.stop();
  await receiver.stop();

  const dropped = [...page.matchAll(/^eudaemon_records_dropped_total\{.*?reason="(\w+)".*?\} (\d+)/gm)]
    .filter(([, , count]) => count !== '0')
    .map(([, reason, count]) => `${reason} ${count}`);
  scrapes.sort((a, b) => a - b);
  const quantile = (q: number) =>
    scrapes[Math.min(scrapes.length - 1, Math.floor(scrapes.length * q))]!.toFixed(1);
  const quarter = Math.ceil(memory.length / 4);
  const most = (from: number, to: number) => Math.max(...memory.slice(from, to)).toFixed(0);
  const cpu = after.user + after.system - before.user - before.system;
  printTable(
    `${offered} messages of ${values.bytes} bytes at ${rate}/s, receiver away for ${values.pause} s, load ${loadavg()[0]!.toFixed(1)}`,
    ['', ''],
    [
      ['sent in, s', ((sent - begin) / 1000).toFixed(1)],
      ['lost', (offered + events() - count).toFixed(0)],
      ['dropped, says the ledger', dropped.join(', ') || '0'],
      ['all arrived after the last was sent, s', Math.max(0, (last - sent) / 1000).toFixed(1)],
      ['CPU µs a message', ((cpu / offered) * 1e6).toFixed(2)],
      [
        'RSS MiB, most in each quarter',
        [0, 1, 2, 3].map(i => most(i * quarter, (i + 1) * quarter)).join(' '),
      ],
      [`/metrics of ${scrapes.length} scrapes, ms: p50, p99, max`, [0.5, 0.99, 1].map(quantile).join(' ')],
    ],
  );
});
