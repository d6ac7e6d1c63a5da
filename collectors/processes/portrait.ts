// Processes as those who follow daemons want them: the same objects and lists from look to look, with figures that change in
// place, so that only who comes and goes costs more than a glance. Pure.

import type { Instance, ProcessFacts } from '../../agent/core/daemon.ts';
import { hasEnded, type Stat, TICKS_PER_SECOND } from '../../agent/core/procstat.ts';
import type { Kin } from './lineage.ts';
import type { Seen } from './look.ts';
import type { Setting } from './sample.ts';
import { createWeights, fdShare, type Weights, weigh } from './sums.ts';
import {
  COUNTERS,
  INVOLUNTARY,
  MAJOR_FAULTS,
  MINOR_FAULTS,
  READ,
  SYSTEM,
  TOLD_APART,
  USER,
  type Usage,
  VOLUNTARY,
  WRITTEN,
} from './tally.ts';

/** The same while it is the same process, and runs for the same daemon, in the same place, as before. */
interface Portrait extends Usage {
  readonly of: Seen;
  /** As `parseRights` gives them. */
  rights: number;
  /** Another object whenever everything of it was read. */
  setting: Setting;
  readonly own: Float64Array;
  readonly inherited: Float64Array;
  readonly weights: Weights;
  readonly ended: boolean;
  readonly instance: Instance & {
    state: Instance['state'];
    memory: Instance['memory'];
    fdUsage: Instance['fdUsage'];
    posture: Instance['posture'];
  };
  readonly kin: Kin;
}

/** What a look has found: the same maps and lists as in the last one when nobody in them is another. */
export interface Drawn {
  /** Of those of whom something was read. */
  readonly usages: readonly Usage[];
  /** The tops among them that run with other rights than before, or had their turn; all when somebody is another. */
  readonly tops: readonly Top[];
  /** Daemons of which something is to be added up anew. */
  readonly touched: ReadonlySet<string>;
  /** By pid, of those that live. */
  readonly kin: ReadonlyMap<number, Kin>;
  /** By daemon, of those that live. */
  readonly instances: ReadonlyMap<string, readonly Instance[]>;
}

/** A top of a tree that has not ended. */
export type Top = Pick<Portrait, 'of' | 'instance'>;

export interface Portraits {
  /** Begins a look; `boot` in Unix seconds. */
  begin(boot: number): void;
  /** One of whom something was read. */
  add(seen: Seen): void;
  /** Those who are there no longer. */
  leave(left: readonly Seen[]): void;
  /** Whether somebody is another, so that all have to be placed anew. */
  readonly moved: boolean;
  /** `claimed` when nobody of the same daemon has started it. */
  place(seen: Seen, claimed: boolean): void;
  /** Ends the look, during which these have ended. */
  end(ended: readonly ProcessFacts[]): Drawn;
  /** As of the last look. */
  readonly tops: readonly Top[];
  /** By daemon, of those that had not ended when they were looked at. */
  readonly weights: ReadonlyMap<string, readonly Weights[]>;
}

