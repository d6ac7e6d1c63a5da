// Ordered life: actors start one after another and stop in reverse, all of it within a deadline.

import { causeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';

export interface Actor {
  readonly name: string;
  start(): Promise<void>;
  /** `leftMs`: what is left until the deadline, for it and for those that stop after it. */
  stop(leftMs: number): Promise<void>;
}

export interface Group {
  /** Starts in order. When one fails, those already started are stopped and the error is thrown. */
  start(actors: readonly Actor[]): Promise<void>;
  /** Who is being started now. */
  readonly starting: string | undefined;
  /** Stops in reverse order. Resolves with false when the deadline passed or an actor failed to stop. */
  stop(deadlineMs: number): Promise<boolean>;
}

export function createGroup(log: Log): Group {
  const started: Actor[] = [];
  let starting: string | undefined;

  const stop = async (deadlineMs: number): Promise<boolean> => {
    let clean = true;
    const end = performance.now() + deadlineMs;
    for (const actor of started.splice(0).reverse()) {
      const left = Math.max(0, end - performance.now());
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<'late'>(resolve => {
        timer = setTimeout(resolve, left, 'late');
      });
      try {
        if ((await Promise.race([actor.stop(left), late])) === 'late') {
          clean = false;
          log.error(`cannot stop ${actor.name} in time: the shutdown deadline has passed`);
        }
      } catch (error) {
        clean = false;
        log.error(`cannot stop ${actor.name}: ${causeOf(error)}`);
      } finally {
        clearTimeout(timer);
      }
    }
    return clean;
  };

  return {
    async start(actors) {
      for (const actor of actors) {
        try {
          starting = actor.name;
          await actor.start();
          starting = undefined;
          started.push(actor);
        } catch (error) {
          await stop(5000);
          throw error;
        }
      }
    },
    get starting() {
      return starting;
    },
    stop,
  };
}
