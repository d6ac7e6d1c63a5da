// Who of a daemon lives. One of thousands that comes or goes costs no more than one of few: lists are made when somebody
// asks for them. Pure.

import type { Instance } from '../core/daemon.ts';

/** By a key of their own, in the order they came in. */
export interface Living {
  /** The same lists while nobody is another. */
  readonly instances: readonly Instance[];
  readonly tops: readonly Instance[];
  /** How many tops. */
  readonly running: number;
  /** When the first and the last top began, Unix ms; Infinity and -Infinity without any. */
  readonly oldest: number;
  readonly youngest: number;
  /** Whether this is so of each top. */
  every(holds: (top: Instance) => boolean): boolean;
  get(key: string): Instance | undefined;
  /** Takes the place of any that had the key. */
  set(key: string, instance: Instance, top: boolean): void;
  delete(key: string): void;
  /** Takes these instead of all; `list` when it has the same. */
  take(
    all: Map<string, Instance>,
    isTop: (key: string, instance: Instance) => boolean,
    list?: readonly Instance[],
  ): void;
}

export function createLiving(): Living {
  let all = new Map<string, Instance>();
  let instances: readonly Instance[] | undefined;
  const tops = new Set<Instance>();
  let topList: readonly Instance[] | undefined;
  /** Tops, the youngest last, and some that have gone; made when somebody asks. */
  let byAge: Instance[] | undefined;

  const leave = (instance: Instance | undefined) => {
    instances = undefined;
    if (instance && tops.delete(instance)) topList = undefined;
  };
  const join = (top: Instance) => {
    tops.add(top);
    topList = undefined;
    if (!byAge) return;
    // Nearly always it is the youngest.
    let at = byAge.length;
    while (at > 0 && byAge[at - 1]!.startedAt > top.startedAt) at--;
    byAge.splice(at, 0, top);
  };

  return {
    get instances() {
      instances ??= [...all.values()];
      return instances;
    },
    get tops() {
      topList ??= [...tops];
      return topList;
    },
    get running() {
      return tops.size;
    },
    get oldest() {
      let oldest = Infinity;
      for (const { startedAt } of tops) oldest = Math.min(oldest, startedAt * 1000);
      return oldest;
    },
    get youngest() {
      byAge ??= [...tops].sort((a, b) => a.startedAt - b.startedAt);
      while (byAge.length > 0 && !tops.has(byAge.at(-1)!)) byAge.pop();
      return (byAge.at(-1)?.startedAt ?? -Infinity) * 1000;
    },
    every: holds => tops.values().every(holds),
    get: key => all.get(key),
    set(key, instance, top) {
      leave(all.get(key));
      all.set(key, instance);
      if (top) join(instance);
    },
    delete(key) {
      leave(all.get(key));
      all.delete(key);
    },
    take(next, isTop, list) {
      all = next;
      instances = list;
      tops.clear();
      topList = byAge = undefined;
      for (const [key, instance] of all) if (isTop(key, instance)) tops.add(instance);
    },
  };
}
