// How the ends of daemons become known: told by the kernel as they happen, by descriptors of those known, or by the next
// look. Each tells the same as far as it knows.

import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { SamplerRoom } from '../../agent/core/collector.ts';
import type { Exit, Instance, ProcessFacts } from '../../agent/core/daemon.ts';
import { attempt, causeOf } from '../../agent/core/errors.ts';
import type { Stat } from '../../agent/core/procstat.ts';
import { loadNative } from '../../agent/native/index.ts';
import { watchByEvents } from './exits-netlink.ts';
import { watchByPidfd } from './exits-pidfd.ts';
import { watchBySample } from './exits-sample.ts';
import type { Kin, Told } from './lineage.ts';
import { createOom } from './oom.ts';
import type { ProcessesOptions } from './options.ts';
import { zombieStatus } from './zombie.ts';

export interface ExitSource {
  readonly name: 'netlink' | 'pidfd' | 'sample';
  /** Ends that a look notices will be told in a moment. */
  readonly awaited: boolean;
  /** Until it resolves, brief lives may be missed. */
  readonly begun?: Promise<unknown>;
  /** What a look has found, before it is reported. */
  seen(found: ReadonlyMap<number, Kin>, now: number): void;
  close(): Promise<void>;
}

export interface ExitRoom {
  readonly told: Told;
  /** Unix ms. */
  readonly now: () => number;
  /** Monotonic ms. */
  readonly elapsed: () => number;
  /** The process as /proc has it now; undefined when it is gone. */
  readonly look: (pid: number) => Stat | undefined;
  /** How one ended that is still a zombie, as wait(2) gives it; undefined when that cannot be told. */
  readonly zombie: (process: ProcessFacts) => number | undefined;
  /** Asks for a look ahead of time. */
  readonly lookSoon: () => void;
}

export interface Exits {
  readonly source: ExitSource;
  /** A look begins. */
  looking(): void;
  /** Who has ended since then. */
  readonly ended: readonly ProcessFacts[];
  seen(found: ReadonlyMap<number, Kin>, now: number): void;
  close(): Promise<void>;
}

/** The kernel's first pid namespace. Source: linux/proc_ns.h. */
const FIRST_PIDS = 'pid:[4026531836]';
const SIGKILL = 9;

/**
 * `lost` when the source can no longer be relied on: a full look must follow, and what is missing then is unknown.
 * Throws when the source that was asked for cannot be had.
 */
export function createExits(
  option: ProcessesOptions['exits'],
  room: SamplerRoom,
  host: {
    look(pid: number): Stat | undefined;
    lookSoon(): void;
    lost(): void;
    /** Before it is reported. */
    ended(daemon: string): void;
  },
): Exits {
  const { root, log, reports, now, elapsed } = room;
  const first = attempt(() => readlinkSync(join(root, 'proc/self/ns/pid'))) === FIRST_PIDS;
  const oom = createOom(root, first, now, () => Number(process.hrtime.bigint()) / 1e6);

  let ended: ProcessFacts[] = [];
  const told: Told = {
    began: kin => reports.began(now(), kin.daemon, instanceOf(kin)),
    ended(kin, exit) {
      ended.push(kin.process);
      const mayBe = exit.reason === 'unknown' || (exit.reason === 'signal' && exit.code === SIGKILL);
      const reason = mayBe && oom.killed(kin.process.pid, kin.startedAt) ? 'oom' : exit.reason;
      const known: Exit = reason === 'oom' ? { ...exit, reason, code: SIGKILL, signal: 'SIGKILL' } : exit;
      if (!exit.handedOver) host.ended(kin.daemon);
      reports.exited(now(), kin.daemon, kin.process, known);
    },
    killed({ process, startedAt, daemon }) {
      if (oom.killed(process.pid, startedAt)) reports.oomKilled(daemon);
    },
  };
  const exitRoom: ExitRoom = {
    told,
    now,
    elapsed,
    look: host.look,
    zombie: process => zombieStatus(root, process),
    lookSoon: host.lookSoon,
  };

  // Elsewhere a pid of ours may be somebody else below `root`.
  const samePids = attempt(() => readlinkSync(join(root, 'proc/self'))) === String(process.pid);

  const open = (): ExitSource => {
    if (option === 'sample') return watchBySample(exitRoom);
    let cause = `the agent's pids are not those below "${root}"`;
    const native = samePids
      ? loadNative(text => {
          cause = text;
        })
      : undefined;
    if (option !== 'pidfd') {
      try {
        if (!native) throw new Error(cause);
        return watchByEvents(native, exitRoom, room, host.lost);
      } catch (error) {
        cause = causeOf(error);
        if (option === 'netlink')
          throw new Error(
            `cannot be told of processes by the kernel: ${cause}; run the agent on the host or with its pid and network namespace and CAP_NET_ADMIN, or set collectors.processes.exits to auto`,
            { cause: error },
          );
      }
    }
    const byPidfd = native && watchByPidfd(native, exitRoom);
    if (option === 'pidfd') {
      if (byPidfd) return byPidfd;
      throw new Error(
        `cannot watch processes by pidfd: ${native ? 'the kernel is older than Linux 5.3' : cause}; set collectors.processes.exits to auto`,
      );
    }
    const source = byPidfd || watchBySample(exitRoom);
    const unknown = source.name === 'pidfd' ? 'and before Linux 6.15 it is' : 'and it is';
    log.warn(
      `cannot be told of processes by the kernel: ${cause}; lives between two looks are missed, ${unknown} unknown how daemons ended: run the agent on the host or with its pid and network namespace and CAP_NET_ADMIN`,
    );
    return source;
  };

  let source: ExitSource;
  try {
    source = open();
  } catch (error) {
    oom.close();
    throw error;
  }
  return {
    source,
    looking() {
      ended = [];
    },
    get ended() {
      return ended;
    },
    seen(found, at) {
      source.seen(found, at);
      oom.look(found);
    },
    async close() {
      await source.close();
      oom.close();
    },
  };
}

/** As the roster takes it, with what the next look will add. */
const instanceOf = ({ process, startedAt, claimed }: Kin): Instance => ({
  pid: process.pid,
  ppid: process.ppid,
  startTicks: process.startTicks,
  comm: process.comm,
  state: 'S',
  claimed,
  startedAt: startedAt / 1000,
});
