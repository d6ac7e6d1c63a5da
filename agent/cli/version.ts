// `eudaemon version`.

import { UsageError } from '../core/errors.ts';
import { VERSION } from '../core/version.ts';
import type { Command } from './index.ts';

export const version: Command = {
  summary: 'the version of the agent and of its runtime',
  usage: 'eudaemon version',
  async run([given]) {
    if (given !== undefined) throw new UsageError(`version: it takes nothing, not "${given}"`);
    process.stdout.write(
      `eudaemon ${VERSION} (node ${process.version}, ${process.platform} ${process.arch})\n`,
    );
    return 0;
  },
};
