// `eudaemon run`: the agent in the foreground, until a signal ends it.

import { writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_SOCKET, type SyslogOptions } from '../../collectors/syslog/options.ts';
import { type FileOptions, STDOUT } from '../../exporters/file/options.ts';
import { runAgent } from '../assemble.ts';
import type { Config } from '../config/index.ts';
import { createLog } from '../control/log.ts';
import { redirectOutput } from '../control/output.ts';
import { claimPidfile } from '../control/pidfile.ts';
import { causeOf } from '../core/errors.ts';
import { PROGRAM, VERSION } from '../core/version.ts';
import { unseenProcesses } from '../identity/namespace.ts';
import { sweepHeap } from '../native/sweep.ts';
import { CONFIG, readOptions } from './args.ts';
import { readConfig } from './config.ts';
import type { Command } from './index.ts';
import { createTeller } from './launch.ts';

const OPTIONS = { ...CONFIG, pidfile: { type: 'string' }, log: { type: 'string' } } as const;

export const run: Command = {
  summary: 'run the agent in the foreground (the default)',
  usage: `eudaemon run [--config FILE] [--pidfile FILE] [--log FILE]

Without --config the file is /etc/eudaemon/eudaemon.yaml, else the embedded default.
SIGTERM and SIGINT drain and stop; SIGHUP reloads the configuration; SIGUSR1 opens --log and output files again.

  -c, --config FILE     the configuration
      --pidfile FILE    write the pid there, and remove it at the end; two agents cannot have one pidfile
      --log FILE        append what would go to stdout and stderr to FILE

Exits 0 when it was told to stop and did so cleanly, 1 when it could not start or not go on, 78 when the configuration
is bad.`,
  async run(argv) {
    // Who is about to read its configuration and open its files need not be ended by whoever asks for that.
    for (const signal of ['SIGHUP', 'SIGUSR1']) process.on(signal, () => {});
    const tell = createTeller(process.env);
    try {
      const code = await begin(readOptions('run', argv, OPTIONS), tell);
      // What did not stop in time would hold the process for as long as it likes.
      if (code !== 0) process.exit(code);
      return code;
    } catch (error) {
      tell(error);
      throw error;
    }
  },
};

/** `tell` is called when the agent is ready. */
async function begin(
  { config: file, pidfile, log: output }: { config?: string; pidfile?: string; log?: string },
  tell: () => void,
): Promise<number> {
  const load = () => readConfig(file, process.env, true);
  const config = await load();
  takeName();
  const unseen = unseenProcesses(config.agent.host_root, process.env, process.pid);
  if (unseen)
    createLog({ level: config.agent.log_level, format: config.agent.log_format })
      .room('identity')
      .warn(`${unseen.what}; unseen stays ${unseen.costs}; ${unseen.fix}`);
  const redirect = output === undefined ? undefined : redirectOutput(output);
  const release = pidfile === undefined ? undefined : claimPidfile(pidfile);
  const ready = (url: string, faults: readonly string[]) => {
    tell();
    sweepHeap();
    // A supervisor's journal, and whoever reads JSON, want lines of their kind; a person wants to know where to look.
    if (process.env['NOTIFY_SOCKET'] || config.agent.log_format === 'json') return;
    const records = (config.exporters['file'] as FileOptions | undefined)?.path === STDOUT;
    greet(records ? 2 : 1, whereToLook(config, url, file, faults));
  };
  const reopen = () => {
    try {
      redirect?.();
    } catch (error) {
      process.stderr.write(`eudaemon: ${causeOf(error)}\n`);
    }
  };
  try {
    return await runAgent({ config, load, env: process.env, reopen, ready });
  } finally {
    release?.();
  }
}

/** Unlike `process.title`, which takes the place of the command line. */
function takeName(): void {
  try {
    writeFileSync('/proc/self/comm', PROGRAM);
  } catch {
    // Not Linux: it is called like its runtime.
  }
}

/** An agent whose greeting nobody hears, or whose log stands on a full disk, is none the worse. */
function greet(fd: number, text: string): void {
  try {
    writeSync(fd, text);
  } catch {
    // Nobody is there to tell.
  }
}

/** The socket, the pages and the first commands to try, which find this agent by the same `file`. */
function whereToLook(
  config: Config,
  url: string,
  file: string | undefined,
  faults: readonly string[],
): string {
  const named = file === undefined ? '' : ` --config ${/[^\w./-]/.test(file) ? JSON.stringify(file) : file}`;
  const lines =
    faults.length === 0
      ? [`eudaemon ${VERSION} is ready, pid ${process.pid}`]
      : [
          `eudaemon ${VERSION} runs, pid ${process.pid}, but is not ready`,
          ...faults.map(fault => `  ${fault}`),
        ];
  if (url) lines.push(`  console  ${url}/`, `  metrics  ${url}/metrics`);
  const syslog = config.collectors['syslog'] as SyslogOptions | false;
  if (syslog) {
    const [first] = syslog.listen;
    const path = first ? first.path : join(config.agent.run_dir, DEFAULT_SOCKET);
    if (path) lines.push(`  syslog   ${path}`, `  try      logger -u ${path} -t hello "a first line"`);
  }
  if (config.exporters['store']) lines.push(`  logs     eudaemon logs hello${named}`);
  lines.push(`  status   eudaemon status${named}`);
  return `${lines.join('\n')}\n`;
}
