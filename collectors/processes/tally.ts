// Counters of daemons out of counters of processes: they only grow, whoever exits, and nothing is counted twice.

/** Counters of one process. Those up to INHERITED pass to the parent when a child has ended and was waited for. */
export const USER = 0;
export const SYSTEM = 1;
export const MINOR_FAULTS = 2;
export const MAJOR_FAULTS = 3;
export const READ = 4;
export const WRITTEN = 5;
export const VOLUNTARY = 6;
export const INVOLUNTARY = 7;
export const COUNTERS = 8;
const INHERITED = 6;
/** Of these /proc tells apart what ended children used. */
export const TOLD_APART = 4;

/** What /proc says of a process now. */
export interface Usage {
  readonly pid: number;
  readonly ppid: number;
  readonly startTicks: number;
  readonly daemon: string;
  /** By counter, what the process used itself; NaN where unknown. READ and WRITTEN hold what it inherited as well. */
  readonly own: ArrayLike<number>;
  /** By counter up to MAJOR_FAULTS, what ended children used. */
  readonly inherited: ArrayLike<number>;
  /** Began under our eyes: what its children used before it was first seen counts. */
  readonly fresh: boolean;
}

export interface Tally {
  /**
   * Takes those of all daemons of whom something was read since, and those that have left: of all others what they have
   * used is what it was. Who runs for another daemon now may be in both.
   */
  update(usages: readonly Usage[], left: readonly Pick<Usage, 'pid' | 'startTicks'>[]): void;
  /** By counter; zeros for a daemon that never had a process. */
  totals(daemon: string): Readonly<Float64Array>;
}

interface Tracked {
  readonly pid: number;
  readonly startTicks: number;
  ppid: number;
  /** Own and inherited together, as last seen. */
  readonly whole: Float64Array;
  /** Minor faults of ended children: no process is without, so they grow with every child that is waited for. */
  reaped: number;
  gone: boolean;
}

/**
 * A process adds what it has grown by since it was last read. When a child ends its counters move into its parent's
 * inherited ones; of these only what had not been counted while it lived is new.
 */
export function createTally(): Tally {
  const totals = new Map<string, Float64Array>();
  const tracked = new Map<number, Tracked>();

  const totalOf = (daemon: string): Float64Array => {
    let total = totals.get(daemon);
    if (!total) {
      total = new Float64Array(COUNTERS);
      totals.set(daemon, total);
    }
    return total;
  };
  const take = (usage: Usage, counted: ReadonlyMap<number, Float64Array>) => {
    const { pid, ppid, startTicks, inherited } = usage;
    const before = tracked.get(pid);
    const reaped = inherited[MINOR_FAULTS]!;
    const now = before ?? { pid, startTicks, ppid, whole: new Float64Array(COUNTERS), reaped, gone: false };
    // A parent that does not wait for its children inherits nothing.
    const known = reaped > now.reaped ? counted.get(pid) : undefined;
    add(totalOf(usage.daemon), usage, before !== undefined, known, now.whole);
    now.ppid = ppid;
    now.reaped = reaped;
    if (!before) tracked.set(pid, now);
  };

  return {
    totals: totalOf,
    update(usages, left) {
      const mark = ({ pid, startTicks }: Pick<Usage, 'pid' | 'startTicks'>, gone: boolean) => {
        const before = tracked.get(pid);
        if (before?.startTicks === startTicks) before.gone = gone;
      };
      for (const each of left) mark(each, true);
      if (left.length > 0) for (const usage of usages) mark(usage, false);
      const gone = left.flatMap(({ pid }) => tracked.get(pid) ?? []).filter(each => each.gone);
      const counted = countedBefore(gone, tracked);
      for (const { pid } of gone) tracked.delete(pid);
      for (const usage of usages) take(usage, counted);
    },
  };
}

const MAX_DEPTH = 64;

/** By pid of the nearest ancestor that still lives: what the processes that have gone had been counted for. */
function countedBefore(
  gone: readonly Tracked[],
  tracked: ReadonlyMap<number, Tracked>,
): Map<number, Float64Array> {
  const counted = new Map<number, Float64Array>();
  for (const { ppid, whole } of gone) {
    let heir = tracked.get(ppid);
    for (let depth = 0; heir?.gone && depth < MAX_DEPTH; depth++) heir = tracked.get(heir.ppid);
    if (!heir || heir.gone) continue;
    const sum = counted.get(heir.pid) ?? new Float64Array(COUNTERS);
    for (let i = 0; i < INHERITED; i++) sum[i]! += whole[i]!;
    counted.set(heir.pid, sum);
  }
  return counted;
}

/** Adds the growth of one process, `known` from before, to its daemon's total, and leaves its counters in `whole`. */
function add(
  total: Float64Array,
  { own, inherited, fresh }: Usage,
  known: boolean,
  counted: Float64Array | undefined,
  whole: Float64Array,
): void {
  for (let i = 0; i < COUNTERS; i++) {
    const used = own[i]!;
    if (Number.isNaN(used)) continue;
    const now = i < TOLD_APART ? used + inherited[i]! : used;
    if (!known) total[i]! += fresh ? now : used;
    else total[i]! += Math.max(0, now - whole[i]! - (counted ? counted[i]! : 0));
    whole[i] = now;
  }
}
