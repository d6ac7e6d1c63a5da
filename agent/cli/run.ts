// `eudaemon run`: the agent in the foreground, until a signal ends it.

import { parseArgs } from 'node:util';
import { runAgent } from '../assemble.ts';
import { causeOf, UsageError } from '../core/errors.ts';
import { readConfig } from './config.ts';
import type { Command } from './index.ts';

export const run: Command = {
  summary: 'run the agent in the foreground (the default)',
  usage: `eudaemon run [--config FILE]

Without --config the file is /etc/eudaemon/eudaemon.yaml, else the embedded default.
SIGTERM and SIGINT drain and stop; SIGHUP reloads the configuration; SIGUSR1 reopens output files.`,
  async run(argv) {
    const { config: file } = parse(argv);
    const load = () => readConfig(file, process.env);
    return runAgent({ config: await load(), load, env: process.env });
  },
};

function parse(argv: string[]): { config?: string } {
  try {
    return parseArgs({ args: argv, options: { config: { type: 'string', short: 'c' } } }).values;
  } catch (error) {
    throw new UsageError(`run: ${causeOf(error)}`);
  }
}