/** What began after `startedAt`, Unix seconds, is fresh. */
export function createPortraits(startedAt: number): Portraits {
  const known = new Map<number, Portrait>();
  let boot = Number.NaN;
  let moved = true;
  let read: Portrait[] = [];
  let due: Top[] = [];
  let touched = new Set<string>();
  let kin = new Map<number, Kin>();
  let instances = new Map<string, Instance[]>();
  let weights = new Map<string, Weights[]>();
  let tops: Top[] = [];

  const beganOf = ({ startTicks }: Stat) => boot + startTicks / TICKS_PER_SECOND;

  const gather = (ended: readonly ProcessFacts[]) => {
    const over = new Map(ended.map(({ pid, startTicks }) => [pid, startTicks]));
    kin = new Map();
    instances = new Map();
    weights = new Map();
    tops = [];
    for (const portrait of known.values()) {
      if (portrait.ended) continue;
      weights.getOrInsertComputed(portrait.daemon, () => []).push(portrait.weights);
      if (isTop(portrait)) tops.push(portrait);
      if (over.get(portrait.pid) === portrait.startTicks) continue;
      kin.set(portrait.pid, portrait.kin);
      instances.getOrInsertComputed(portrait.daemon, () => []).push(portrait.instance);
    }
  };

  return {
    begin(bootNow) {
      moved ||= boot !== bootNow;
      boot = bootNow;
    },
    add(seen) {
      const portrait = known.get(seen.stat.pid);
      if (portrait && isOf(portrait, seen)) {
        const { rights, setting } = portrait;
        if (renew(portrait)) touched.add(portrait.daemon);
        read.push(portrait);
        if ((portrait.rights !== rights || portrait.setting !== setting) && isTop(portrait))
          due.push(portrait);
      } else moved = true;
    },
    leave(left) {
      moved ||= left.length > 0;
      for (const seen of left) {
        touched.add(seen.daemon);
        if (known.get(seen.stat.pid)?.of === seen) known.delete(seen.stat.pid);
      }
    },
    get moved() {
      return moved;
    },
    place(seen, claimed) {
      const began = beganOf(seen.stat);
      const before = known.get(seen.stat.pid);
      if (
        before &&
        isOf(before, seen) &&
        before.kin.claimed === claimed &&
        before.instance.startedAt === began
      )
        return;
      const portrait = draw(seen, claimed, began, startedAt);
      renew(portrait);
      known.set(portrait.pid, portrait);
      read.push(portrait);
      touched.add(portrait.daemon);
    },
    end(ended) {
      const [usages, others, anew] = [read, moved ? undefined : due, touched];
      if (moved || ended.length > 0) gather(ended);
      read = [];
      due = [];
      touched = new Set();
      // Whoever was left out may be there still.
      moved = ended.length > 0;
      return { usages, tops: others ?? tops, touched: anew, kin, instances };
    },
    get tops() {
      return tops;
    },
    get weights() {
      return weights;
    },
  };
}

const isTop = ({ kin, ended }: Portrait): boolean => kin.claimed && !ended;

const isOf = ({ of, kin, ended }: Portrait, seen: Seen): boolean =>
  of === seen && kin.process === seen.stat && ended === hasEnded(seen.stat);

function draw(of: Seen, claimed: boolean, began: number, startedAt: number): Portrait {
  const { stat, daemon, figures } = of;
  const { pid, ppid, startTicks, comm, session, state } = stat;
  return {
    of,
    pid,
    ppid,
    startTicks,
    daemon,
    fresh: began >= startedAt,
    rights: 0,
    setting: figures.details.setting,
    own: new Float64Array(COUNTERS),
    inherited: new Float64Array(TOLD_APART),
    weights: createWeights(),
    ended: hasEnded(stat),
    instance: {
      pid,
      ppid,
      startTicks,
      comm,
      session,
      state,
      claimed,
      startedAt: began,
      memory: undefined,
      fdUsage: undefined,
      posture: undefined,
    },
    kin: { process: stat, daemon, claimed, startedAt: began * 1000 },
  };
}

/** Gives it the figures of now; whether the sums of its daemon are others for that. */
function renew(portrait: Portrait): boolean {
  const { own, inherited, instance } = portrait;
  const { stat, figures } = portrait.of;
  const { io, details, memory } = figures;
  portrait.rights = details.rights;
  portrait.setting = details.setting;
  own[USER] = stat.userTicks;
  own[SYSTEM] = stat.systemTicks;
  own[MINOR_FAULTS] = stat.minorFaults;
  own[MAJOR_FAULTS] = stat.majorFaults;
  own[READ] = io.read;
  own[WRITTEN] = io.written;
  own[VOLUNTARY] = details.voluntary;
  own[INVOLUNTARY] = details.involuntary;
  inherited[USER] = stat.childUserTicks;
  inherited[SYSTEM] = stat.childSystemTicks;
  inherited[MINOR_FAULTS] = stat.childMinorFaults;
  inherited[MAJOR_FAULTS] = stat.childMajorFaults;
  const share = fdShare(figures);
  instance.state = stat.state;
  instance.memory = Number.isNaN(memory.resident) ? undefined : memory.resident;
  // A number that is no integer is an object of its own.
  if (instance.fdUsage !== share) instance.fdUsage = Number.isNaN(share) ? undefined : share;
  return weigh(portrait.weights, stat, figures);
}
