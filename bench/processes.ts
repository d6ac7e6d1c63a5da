// What does it cost to watch a thousand processes? The agent, all of them declared, beside process-exporter and beside a
// C program that makes the same system calls: CPU for one cycle and scrape a second, once it knows them all; and what a
// cycle of the first WARM_S took, in which it learns how each process runs. The processes sleep, or run twice a second. The
// agent is also measured with none to watch; less that, it is set beside the C program, which serves no page either.
//   node bench/processes.ts [--processes 1000] [--seconds 20] [--awake] [--only eudaemon,c]

import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startAgent } from './agent.ts';
import { cpuOf, memoryOf, type Program, start, tempDir, until } from './process.ts';
import { printTable } from './table.ts';

const EXPORTER = '/usr/bin/prometheus-process-exporter';
const { values } = parseArgs({
  options: {
    processes: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '20' },
    awake: { type: 'boolean', default: false },
    only: { type: 'string', default: 'eudaemon,c,process-exporter,none' },
  },
});
const seconds = Number(values.seconds);
/** Of these rows. */
const wanted = new Set(values.only.split(','));

/** By then each process has been asked twice how it runs, and what runs once a second has been compiled. */
const WARM_S = 45;
/** A name that nobody else on this machine has. */
const NAME = 'bench-sleeper';
const dir = tempDir();
const sleeper = join(dir, NAME);
const floor = join(dir, 'floor');
execFileSync('cc', ['-O2', '-o', floor, join(import.meta.dirname, 'processes.c')]);
copyFileSync(values.awake ? floor : '/bin/sleep', sleeper);
const command = `${sleeper} ${values.awake ? 'awake' : '1000'}`;
const sleepers = spawn('sh', ['-c', `for i in $(seq ${values.processes}); do ${command} & done; wait`], {
  detached: true,
});
let sleeping = true;
const endSleepers = () => {
  if (sleeping) process.kill(-sleepers.pid!);
  sleeping = false;
};
process.once('exit', endSleepers);

interface Cost {
  /** CPU ms a cycle. */
  readonly user: number;
  readonly system: number;
  /** The same of the first cycles, user and system. */
  readonly starting: number;
  /** MiB. */
  readonly memory: { readonly total: number; readonly anonymous: number };
  /** The slowest answer, ms. */
  readonly slowest: number;
  /** The longest look of the agent, pauses included, ms. */
  readonly longest: number;
}

const LOOK = /^eudaemon_collector_duration_seconds\{collector="processes"\} (\S+)/m;

/** One scrape a second, at times that drift through the cycle of the program. */
async function measure(
  program: Program,
  url: string,
  series: RegExp,
  warmSeconds: number,
  processes = Number(values.processes),
): Promise<Cost> {
  let slowest = 0;
  let longest = 0;
  const scrape = async () => {
    const begin = performance.now();
    const page = await fetch(url)
      .then(answer => answer.text())
      .catch(() => '');
    slowest = Math.max(slowest, performance.now() - begin);
    longest = Math.max(longest, Number(LOOK.exec(page)?.[1] ?? 0) * 1000);
    return Number(series.exec(page)?.[1] ?? -1);
  };
  await until(`all processes at ${url}`, async () => (await scrape()) >= processes, 120);
  const first = cpuOf(program.pid);
  for (let i = 0; i < warmSeconds; i++) await Promise.all([scrape(), pause(1010)]);
  slowest = longest = 0;
  const before = cpuOf(program.pid);
  for (let i = 0; i < seconds; i++) await Promise.all([scrape(), pause(1010)]);
  const after = cpuOf(program.pid);
  const memory = memoryOf(program.pid);
  await program.stop();
  const perCycle = (total: number) => (total / seconds) * 1000;
  return {
    user: perCycle(after.user - before.user),
    system: perCycle(after.system - before.system),
    starting: ((before.user + before.system - first.user - first.system) / warmSeconds) * 1000,
    memory,
    slowest,
    longest,
  };
}

const EUDAEMON = 'eudaemon';
const NONE = 'eudaemon, none to watch';
const IN_C = 'the same calls in C';
const rows: string[][] = [];
/** CPU ms a cycle by row. */
const totals = new Map<string, number>();
const row = (name: string, user: number, system: number, rest: readonly string[]) => {
  totals.set(name, user + system);
  rows.push([
    name,
    (user + system).toFixed(1),
    totals.has(EUDAEMON) ? (totals.get(EUDAEMON)! / (user + system)).toFixed(2) : '',
    user.toFixed(1),
    system.toFixed(1),
    ...rest,
  ]);
};
const costRow = (name: string, { user, system, starting, memory, slowest, longest }: Cost) =>
  row(name, user, system, [
    starting.toFixed(1),
    memory.total.toFixed(0),
    memory.anonymous.toFixed(0),
    slowest.toFixed(0),
    longest > 0 ? longest.toFixed(0) : '',
  ]);

/** Of the agent that watches what is called `comm`. */
async function measureAgent(comm: string, warmSeconds: number, processes?: number): Promise<Cost> {
  const agent = await startAgent(dir, {
    daemons: { sleepers: { match: { comm } } },
    collectors: { processes: { interval: '1s' }, host: false, syslog: false },
  });
  const series = /^eudaemon_daemon_instances\{daemon="sleepers"\} (\d+)/m;
  return measure(agent, `${agent.url}/metrics`, series, warmSeconds, processes);
}
if (wanted.has('eudaemon')) costRow(EUDAEMON, await measureAgent(NAME, WARM_S));

const inC = wanted.has('c') ? ([[IN_C], ['all files each time, in C', 'all']] as const) : [];
for (const [name, ...mode] of inC) {
  const [, user, system] = execFileSync(floor, [NAME, String(seconds), ...mode], { encoding: 'utf8' })
    .trim()
    .split(' ')
    .map(Number);
  row(name, user!, system!, ['', '', '', '', '']);
}

if (wanted.has('process-exporter') && existsSync(EXPORTER)) {
  const config = join(dir, 'process-exporter.yaml');
  writeFileSync(config, `process_names:\n  - comm: [${NAME}]\n`);
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise(ready => server.once('listening', ready));
  const { port } = server.address() as { port: number };
  await new Promise(closed => server.close(closed));
  const exporter = start(EXPORTER, ['--config.path', config, '--web.listen-address', `127.0.0.1:${port}`]);
  const series = /^namedprocess_namegroup_num_procs\{groupname="bench-sleeper"\} (\d+)/m;
  costRow('process-exporter', await measure(exporter, `http://127.0.0.1:${port}/metrics`, series, 5));
}
endSleepers();
if (wanted.has('none')) costRow(NONE, await measureAgent(NAME, WARM_S, 0));
const beyondC = (totals.get(EUDAEMON)! - totals.get(NONE)!) / totals.get(IN_C)!;
printTable(
  `${values.processes} processes${values.awake ? ' that run' : ''}, one cycle and scrape a second`,
  [
    '',
    'CPU ms a cycle',
    'eudaemon /',
    'less none / C',
    'user',
    'system',
    'starting',
    'RSS MiB',
    'anon',
    'slowest scrape ms',
    'longest look ms',
  ],
  rows.map(([name, total, share, ...rest]) => [
    name!,
    total!,
    share!,
    name === EUDAEMON && !Number.isNaN(beyondC) ? beyondC.toFixed(2) : '',
    ...rest,
  ]),
);
process.exit();
