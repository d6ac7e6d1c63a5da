// `eudaemon run`: the agent in the foreground, until a signal ends it.

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT_SOCKET, type SyslogOptions } from '../../collectors/syslog/options.ts';
import { runAgent } from '../assemble.ts';
import type { Config } from '../config/index.ts';
import { createLog } from '../control/log.ts';
import { causeOf, UsageError } from '../core/errors.ts';
import { VERSION } from '../core/version.ts';
import { foreignPids } from '../identity/namespace.ts';
import { proveWeb } from '../web.ts';
import { readConfig } from './config.ts';
import type { Command } from './index.ts';

export const run: Command = {
  summary: 'run the agent in the foreground (the default)',
  usage: `eudaemon run [--config FILE]

Without --config the file is /etc/eudaemon/eudaemon.yaml, else the embedded default.
SIGTERM and SIGINT drain and stop; SIGHUP reloads the configuration; SIGUSR1 reopens output files.`,
  async run(argv) {
    const { config: file } = parse(argv);
    const load = async () => {
      const config = await readConfig(file, process.env);
      proveWeb(config);
      return config;
    };
    const config = await load();
    const foreign = foreignPids(config.agent.host_root, process.env, process.pid);
    if (foreign)
      createLog({ level: config.agent.log_level, format: config.agent.log_format })
        .room('identity')
        .warn(`${foreign.what}; unseen stays ${foreign.costs}; ${foreign.fix}`);
    const ready = (url: string) => {
      // A supervisor's journal wants lines of its own kind; a person wants to know where to look.
      if (!process.env['NOTIFY_SOCKET']) process.stdout.write(whereToLook(config, url));
    };
    return runAgent({ config, load, env: process.env, ready });
  },
};

/** The socket, the pages and the first command to try. */
function whereToLook(config: Config, url: string): string {
  const lines = [`eudaemon ${VERSION} is ready, pid ${process.pid}`];
  if (url) lines.push(`  console  ${url}/`, `  metrics  ${url}/metrics`);
  const syslog = config.collectors['syslog'] as SyslogOptions | false;
  if (syslog) {
    const [first] = syslog.listen;
    const path = first ? first.path : join(config.agent.run_dir, DEFAULT_SOCKET);
    if (path) lines.push(`  syslog   ${path}`, `  try      logger -u ${path} -t hello "a first line"`);
  }
  if (config.exporters['store']) lines.push('  logs     eudaemon logs hello');
  lines.push('  status   eudaemon status');
  return `${lines.join('\n')}\n`;
}

function parse(argv: string[]): { config?: string } {
  try {
    return parseArgs({ args: argv, options: { config: { type: 'string', short: 'c' } } }).values;
  } catch (error) {
    throw new UsageError(`run: ${causeOf(error)}`);
  }
}
