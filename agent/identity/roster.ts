// Who of a daemon lives, who began and who ended since the last look. Pure.

import type { Instance, ProcessFacts } from '../core/daemon.ts';
import { AWAITED_MS } from '../core/exit.ts';
import { createLiving, type Living } from './living.ts';

/** Of a process that lived between two looks, only the facts. */
export type Member = ProcessFacts & Partial<Instance>;

export interface Changes {
  readonly began: readonly Member[];
  readonly ended: readonly Member[];
  /** How many of those that began took the place of one that had ended. */
  readonly restarts: number;
  /** Has begun before the one that ended, to take its place. */
  readonly heir?: Member;
}

export interface Roster {
  /** Whose tops are those of process trees, but for what a top has left over. */
  readonly living: Pick<Living, 'instances' | 'tops' | 'running' | 'oldest' | 'youngest' | 'every'>;
  /** What tops that have ended have left over. */
  readonly leftOver: readonly Instance[];
  /**
   * Takes what lives now. What stood in the first list has begun before. With `awaitedAt`, monotonic ms, a top that is
   * missing is given until a list `AWAITED_MS` later for its end to be told, and who may have taken its place begins behind
   * that. One that is missing and `lives` has not ended: it is no longer one of these.
   */
  update(
    instances: readonly Instance[],
    awaitedAt?: number,
    lives?: (process: ProcessFacts) => boolean,
  ): Changes;
  /** Takes a beginning told by somebody else. */
  begin(instance: Instance): Changes;
  /**
   * Takes an end told by somebody else, also of a process no list has named; undefined when it is of no account. `heirs`
   * when it ended well and what it leaves in its session goes on as instances of its own, `handedOver` when all does and it
   * was none itself; `at` in Unix ms.
   */
  end(
    process: ProcessFacts,
    how?: { readonly heirs?: boolean; readonly handedOver?: boolean; readonly at?: number },
  ): Changes | undefined;
}

/**
 * Who ends well within this beside others, in nobody's place, was no instance: a daemon's program also tests its
 * configuration, or tells the others to read it again. So does, while nobody is there, the first that no list has named.
 */
export const COMMAND_MS = 10_000;
/** Who is told to have begun, in nobody's place, within this of another's good end has taken its place: so daemons reload. */
const RELIEF_MS = 10_000;

const keyOf = ({ pid, startTicks }: ProcessFacts): string => `${pid}:${startTicks}`;

/** More than a host ends while nobody tells it; without a bound, those never told would stay. */
const MAX_OVERDUE = 256;

const UNCHANGED: Changes = { began: [], ended: [], restarts: 0 };

const isEqual = (a: readonly Instance[], b: readonly Instance[]): boolean =>
  a === b || (a.length === b.length && a.every((each, i) => each === b[i]));

/** Of thousands nearly always few, or none. */
const among = (
  all: ReadonlyMap<string, Instance>,
  is: (key: string, instance: Instance) => boolean,
): [key: string, instance: Instance][] => {
  const found: [string, Instance][] = [];
  for (const [key, instance] of all) if (is(key, instance)) found.push([key, instance]);
  return found;
};

