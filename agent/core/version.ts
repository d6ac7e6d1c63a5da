// The version of the agent, as `eudaemon version`, the OTLP scope and build_info tell it; package.json has the same.

import type { Desc } from './metric.ts';

export const VERSION = '0.1.0';
/** What the kernel calls the agent's process, and so `ps` and `pgrep`. */
export const PROGRAM = 'eudaemon';

export const BUILD_INFO: Desc = {
  name: 'eudaemon.build_info',
  type: 'gauge',
  help: 'A constant 1 with the version of the agent and of its runtime.',
  labels: ['version', 'node'],
};
