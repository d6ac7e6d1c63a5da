// A process as those who follow daemons want it: the same objects from look to look while nothing of it changes, so that
// they see so at a glance. Pure.

import type { Instance } from '../../agent/core/daemon.ts';
import type { Posture } from '../../agent/core/posture.ts';
import type { Kin } from './lineage.ts';
import type { Seen } from './look.ts';
import { fdShare } from './sums.ts';
import type { Usage } from './tally.ts';

export interface Portrait {
  readonly seen: Seen;
  readonly usage: Usage;
  readonly instance: Instance;
  readonly kin: Kin;
}

export interface Portraits {
  /** `began` in Unix seconds. */
  of(seen: Seen, claimed: boolean, began: number, posture: Posture | undefined): Portrait;
  forget(pid: number): void;
}

/** What began after `startedAt`, Unix seconds, is fresh. */
export function createPortraits(startedAt: number): Portraits {
  const known = new Map<number, Portrait>();
  return {
    of(seen, claimed, began, posture) {
      const { pid } = seen.stat;
      const before = known.get(pid);
      if (
        before?.seen === seen &&
        before.instance.claimed === claimed &&
        before.instance.startedAt === began &&
        before.instance.posture === posture
      )
        return before;
      const portrait = {
        seen,
        usage: usageOf(seen, began >= startedAt),
        instance: instanceOf(seen, claimed, began, posture),
        kin: { process: seen.stat, daemon: seen.daemon, claimed, startedAt: began * 1000 },
      };
      known.set(pid, portrait);
      return portrait;
    },
    forget: pid => void known.delete(pid),
  };
}

function usageOf({ stat, daemon, figures: { details, io } }: Seen, fresh: boolean): Usage {
  const { pid, ppid, startTicks } = stat;
  return {
    pid,
    ppid,
    startTicks,
    daemon,
    fresh,
    own: [
      stat.userTicks,
      stat.systemTicks,
      stat.minorFaults,
      stat.majorFaults,
      io.read,
      io.written,
      details.voluntary,
      details.involuntary,
    ],
    inherited: [stat.childUserTicks, stat.childSystemTicks, stat.childMinorFaults, stat.childMajorFaults],
  };
}

function instanceOf(
  { stat, figures }: Seen,
  claimed: boolean,
  startedAt: number,
  posture: Posture | undefined,
): Instance {
  const { pid, ppid, startTicks, comm, state } = stat;
  const { resident } = figures.memory;
  const share = fdShare(figures);
  return {
    pid,
    ppid,
    startTicks,
    comm,
    state,
    claimed,
    startedAt,
    memory: Number.isNaN(resident) ? undefined : resident,
    fdUsage: Number.isNaN(share) ? undefined : share,
    posture,
  };
}
