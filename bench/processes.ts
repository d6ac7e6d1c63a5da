// What does it cost to watch a thousand processes? The agent, all of them declared, beside process-exporter: CPU for one
// cycle and scrape a second.
//   node bench/processes.ts [--processes 1000] [--seconds 20]

import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startAgent } from './agent.ts';
import { cpuOf, memoryOf, type Program, start, tempDir, until } from './process.ts';
import { printTable } from './table.ts';

const EXPORTER = '/usr/bin/prometheus-process-exporter';
const { values } = parseArgs({
  options: { processes: { type: 'string', default: '1000' }, seconds: { type: 'string', default: '20' } },
});
const seconds = Number(values.seconds);

const sleepers = spawn('sh', ['-c', `for i in $(seq ${values.processes}); do sleep 1000 & done; wait`], {
  detached: true,
});
process.once('exit', () => process.kill(-sleepers.pid!));

/** One scrape a second. Returns CPU ms a scrape, the share of it in the kernel, and MiB. */
async function measure(program: Program, url: string, series: RegExp): Promise<string[]> {
  const scrape = async () => {
    const page = await fetch(url)
      .then(answer => answer.text())
      .catch(() => '');
    return Number(series.exec(page)?.[1] ?? 0);
  };
  await until(`all processes at ${url}`, async () => (await scrape()) >= Number(values.processes), 30);
  for (let i = 0; i < 3; i++) await Promise.all([scrape(), pause(1000)]);
  const before = cpuOf(program.pid);
  for (let i = 0; i < seconds; i++) await Promise.all([scrape(), pause(1000)]);
  const after = cpuOf(program.pid);
  const memory = memoryOf(program.pid);
  await program.stop();
  const [user, system] = [after.user - before.user, after.system - before.system];
  return [
    (((user + system) / seconds) * 1000).toFixed(1),
    ((user / seconds) * 1000).toFixed(1),
    ((system / seconds) * 1000).toFixed(1),
    memory.total.toFixed(0),
    memory.anonymous.toFixed(0),
  ];
}

const dir = tempDir();
const rows: string[][] = [];
const agent = await startAgent(dir, {
  daemons: { sleepers: { match: { comm: 'sleep' } } },
  collectors: { processes: { interval: '1s' }, host: false, syslog: false },
});
rows.push([
  'eudaemon',
  ...(await measure(agent, `${agent.url}/metrics`, /^eudaemon_daemon_instances\{daemon="sleepers"\} (\d+)/m)),
]);
if (existsSync(EXPORTER)) {
  const config = join(dir, 'process-exporter.yaml');
  writeFileSync(config, 'process_names:\n  - comm: [sleep]\n');
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise(ready => server.once('listening', ready));
  const { port } = server.address() as { port: number };
  await new Promise(closed => server.close(closed));
  const exporter = start(EXPORTER, ['--config.path', config, '--web.listen-address', `127.0.0.1:${port}`]);
  const series = /^namedprocess_namegroup_num_procs\{groupname="sleep"\} (\d+)/m;
  rows.push(['process-exporter', ...(await measure(exporter, `http://127.0.0.1:${port}/metrics`, series))]);
}
printTable(
  `${values.processes} processes, one cycle and scrape a second`,
  ['', 'CPU ms a cycle', 'user', 'system', 'RSS MiB', 'anon'],
  rows,
);
process.exit();
