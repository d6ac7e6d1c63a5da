// `eudaemon test-alert`: has the running agent tell everybody whom it would tell of an alert.

import { join } from 'node:path';
import type { Tested } from '../control/alerting.ts';
import { CONTROL_SOCKET } from '../control/messages.ts';
import { CONFIG, readOptions } from './args.ts';
import { readAgent } from './config.ts';
import { post } from './control.ts';
import type { Command } from './index.ts';

export const testAlert: Command = {
  summary: 'tells whom exporters.alert names that this is a test',
  usage: `eudaemon test-alert [--config FILE]

  -c, --config FILE  whose agent tells them

Exit: 0 when all have heard it, 1 when one has not, or nobody is named.`,
  async run(argv) {
    const { config } = readOptions('test-alert', argv, CONFIG);
    const { run_dir } = readAgent(config, process.env);
    const { text } = await post(join(run_dir, CONTROL_SOCKET), '/-/test-alert');
    const tested = JSON.parse(text) as Tested[];
    if (tested.length === 0) process.stdout.write('nobody is told: exporters.alert names no target\n');
    for (const { target, error } of tested)
      process.stdout.write(`${target}: ${error === undefined ? 'told' : `failed: ${error}`}\n`);
    return tested.length > 0 && tested.every(({ error }) => error === undefined) ? 0 : 1;
  },
};
