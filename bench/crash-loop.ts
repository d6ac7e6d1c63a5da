// What does a crash loop cost, and is every end counted? A daemon that exits with status 3 twenty times a second, under
// each source of ends, beside process-exporter scraped once a second; and the same agents while nothing happens.
//   node bench/crash-loop.ts [--seconds 30] [--rate 20]

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startAgent } from './agent.ts';
import { cpuOf, memoryOf, type Program, start, tempDir, until } from './process.ts';
import { printTable } from './table.ts';

const EXPORTER = '/usr/bin/prometheus-process-exporter';
/** Compiling the hot functions is over by then. */
const WARM_S = 5;
const IDLE_S = 10;
/** A daemon that reads its configuration and gives up. */
const LIFE_MS = 20;
const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '30' }, rate: { type: 'string', default: '20' } },
});
const [seconds, rate] = [Number(values.seconds), Number(values.rate)];

const dir = tempDir();
const exe = join(dir, 'loopd');
writeFileSync(`${exe}.c`, `#include <unistd.h>\nint main(void) { usleep(${LIFE_MS * 1000}); return 3; }\n`);
execFileSync('gcc', ['-O1', '-o', exe, `${exe}.c`]);

/** How many there were. */
async function loop(forSeconds: number): Promise<number> {
  const count = Math.round(forSeconds * rate);
  const began = performance.now();
  const ends: Promise<void>[] = [];
  for (let i = 0; i < count; i++) {
    await pause(Math.max(0, began + (i * 1000) / rate - performance.now()));
    ends.push(new Promise(end => spawn(exe, { stdio: 'ignore' }).once('exit', () => end())));
  }
  await Promise.all(ends);
  return count;
}

const spent = ({ user, system }: ReturnType<typeof cpuOf>) => user + system;

async function measure(name: string, program: Program, counted: () => Promise<number>): Promise<string[]> {
  await pause(3000);
  const idle = spent(cpuOf(program.pid));
  await pause(IDLE_S * 1000);
  const rested = spent(cpuOf(program.pid)) - idle;
  let sent = await loop(WARM_S);
  const before = spent(cpuOf(program.pid));
  sent += await loop(seconds);
  const cost = spent(cpuOf(program.pid)) - before;
  await pause(1500);
  const told = await counted();
  const memory = memoryOf(program.pid);
  await program.stop();
  return [
    name,
    `${told} of ${sent}`,
    `${((cost / seconds) * 100).toFixed(1)} %`,
    `${((rested / IDLE_S) * 100).toFixed(2)} %`,
    memory.total.toFixed(0),
    memory.anonymous.toFixed(0),
  ];
}

const rows: string[][] = [];
for (const exits of ['netlink', 'pidfd', 'sample']) {
  const agent = await startAgent(join(dir, exits), {
    daemons: { loop: { match: { exe } } },
    collectors: { processes: { interval: '10s', exits }, host: false, syslog: false },
  });
  rows.push(
    await measure(`eudaemon, ${exits}`, agent, async () => {
      const page = await (await fetch(`${agent.url}/metrics`)).text();
      const series = page.matchAll(/^eudaemon_daemon_exits_total\{daemon="loop",reason="exit"\} (\d+)/gm);
      return [...series].reduce((sum, [, count]) => sum + Number(count), 0);
    }),
  );
}

if (existsSync(EXPORTER)) {
  const config = join(dir, 'exporter.yaml');
  writeFileSync(config, `process_names:\n  - name: loop\n    exe: [${exe}]\n`);
  const server = createServer();
  await new Promise<void>(ready => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as { port: number };
  await new Promise(closed => server.close(closed));
  const exporter = start(EXPORTER, ['-config.path', config, '-web.listen-address', `127.0.0.1:${port}`]);
  const scrape = () =>
    fetch(`http://127.0.0.1:${port}/metrics`)
      .then(answer => answer.text())
      .catch(() => '');
  await until('process-exporter answers', async () => (await scrape()) !== '', 20);
  const scraping = setInterval(scrape, 1000);
  // It has no counter of ends.
  rows.push(await measure('process-exporter', exporter, async () => 0));
  clearInterval(scraping);
}

printTable(
  `A crash loop of ${rate} a second for ${seconds} s`,
  ['', 'ends counted with status', 'CPU of a core', 'idle', 'RSS MiB', 'anon'],
  rows,
);
