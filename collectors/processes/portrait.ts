// Processes as those who follow daemons want them: the same objects and lists from look to look, with figures that change in
// place, so that only who comes and goes costs more than a glance. Pure.

import type { Instance, ProcessFacts } from '../../agent/core/daemon.ts';
import type { Posture } from '../../agent/core/posture.ts';
import { hasEnded, isSameProcess } from '../../agent/core/procstat.ts';
import type { Kin } from './lineage.ts';
import type { Seen } from './look.ts';
import { fdShare } from './sums.ts';
import {
  INVOLUNTARY,
  MAJOR_FAULTS,
  MINOR_FAULTS,
  READ,
  SYSTEM,
  USER,
  type Usage,
  VOLUNTARY,
  WRITTEN,
} from './tally.ts';

/** The same while it is the same process, and runs for the same daemon, in the same place, as before. */
interface Portrait extends Usage {
  readonly own: number[];
  readonly inherited: number[];
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
export interface Found {
  /** Of all. */
  readonly usages: readonly Usage[];
  /** By pid, of those that live. */
  readonly kin: ReadonlyMap<number, Kin>;
  /** By daemon, of those that live. */
  readonly instances: ReadonlyMap<string, readonly Instance[]>;
}

export interface Portraits {
  /** Begins a look. */
  begin(): void;
  /** Adds a process to it; `began` in Unix seconds. */
  add(seen: Seen, claimed: boolean, began: number, posture: Posture | undefined): void;
  /** Ends the look, during which these have ended. */
  end(ended: readonly ProcessFacts[]): Found;
}

/** What began after `startedAt`, Unix seconds, is fresh. */
export function createPortraits(startedAt: number): Portraits {
  /** In the order of the look; those of the last one up to `count`, from there on of the one before. */
  const all: Portrait[] = [];
  let count = 0;
  let same = true;
  let known = new Map<number, Portrait>();
  let kin = new Map<number, Kin>();
  let instances = new Map<string, Instance[]>();

  const gather = (ended: readonly ProcessFacts[]) => {
    kin = new Map();
    instances = new Map();
    for (const portrait of all) {
      if (portrait.ended || ended.some(each => isSameProcess(each, portrait))) continue;
      kin.set(portrait.pid, portrait.kin);
      const list = instances.get(portrait.daemon);
      if (list) list.push(portrait.instance);
      else instances.set(portrait.daemon, [portrait.instance]);
    }
  };

  return {
    begin() {
      count = 0;
    },
    add(seen, claimed, began, posture) {
      const before = known.get(seen.stat.pid);
      const portrait =
        before && isOf(before, seen, claimed, began) ? before : draw(seen, claimed, began, startedAt);
      renew(portrait, seen, posture);
      same &&= all[count] === portrait;
      all[count++] = portrait;
    },
    end(ended) {
      same &&= all.length === count;
      all.length = count;
      if (!same) known = new Map(all.map(portrait => [portrait.pid, portrait]));
      if (!same || ended.length > 0) gather(ended);
      // Whoever was left out may be there still.
      same = ended.length === 0;
      return { usages: all, kin, instances };
    },
  };
}

const isOf = ({ kin, instance, ended }: Portrait, seen: Seen, claimed: boolean, began: number): boolean =>
  kin.process === seen.stat &&
  kin.daemon === seen.daemon &&
  kin.claimed === claimed &&
  instance.startedAt === began &&
  ended === hasEnded(seen.stat);

function draw({ stat, daemon }: Seen, claimed: boolean, began: number, startedAt: number): Portrait {
  const { pid, ppid, startTicks, comm, session, state } = stat;
  return {
    pid,
    ppid,
    startTicks,
    daemon,
    fresh: began >= startedAt,
    own: [],
    inherited: [],
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

/** Gives it the figures of now. */
function renew(
  { own, inherited, instance }: Portrait,
  { stat, figures }: Seen,
  posture: Posture | undefined,
): void {
  const { io, details, memory } = figures;
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
  instance.fdUsage = Number.isNaN(share) ? undefined : share;
  instance.posture = posture;
}
