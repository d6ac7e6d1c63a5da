// A look at processes one by one, and no closer than needed. One that has not run since the last look is what it was then,
// but for what others do to it: its memory may be taken, and its parent may end.

import type { DaemonLookup } from '../../agent/core/daemon.ts';
import { hasEnded, isSameProcess, parseStat, type Stat } from '../../agent/core/procstat.ts';
import type { Reader } from './read.ts';
import { Depth, type Figures, readDetails, readFigures, readMemory } from './sample.ts';

/** The same object from look to look, as long as it is the same process of the same daemon. */
interface Process {
  /** Another one when its name or parent is. */
  stat: Stat;
  /** Undefined for one of nobody, as are its figures. */
  readonly daemon: string | undefined;
  readonly figures: Figures | undefined;
  /** As `Reader.cpuTime` gave it before anything was read. */
  cpuTime: number;
}

/** A process of a daemon. */
export interface Seen extends Process {
  readonly daemon: string;
  readonly figures: Figures;
}

/** Of so many looks each process has its turn in one, so that no look is much longer than the others. */
export interface Turns {
  /** For its details, if it has run since. */
  readonly details: number;
  /** For everything, whether it has run or not; a multiple. */
  readonly everything: number;
}

export interface Looker {
  /** Processes of daemons by pid, as they were last seen. */
  readonly seen: ReadonlyMap<number, Seen>;
  /** Whether a process, a daemon's or not, was alive in the last look. */
  lives(process: Pick<Stat, 'pid' | 'startTicks'>): boolean;
  /** Begins a look at these, which are all there are; one `ahead` of time is nobody's turn. */
  begin(
    pids: ReadonlySet<number>,
    ahead?: boolean,
  ): {
    at(pid: number): void;
    /** Forgets who is gone, and gives their pids. */
    end(): readonly number[];
  };
}

export function createLooker(reader: Reader, daemons: Pick<DaemonLookup, 'ofProcess'>, turns: Turns): Looker {
  const known = new Map<number, Process>();
  const seen = new Map<number, Seen>();
  let looks = 0;

  const daemonOf = (stat: Stat) => (stat.kernelThread ? undefined : daemons.ofProcess(stat));

  const depthOf = (pid: number): Depth => {
    const turn = pid + looks;
    if (turn % turns.everything === 0) return Depth.Everything;
    return turn % turns.details === 0 ? Depth.Details : Depth.Figures;
  };

  /** Whether one that has not run is there still; brings it up to date. */
  const rest = (pid: number, { figures, cpuTime }: Seen, depth: Depth): boolean => {
    const memory = readMemory(reader, pid, figures.details.anonymous, figures.memory);
    if (!memory) return false;
    const due = depth === Depth.Details && figures.details.cpuTime !== cpuTime;
    // Where the memory went is a detail.
    if (due || memory !== figures.memory)
      figures.details = readDetails(reader, pid, figures.details, cpuTime);
    figures.memory = memory;
    return true;
  };

  /** `before`, brought up to date, when it is the same still; undefined when it has vanished. */
  const look = (
    pid: number,
    before: Process | undefined,
    pids: ReadonlySet<number>,
    depth: Depth,
  ): Process | undefined => {
    const cpuTime = reader.cpuTime(pid);
    if (before?.cpuTime === cpuTime && depth !== Depth.Everything && hasParent(before.stat, pids)) {
      const daemon = daemonOf(before.stat);
      if (daemon === before.daemon) return !isSeen(before) || rest(pid, before, depth) ? before : undefined;
    }
    const length = reader.file(pid, 'stat');
    const stat = length > 0 ? parseStat(reader.buf, length, before?.stat) : undefined;
    if (!stat) return undefined;
    const daemon = daemonOf(stat);
    const same = before?.stat.startTicks === stat.startTicks ? before : undefined;
    const figures =
      daemon === undefined ? undefined : readFigures(reader, pid, same?.figures, depth, cpuTime);
    if (daemon !== undefined && !figures) return undefined;
    if (!same || same.daemon !== daemon) return { stat, daemon, figures, cpuTime };
    same.stat = stat;
    same.cpuTime = cpuTime;
    return same;
  };

  const forget = (pid: number, gone: number[]) => {
    known.delete(pid);
    seen.delete(pid);
    gone.push(pid);
  };

  return {
    seen,
    lives(process) {
      const stat = known.get(process.pid)?.stat;
      return stat !== undefined && isSameProcess(stat, process) && !hasEnded(stat);
    },
    begin(pids, ahead = false) {
      if (!ahead) looks++;
      const gone: number[] = [];
      let living = 0;
      return {
        at(pid) {
          const before = known.get(pid);
          const process = look(pid, before, pids, ahead ? Depth.Figures : depthOf(pid));
          if (process) living++;
          if (process === before) return;
          if (process) known.set(pid, process);
          else forget(pid, gone);
          if (process && isSeen(process)) seen.set(pid, process);
          else seen.delete(pid);
        },
        end() {
          if (living < known.size) for (const pid of known.keys()) if (!pids.has(pid)) forget(pid, gone);
          return gone;
        },
      };
    },
  };
}

const isSeen = (process: Process): process is Seen => process.daemon !== undefined;

const hasParent = ({ ppid }: Stat, pids: ReadonlySet<number>): boolean => ppid === 0 || pids.has(ppid);
