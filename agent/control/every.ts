// A small chore of the agent, done now and then while it runs and once more at the end.

import type { Actor } from './group.ts';

export function every(name: string, ms: number, chore: () => void, last: () => void | Promise<void>): Actor {
  let timer: NodeJS.Timeout | undefined;
  return {
    name,
    async start() {
      timer = setInterval(chore, ms);
    },
    async stop() {
      clearInterval(timer);
      chore();
      await last();
    },
  };
}
