// `eudaemon expect-down` and `expect-up`: tells the running agent that a daemon is, or is no longer, down on purpose.

import type { DaemonsView } from '../../console/api.ts';
import { UsageError } from '../core/errors.ts';
import { parseDuration } from '../core/units.ts';
import { CONFIG, readDaemon, undeclared } from './args.ts';
import { readAgent } from './config.ts';
import { ask, command } from './control.ts';
import type { Command } from './index.ts';

export const expectDown: Command = {
  summary: 'tells the agent that a daemon is down on purpose',
  usage: `eudaemon expect-down DAEMON [--for 1h] [--reason TEXT] [--config FILE]

      --for TIME     so long at most
      --reason TEXT  why, for who looks at it
  -c, --config FILE  whose agent is told

While it is down its state is "stopped", and the packaged alerts are silent about it. That ends after the given time,
or without one when it has come up again, or by 'eudaemon expect-up'. It is kept over restarts of the agent.`,
  async run(argv) {
    const { values, daemon } = parse('expect-down', argv);
    const ms = values.for === undefined ? undefined : parseDuration(values.for);
    if (values.for !== undefined && !ms)
      throw new UsageError(`expect-down: "${values.for}" is not a duration such as 30s, 10m or 1h`);
    const query = new URLSearchParams({
      daemon,
      ...(ms && { for: String(ms) }),
      ...(values.reason && { reason: values.reason }),
    });
    await tell('expect-down', query, values.config, daemon);
    const until = ms ? `for ${values.for}` : 'until it has come up again';
    process.stdout.write(`${daemon} is expected down ${until}\n`);
    return 0;
  },
};

export const expectUp: Command = {
  summary: 'takes back expect-down',
  usage: `eudaemon expect-up DAEMON [--config FILE]

  -c, --config FILE  whose agent is told`,
  async run(argv) {
    const { values, daemon } = parse('expect-up', argv);
    await tell('expect-up', new URLSearchParams({ daemon }), values.config, daemon);
    process.stdout.write(`${daemon} is expected up\n`);
    return 0;
  },
};

async function tell(
  what: string,
  query: URLSearchParams,
  config: string | undefined,
  daemon: string,
): Promise<void> {
  const agent = readAgent(config, process.env);
  const done = await command(agent.run_dir, `/-/${what}?${query}`);
  if (!done) throw undeclared(what, daemon, await ask<DaemonsView>(agent.run_dir, '/api/daemons'));
}

function parse(name: string, argv: string[]) {
  const { values, daemon } = readDaemon(name, argv, {
    for: { type: 'string' },
    reason: { type: 'string' },
    ...CONFIG,
  });
  if (daemon === undefined) throw new UsageError(`${name}: it takes one DAEMON`);
  return { values, daemon };
}
