// What does a line of a log file cost? The agent (file → spool → OTLP) beside rsyslog (imfile → file), Fluent Bit and the
// OpenTelemetry Collector (file → OTLP) where FLUENT_BIT= and OTELCOL= name one, the least that delivers it by OTLP (relay),
// and `wc -l`. With --json lines are JSON objects that are parsed, by all but relay and wc. Figures are medians of all rounds.
//   node bench/tail.ts [--lines 2000000] [--bytes 158] [--rounds 1] [--json] [--only eudaemon,rsyslog]

import { spawnSync } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Follow, followers } from './file-receivers.ts';
import { start, tempDir } from './process.ts';
import { countLines, type Figures, measure, median, printFigures } from './receiver.ts';
import { relay } from './relay.ts';

const { values } = parseArgs({
  options: {
    lines: { type: 'string', default: '2000000' },
    bytes: { type: 'string', default: '158' },
    rounds: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});
const lines = Number(values.lines);
const warm = Math.min(lines, 400_000);
/** Lines a write. */
const BLOCK = 5000;

const text =
  '2026-11-22T17:00:00.123Z INFO worker[4711]: request served in 12 ms for 10.20.30.40, status 200, 5120 bytes; ';
const line = values.json
  ? `${JSON.stringify({
      time: '2026-11-22T17:00:00.123Z',
      level: 'info',
      msg: 'request served',
      worker: { name: 'worker-7', pid: 4711 },
      client: '10.20.30.40',
      path: '/api/v1/orders/4711',
      status: 200,
      bytes: 5120,
      ms: 12.5,
      id: 'a81bc81b-dead-4e5d-abff-90865d1e13b1',
    })}\n`
  : `${text.repeat(Math.ceil(Number(values.bytes) / text.length)).slice(0, Number(values.bytes) - 1)}\n`;
const append = (file: string, count: number) => {
  for (let left = count; left > 0; left -= BLOCK) appendFileSync(file, line.repeat(Math.min(left, BLOCK)));
};

const rsyslog: Follow = (file, dir) => {
  const [config, out] = [join(dir, 'rsyslog.conf'), join(dir, 'out')];
  writeFileSync(
    config,
    `global(workDirectory="${dir}")
module(load="imfile")
${values.json ? 'module(load="mmjsonparse")' : ''}
input(type="imfile" File="${file}" Tag="bench:")
${values.json ? 'action(type="mmjsonparse" cookie="")' : ''}
action(type="omfile" file="${out}")
`,
  );
  const program = start('rsyslogd', ['-n', '-f', config, '-i', join(dir, 'pid')]);
  return { program, arrivals: countLines(out), stop: program.stop };
};

const receivers: Record<string, Follow> = { ...relay('file'), ...followers({ json: values.json }), rsyslog };

const wanted = values.only?.split(',');
const chosen = Object.entries(receivers).filter(([name]) => !wanted || wanted.includes(name));
const rounds = new Map<string, Figures[]>(chosen.map(([name]) => [name, []]));
let last = '';
for (let round = 0; round < Number(values.rounds); round++)
  for (const [name, make] of chosen) {
    const dir = tempDir();
    last = join(dir, 'app.log');
    writeFileSync(last, '');
    const receiver = await make(last, dir);
    rounds.get(name)!.push(await measure(receiver, warm, lines, count => append(last, count)));
  }
printFigures(
  `${lines} lines of ${line.length} bytes${values.json ? ', JSON' : ''}, median of ${values.rounds}, load ${loadavg()[0]!.toFixed(1)}`,
  'line',
  new Map([...rounds].map(([name, each]) => [name, median(each)])),
);

const TIMES = 10;
const { stdout } = spawnSync('sh', [
  '-c',
  `for i in $(seq ${TIMES}); do wc -l ${last}; done >&2; cat /proc/$$/stat`,
]);
const [user, system] = String(stdout)
  .slice(String(stdout).lastIndexOf(')') + 2)
  .split(' ')
  .slice(13, 15)
  .map(Number);
// Clock ticks are 10 ms.
console.log(`wc -l: ${(((user! + system!) * 1e4) / TIMES / (lines + warm)).toFixed(3)} µs CPU a line`);
