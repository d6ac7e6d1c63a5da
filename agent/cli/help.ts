// `eudaemon help [COMMAND]`.

import { type Command, commands, unknownCommand } from './index.ts';

export const help: Command = {
  summary: 'this page, or the page of a command',
  usage: 'eudaemon help [COMMAND]',
  async run([name]) {
    if (name !== undefined) {
      if (!Object.hasOwn(commands, name)) throw unknownCommand(name);
      const command = await commands[name]!();
      process.stdout.write(`${command.summary}\n\nUsage: ${command.usage}\n`);
      return 0;
    }
    const lines = await Promise.all(
      Object.entries(commands).map(async ([each, load]) => `  ${each.padEnd(11)} ${(await load()).summary}`),
    );
    process.stdout.write(
      `eudaemon watches the daemons of this host: their logs, processes, health and deaths.\n\nUsage: eudaemon [COMMAND] [OPTIONS]\n\n${lines.join('\n')}\n\nWithout a command it runs the agent. 'eudaemon help COMMAND' tells more.\n`,
    );
    return 0;
  },
};
