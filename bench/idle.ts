// What does the agent cost when nothing happens? CPU over half a minute and memory, with the default configuration, and
// watching logs only, beside an idle rsyslog.
//   node bench/idle.ts [--seconds 30]

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startAgent } from './agent.ts';
import { cpuOf, memoryOf, type Program, start, tempDir } from './process.ts';
import { printTable } from './table.ts';

/** What starting leaves behind is over by then. */
const SETTLED_MS = 5000;
const { values } = parseArgs({ options: { seconds: { type: 'string', default: '30' } } });
const seconds = Number(values.seconds);

async function measure(name: string, program: Program): Promise<string[]> {
  await pause(SETTLED_MS);
  const before = cpuOf(program.pid);
  await pause(seconds * 1000);
  const after = cpuOf(program.pid);
  const memory = memoryOf(program.pid);
  await program.stop();
  const each = (spent: number) => ((spent / seconds) * 1000).toFixed(2);
  return [
    name,
    each(after.user + after.system - before.user - before.system),
    each(after.user - before.user),
    each(after.system - before.system),
    memory.total.toFixed(0),
    memory.anonymous.toFixed(0),
  ];
}

const rsyslogConfig = join(tempDir(), 'rsyslog.conf');
writeFileSync(
  rsyslogConfig,
  `module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="${rsyslogConfig}.sock")
action(type="omfile" file="${rsyslogConfig}.out")
`,
);
const logsOnly = { processes: false, host: false, health: false };
printTable(
  `Idle for ${seconds} s`,
  ['', 'CPU ms a second', 'user', 'system', 'RSS MiB', 'anon'],
  [
    await measure('eudaemon, default', await startAgent(tempDir(), {})),
    await measure('eudaemon, logs only', await startAgent(tempDir(), { collectors: logsOnly })),
    await measure('rsyslog', start('rsyslogd', ['-n', '-f', rsyslogConfig, '-i', `${rsyslogConfig}.pid`])),
  ],
);
