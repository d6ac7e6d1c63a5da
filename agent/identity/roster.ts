// Who of a daemon lives, who began and who ended since the last look. Pure.

import type { Instance, ProcessFacts } from '../core/daemon.ts';
import { isSameProcess } from '../core/procstat.ts';

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

/** More than a host ends while nobody tells it; without a bound, those never told would stay. */
const MAX_OVERDUE = 256;

const UNCHANGED: Changes = { began: [], ended: [], restarts: 0 };

const isEqual = (a: readonly Instance[], b: readonly Instance[]): boolean =>
  a === b || (a.length === b.length && a.every((each, i) => each === b[i]));

export function createRoster(): Roster {
  let living: readonly Instance[] = [];
  let tops: readonly Instance[] = [];
  let known = new Set<string>();
  /** Tops from their beginning: a child left behind by one that crashed is a top as well, but it is only left over. */
  const mains = new Map<string, Instance>();
  /** Mains that were missing in the last list. */
  let missing = new Set<string>();
  /** Mains that have ended by two lists: when it is told after all, that is no other end. */
  const overdue = new Set<string>();
  let ended = 0;
  let first = true;
  /** Tops that were children in the last list go on in the place of their parent. */
  let heirs = false;

  const live = (instances: readonly Instance[]) => {
    living = instances;
    tops = instances.filter(instance => instance.claimed);
  };
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
      return tops;
    },
    update(instances, awaited = false) {
      if (!first && !heirs && missing.size === 0 && isEqual(instances, living)) return UNCHANGED;
      const keyed = instances.map(instance => [keyOf(instance), instance] as const);
      const keys = new Set(keyed.map(([key]) => key));
      const began = keyed.filter(([key, { claimed }]) => claimed && !known.has(key));
      const absent = [...mains].filter(([key]) => !keys.has(key));
      const late = absent.filter(([key]) => awaited && !missing.has(key));
      const gone = absent.filter(([key]) => !awaited || missing.has(key));
      missing = new Set(late.map(([key]) => key));
      for (const [key] of gone) {
        mains.delete(key);
        if (awaited) overdue.add(key);
      }
      for (const key of overdue) {
        if (overdue.size <= MAX_OVERDUE) break;
        overdue.delete(key);
      }
      const parents = new Set(gone.length > 0 ? instances.map(({ ppid }) => ppid) : []);
      for (const [key, instance] of keyed) {
        // Nobody knows how the top ended; what has children of its own goes on as one.
        const heir = heirs || parents.has(instance.pid);
        if (mains.has(key) || (instance.claimed && (heir || !known.has(key)))) mains.set(key, instance);
      }
      if (late.length === 0) heirs = false;
      live(late.length === 0 ? instances : [...instances, ...late.map(([, instance]) => instance)]);
      for (const [key] of late) keys.add(key);
      known = keys;
      ended += gone.length;
      const changes = {
        began: first ? [] : began.map(([, instance]) => instance),
        ended: gone.map(([, instance]) => instance),
        restarts: replace(began.length),
      };
      first = false;
      return changes;
    },
    begin(instance) {
      const key = keyOf(instance);
      const before = living.find(each => isSameProcess(each, instance));
      if (mains.has(key)) return UNCHANGED;
      mains.set(key, instance);
      known.add(key);
      if (before) {
        live(living.map(each => (each === before ? { ...before, claimed: true } : each)));
        return UNCHANGED;
      }
      live([...living, instance]);
      return { began: [instance], ended: [], restarts: replace(1) };
    },
    end(process, how = {}) {
      const key = keyOf(process);
      const main = mains.get(key);
      if (overdue.delete(key) || (!main && known.has(key))) return undefined;
      mains.delete(key);
      live(living.filter(each => !isSameProcess(each, process)));
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
