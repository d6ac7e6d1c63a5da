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
  /**
   * Takes what lives now. What stood in the first list has begun before. With `awaited` a top that is missing is given
   * until the next list for its end to be told.
   */
  update(instances: readonly Instance[], awaited?: boolean): Changes;
  /** Takes a beginning told by somebody else. */
  begin(instance: Instance): Changes;
  /**
   * Takes an end told by somebody else, also of a process no list has named; undefined when it is of no account. `heirs`
   * when what it leaves goes on as instances of its own, `handedOver` when it was none itself.
   */
  end(
    process: ProcessFacts,
    how?: { readonly heirs?: boolean; readonly handedOver?: boolean },
  ): Changes | undefined;
}

const keyOf = ({ pid, startTicks }: ProcessFacts): string => `${pid}:${startTicks}`;

export function createRoster(): Roster {
  let living: readonly Instance[] = [];
  let known = new Set<string>();
  /** Tops from their beginning: a child left behind by one that crashed is a top as well, but it is only left over. */
  const mains = new Map<string, Instance>();
  /** Mains that were missing in the last list. */
  let missing = new Set<string>();
  let ended = 0;
  let first = true;
  /** Tops that were children in the last list go on in the place of their parent. */
  let heirs = false;

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
    update(instances, awaited = false) {
      const keys = new Set(instances.map(keyOf));
      const began = instances.filter(instance => instance.claimed && !known.has(keyOf(instance)));
      const absent = [...mains].filter(([key]) => !keys.has(key));
      const late = absent.filter(([key]) => awaited && !missing.has(key));
      const gone = absent.filter(([key]) => !awaited || missing.has(key));
      missing = new Set(late.map(([key]) => key));
      for (const [key] of gone) mains.delete(key);
      const parents = new Set(instances.map(({ ppid }) => ppid));
      for (const instance of instances) {
        const key = keyOf(instance);
        // Nobody knows how the top ended; what has children of its own goes on as one.
        const heir = heirs || (gone.length > 0 && parents.has(instance.pid));
        if (mains.has(key) || (instance.claimed && (heir || !known.has(key)))) mains.set(key, instance);
      }
      if (late.length === 0) heirs = false;
      living = [...instances, ...late.map(([, instance]) => instance)];
      known = new Set(living.map(keyOf));
      ended += gone.length;
      const changes = {
        began: first ? [] : began,
        ended: gone.map(([, instance]) => instance),
        restarts: replace(began.length),
      };
      first = false;
      return changes;
    },
    begin(instance) {
      const key = keyOf(instance);
      const before = living.find(each => keyOf(each) === key);
      if (mains.has(key)) return { began: [], ended: [], restarts: 0 };
      mains.set(key, instance);
      known.add(key);
      if (before) {
        living = living.map(each => (each === before ? { ...before, claimed: true } : each));
        return { began: [], ended: [], restarts: 0 };
      }
      living = [...living, instance];
      return { began: [instance], ended: [], restarts: replace(1) };
    },
    end(process, how = {}) {
      const key = keyOf(process);
      const main = mains.get(key);
      if (!main && known.has(key)) return undefined;
      mains.delete(key);
      living = living.filter(instance => keyOf(instance) !== key);
      heirs ||= how.heirs ?? false;
      if (how.handedOver) return undefined;
      // A life between two looks.
      const began = main ? [] : [process];
      const restarts = replace(began.length);
      ended++;
      return { began, ended: [main ?? process], restarts };
    },
  };
}
