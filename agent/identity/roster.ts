// Who of a daemon lives, who began and who ended since the last look. Pure.

import type { Instance, ProcessFacts } from '../core/daemon.ts';

/** Of a process that lived between two looks, only the facts. */
export type Member = ProcessFacts & Partial<Instance>;

export interface Changes {
  readonly began: readonly Member[];
  readonly ended: readonly Member[];
  /** How many of those that began took the place of one that had ended. */
  readonly restarts: number;
}

export interface Roster {
  readonly instances: readonly Instance[];
  /** Tops of process trees. */
  readonly tops: readonly Instance[];
  /** Takes what lives now. What stood in the first list has begun before. */
  update(instances: readonly Instance[]): Changes;
  /** Takes an end told by somebody else, also of a process no list has named; undefined when it is of no account. */
  end(process: ProcessFacts): Changes | undefined;
}

const keyOf = ({ pid, startTicks }: ProcessFacts): string => `${pid}:${startTicks}`;

export function createRoster(): Roster {
  let living: readonly Instance[] = [];
  let known = new Set<string>();
  /** Tops from their beginning: a child left behind by its parent is a top as well, but it has not begun as one. */
  const mains = new Map<string, Instance>();
  let ended = 0;
  let first = true;

  const replace = (began: number): number => {
    const restarts = Math.min(ended, began);
    ended -= restarts;
    return restarts;
  };

  return {
    get instances() {
      return living;
    },
    get tops() {
      return living.filter(instance => instance.claimed);
    },
    update(instances) {
      const keys = new Set(instances.map(keyOf));
      const began = instances.filter(instance => instance.claimed && !known.has(keyOf(instance)));
      const gone = [...mains].filter(([key]) => !keys.has(key));
      for (const [key] of gone) mains.delete(key);
      for (const instance of instances) {
        const key = keyOf(instance);
        if (mains.has(key) || (instance.claimed && !known.has(key))) mains.set(key, instance);
      }
      living = instances;
      known = keys;
      ended += gone.length;
      const changes = {
        began: first ? [] : began,
        ended: gone.map(([, instance]) => instance),
        restarts: replace(began.length),
      };
      first = false;
      return changes;
    },
    end(process) {
      const key = keyOf(process);
      const main = mains.get(key);
      if (!main && known.has(key)) return undefined;
      mains.delete(key);
      living = living.filter(instance => keyOf(instance) !== key);
      // A life between two looks.
      const began = main ? [] : [process];
      const restarts = replace(began.length);
      ended++;
      return { began, ended: [main ?? process], restarts };
    },
  };
}