/** `vacant`: how many have ended before the first list; who stands in it has taken their place. */
export function createRoster(vacant = 0): Roster {
  const living = createLiving();
  let known = new Set<string>();
  /** Tops from their beginning: a child left behind by one that crashed is a top as well, but it is only left over. */
  const mains = new Map<string, Instance>();
  /** Mains that began in the place of one that had ended. */
  const placed = new Set<string>();
  /** The others, until one ends well so much later that they cannot have begun to take its place. */
  const unplaced = new Set<string>();
  /** Mains that were missing in the last list, and since when. */
  let missing = new Map<string, number>();
  /** Who may stand in the place of those: it has not begun yet, or nobody would know whose place it took. */
  let successors = new Map<string, Instance>();
  /** Mains that have ended by lists alone: when it is told after all, that is no other end. */
  const overdue = new Set<string>();
  /** Tops that have outlived the top above them, and do not go on in its place. */
  const leftOver = new Set<string>();
  /**
   * Mains that have handed over; each stands for who goes on in its place, which is no restart, until that is told. Whether
   * it had begun in the place of another.
   */
  const leaving = new Map<string, boolean>();
  let ended = vacant;
  let first = true;
  /** Tops that were children in the last list go on in the place of those that ended: all, or those of these sessions. */
  let heirs = false;
  const sessions = new Set<number>();

  const isTop = (key: string, { claimed }: Instance): boolean => claimed && !leftOver.has(key);
  const live = (key: string, instance: Instance) => living.set(key, instance, isTop(key, instance));
  const enter = (key: string, main: Instance) => {
    if (!mains.has(key)) unplaced.add(key);
    mains.set(key, main);
  };
  const place = (key: string) => {
    placed.add(key);
    unplaced.delete(key);
  };
  /** Whether it was placed. */
  const exit = (key: string): boolean => {
    mains.delete(key);
    unplaced.delete(key);
    return placed.delete(key);
  };
  const succeed = (): Instance[] => {
    const [next] = successors;
    if (next === undefined) return [];
    const [key, instance] = next;
    successors.delete(key);
    enter(key, instance);
    known.add(key);
    tried = false;
    live(key, instance);
    return [instance];
  };
  /** Who goes on for those that have handed over is told, or gone as well. */
  const leave = () => {
    for (const key of leaving.keys()) living.delete(key);
    leaving.clear();
  };
  /** Such a command has been there since the last one began. */
  let tried = false;
  /** `launched`: the first of them go on for these of `leaving`. */
  const replace = (began: readonly ProcessFacts[], launched: readonly boolean[] = []): number => {
    const restarts = Math.min(ended, Math.max(0, began.length - launched.length));
    ended -= restarts;
    const taken = [...launched, ...Array(restarts).fill(true)];
    for (const [i, each] of began.entries()) if (taken[i]) place(keyOf(each));
    return restarts;
  };
  const isCommand = (key: string, main: Instance | undefined, at: number): boolean => {
    const here = living.get(key);
    const beside = living.running > (here && isTop(key, here) ? 1 : 0);
    if (main) return beside && !placed.has(key) && at - main.startedAt * 1000 < COMMAND_MS;
    if (beside && ended === 0) return true;
    const isFirst = !tried;
    tried = true;
    return isFirst;
  };
  const reliefOf = (main: Instance, at: number): Instance | undefined => {
    for (const key of unplaced) {
      const each = mains.get(key)!;
      const before = at - each.startedAt * 1000;
      if (before >= RELIEF_MS) unplaced.delete(key);
      else if (each.startedAt > main.startedAt && before > -RELIEF_MS) return each;
    }
    return undefined;
  };

  return {
    living,
    get leftOver() {
      return leftOver.size === 0 ? [] : living.instances.filter(each => leftOver.has(keyOf(each)));
    },
    update(instances, awaitedAt, lives = () => false) {
      if (
        !first &&
        !heirs &&
        sessions.size === 0 &&
        missing.size === 0 &&
        isEqual(instances, living.instances)
      )
        return UNCHANGED;
      // A successor that is missing has lived all the same.
      const here = new Map(successors);
      for (const each of instances) here.set(keyOf(each), each);
      const absent = among(mains, key => !here.has(key));
      const isLate = (key: string) =>
        awaitedAt !== undefined && awaitedAt - (missing.get(key) ?? awaitedAt) < AWAITED_MS;
      const late = absent.filter(([key]) => isLate(key));
      const gone = absent.filter(([key]) => !isLate(key));
      const over = gone.map(([, instance]) => instance).filter(instance => !lives(instance));
      const fresh = among(here, (key, { claimed }) => claimed && !known.has(key));
      const vacant = ended + over.length;
      successors = new Map(fresh.slice(vacant, vacant + late.length));
      const began = fresh.filter(([key]) => !successors.has(key));
      for (const key of successors.keys()) here.delete(key);
      const keys = new Set(here.keys());
      missing = new Map(late.map(([key]) => [key, missing.get(key) ?? awaitedAt!]));
      for (const [key] of gone) {
        exit(key);
        if (awaitedAt !== undefined) overdue.add(key);
      }
      for (const key of overdue) {
        if (overdue.size <= MAX_OVERDUE) break;
        overdue.delete(key);
      }
      const parents = new Set(gone.length > 0 ? instances.map(({ ppid }) => ppid) : []);
      ended = first && instances.length > 0 ? 0 : ended + over.length;
      const theirs = new Set(gone.map(([, { session }]) => session));
      for (const [key, instance] of here) {
        const { pid, session, claimed } = instance;
        const beside = session === undefined || theirs.has(undefined) || theirs.has(session);
        // Nobody knows how the top ended; what has children of its own goes on as one, and so does all when none has ended.
        const heir =
          !leftOver.has(key) &&
          (heirs || sessions.has(session!) || (beside && parents.has(pid)) || over.length < gone.length);
        if (mains.has(key) || (claimed && (heir || !known.has(key)))) {
          if (!mains.has(key) && known.has(key) && ended > 0) ended--;
          if (!mains.has(key)) tried = false;
          enter(key, instance);
        } else if (claimed && late.length === 0 && !(beside && gone.length > 0)) leftOver.add(key);
      }
      for (const key of leftOver) if (!keys.has(key)) leftOver.delete(key);
      if (late.length === 0) {
        heirs = false;
        sessions.clear();
      }
      const launched = [...leaving.values()];
      leaving.clear();
      if (here.size === instances.length && late.length === 0) living.take(here, isTop, instances);
      else living.take(new Map([...here, ...late]), isTop);
      for (const [key] of late) keys.add(key);
      known = keys;
      const started = began.map(([, instance]) => instance);
      const changes = {
        began: first ? [] : started,
        ended: over,
        restarts: replace(started, launched),
      };
      first = false;
      return changes;
    },
    begin(instance) {
      const key = keyOf(instance);
      if (mains.has(key)) return UNCHANGED;
      successors.delete(key);
      const launched = [...leaving.values()];
      leave();
      const before = living.get(key);
      enter(key, instance);
      known.add(key);
      leftOver.delete(key);
      tried = false;
      live(key, before ? { ...before, claimed: true } : instance);
      if (before) return UNCHANGED;
      return { began: [instance], ended: [], restarts: replace([instance], launched) };
    },
    end(process, { heirs: well = false, handedOver = false, at = 0 } = {}) {
      const key = keyOf(process);
      const main = mains.get(key);
      successors.delete(key);
      if (overdue.delete(key) || (!main && known.has(key))) return undefined;
      const command = well && !handedOver && isCommand(key, main, at);
      const wasPlaced = exit(key);
      if (main && handedOver) leaving.set(key, wasPlaced);
      else {
        if (!main) leave();
        living.delete(key);
      }
      if (command) return undefined;
      if (well && main?.session !== undefined && !handedOver) sessions.add(main.session);
      else heirs ||= well;
      if (handedOver) return undefined;
      if (main) {
        const heir = well ? reliefOf(main, at) : undefined;
        if (heir) {
          place(keyOf(heir));
          return { began: [], ended: [main], restarts: 1, heir };
        }
        ended++;
        const began = succeed();
        return { began, ended: [main], restarts: replace(began) };
      }
      // A life between two looks.
      const restarts = replace([process]);
      placed.delete(key);
      ended++;
      return { began: [process], ended: [process], restarts };
    },
  };
}
