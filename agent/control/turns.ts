// Changes of what runs: one at a time, and none any more once the agent stops.

import type { Actor } from './group.ts';

export interface Turns extends Actor {
  /** Rejects with what the change throws, and once the agent stops. */
  take(change: () => Promise<void>): Promise<void>;
}

/** As an actor it stops before all that changes: what was begun is waited for. */
export function createTurns(): Turns {
  let turn: Promise<void> = Promise.resolve();
  let isOver = false;
  return {
    name: 'changes',
    start: async () => {},
    async stop() {
      isOver = true;
      await turn;
    },
    take(change) {
      const changed = turn.then(() => {
        if (isOver) throw new Error('the agent is stopping');
        return change();
      });
      turn = changed.catch(() => {});
      return changed;
    },
  };
}
