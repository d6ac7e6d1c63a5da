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
const COUNTERS = 8;
const INHERITED = 6;

/** What /proc says of a process now. */
export interface Usage {
  readonly pid: number;
  readonly ppid: number;
  readonly startTicks: number;
  readonly daemon: string;
  /** By counter, what the process used itself; NaN where unknown. READ and WRITTEN hold what it inherited as well. */
  readonly own: readonly number[];
  /** By counter up to MAJOR_FAULTS, what ended children used. */
  readonly inherited: readonly number[];
  /** Began under our eyes: what its children used before it was first seen counts. */
  readonly fresh: boolean;
}

export interface Tally {
  /** Takes all processes of all daemons of one cycle. */
  update(usages: readonly Usage[]): void;
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
  readonly reaped: number;
}

/**
 * A process adds what it has grown by since the last cycle. When a child ends its counters move into its parent's
 * inherited ones; of these only what had not been counted while it lived is new.
 */
export function createTally(): Tally {
  const totals = new Map<string, Float64Array>();
  let tracked = new Map<number, Tracked>();

  const totalOf = (daemon: string): Float64Array => {
    let total = totals.get(daemon);
    if (!total) {
      total = new Float64Array(COUNTERS);
      totals.set(daemon, total);
    }
    return total;
  };

  return {
    totals: totalOf,
    update(usages) {
      const next = new Map<number, Tracked>();
      for (const { pid, ppid, startTicks, inherited } of usages)
        next.set(pid, {
          pid,
          ppid,
          startTicks,
          whole: new Float64Array(COUNTERS),
          reaped: inherited[MINOR_FAULTS]!,
        });
      const counted = countedBefore(tracked, next);
      for (const usage of usages) {
        const now = next.get(usage.pid)!;
        const before = same(tracked.get(usage.pid), now);
        // A parent that does not wait for its children inherits nothing.
        const known = before && now.reaped > before.reaped ? counted.get(usage.pid) : undefined;
        add(totalOf(usage.daemon), usage, before?.whole, known, now.whole);
      }
      tracked = next;
    },
  };
}

const MAX_DEPTH = 64;

const same = (a: Tracked | undefined, b: Tracked): Tracked | undefined =>
  a?.startTicks === b.startTicks ? a : undefined;

/** By pid of the nearest ancestor that still lives: what the processes that have gone had been counted for. */
function countedBefore(
  tracked: ReadonlyMap<number, Tracked>,
  next: ReadonlyMap<number, Tracked>,
): Map<number, Float64Array> {
  const counted = new Map<number, Float64Array>();
  const lives = (process: Tracked) => same(next.get(process.pid), process) !== undefined;
  for (const gone of tracked.values()) {
    if (lives(gone)) continue;
    let heir = tracked.get(gone.ppid);
    for (let depth = 0; heir && !lives(heir) && depth < MAX_DEPTH; depth++) heir = tracked.get(heir.ppid);
    if (!heir || !lives(heir)) continue;
    const sum = counted.get(heir.pid) ?? new Float64Array(COUNTERS);
    for (let i = 0; i < INHERITED; i++) sum[i]! += gone.whole[i]!;
    counted.set(heir.pid, sum);
  }
  return counted;
}

/** Adds the growth of one process to its daemon's total and leaves its counters in `whole`. */
function add(
  total: Float64Array,
  usage: Usage,
  before: Float64Array | undefined,
  counted: Float64Array | undefined,
  whole: Float64Array,
): void {
  for (let i = 0; i < COUNTERS; i++) {
    const own = usage.own[i]!;
    const inherited = usage.inherited[i] ?? 0;
    const known = before?.[i] ?? 0;
    if (Number.isNaN(own)) {
      whole[i] = known;
      continue;
    }
    whole[i] = own + inherited;
    if (!before) total[i]! += usage.fresh ? whole[i]! : own;
    else total[i]! += Math.max(0, whole[i]! - known - (counted?.[i] ?? 0));
  }
}
