// A look at processes one by one, and no closer than needed. One that has not run since the last look is what it was then,
// but for what others do to it: its memory may be taken, and its parent may end.

import type { DaemonLookup } from '../../agent/core/daemon.ts';
import { hasEnded, isSameProcess, parseStat, type Stat } from '../../agent/core/procstat.ts';
import { type Pages, takePages } from './parse.ts';
import type { Reader } from './read.ts';
import { Depth, type Figures, readAsleep, readFigures, readSetting } from './sample.ts';

/** The same object from look to look, as long as it is the same process of the same daemon. */
interface Process {
  /** Another one when its name, parent, terminal or program is. */
  stat: Stat;
  /** Undefined for one of nobody, as are its figures. */
  readonly daemon: string | undefined;
  readonly figures: Figures | undefined;
  /** As `Reader.cpuTime` gave it before anything was read. */
  cpuTime: number;
  /** So often its files were read. */
  reads: number;
  /** Whose files tell of it. */
  teller: number;
  readonly pages: Pages;
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

/** Who is there no longer. */
export interface Missed {
  /** Who has ended, runs for another daemon now, or was somebody else. */
  readonly left: readonly Seen[];
  /** Who has ended, of any daemon or none. */
  readonly gone: readonly number[];
}

export interface Looker {
  /** Processes of daemons by pid, as they were last seen. */
  readonly seen: ReadonlyMap<number, Seen>;
  /** Whether a process, a daemon's or not, was alive in the last look. */
  lives(process: Pick<Stat, 'pid' | 'startTicks'>): boolean;
  /** Begins a look at these, which are all there are, the same set while they are; one `ahead` of time is nobody's turn. */
  begin(
    pids: ReadonlySet<number>,
    ahead?: boolean,
  ): {
    /** The process, of a daemon, when something of it was read: of all others everything is as it was. */
    at(pid: number): Seen | undefined;
    /** Forgets who is gone; whom this look has missed, and those before it that were not ended. */
    end(): Missed;
  };
}

/** One that is new, or another, may soon run another program: whose it is is asked so often before it waits for its turn. */
const UNSETTLED = 3;

export function createLooker(
  reader: Reader,
  daemons: Pick<DaemonLookup, 'ofProcess' | 'answers'>,
  turns: Turns,
): Looker {
  const known = new Map<number, Process>();
  const seen = new Map<number, Seen>();
  let missed = nobody();
  let all: ReadonlySet<number> = new Set();
  let answers: object | undefined;
  let looks = 0;

  const daemonOf = (stat: Stat) => (stat.kernelThread ? undefined : daemons.ofProcess(stat));

  const depthOf = (pid: number): Depth => {
    const turn = pid + looks;
    if (turn % turns.details !== 0) return Depth.Figures;
    return turn % turns.everything === 0 ? Depth.Everything : Depth.Details;
  };

  /** Whose files tell of a process: another thread's where the first has ended, which then has no memory and no files. */
  const tellerOf = (stat: Stat): number =>
    stat.state === 'Z' && !hasEnded(stat) ? reader.thread(stat.pid) : stat.pid;

  /** Brings one that has not run up to date; whether something of it was read, undefined when it has vanished. */
  const rest = ({ figures, cpuTime, teller, pages }: Seen, depth: Depth): boolean | undefined => {
    const due = depth === Depth.Details && figures.details.cpuTime !== cpuTime;
    const length = reader.file(teller, 'statm');
    // Of thousands nothing more than this is touched.
    if (length > 0 && takePages(reader.buf, length, pages) && pages.resident > 0 && !due) return false;
    return readAsleep(reader, teller, length, figures, cpuTime, due);
  };

  /** `before`, brought up to date, when it is the same still; undefined when it has vanished. */
  const read = (
    pid: number,
    before: Process | undefined,
    depth: Depth,
    cpuTime: number,
    stands: boolean,
  ): Process | undefined => {
    const length = reader.file(pid, 'stat');
    const stat = length > 0 ? parseStat(reader.buf, length, before?.stat) : undefined;
    if (!stat) return undefined;
    const same = before?.stat.startTicks === stat.startTicks ? before : undefined;
    const settled = same?.stat === stat && same.reads >= UNSETTLED && depth !== Depth.Everything;
    const daemon = settled && stands ? same.daemon : daemonOf(stat);
    const teller = tellerOf(stat);
    const known = same?.figures;
    const readAll = (): Figures | undefined => {
      if (!known || same?.cpuTime !== cpuTime || same.teller !== teller)
        return readFigures(reader, teller, known, depth, cpuTime);
      // Of one that has not run nothing is another but what others give it.
      if (depth === Depth.Everything) known.details.setting = readSetting(reader, teller);
      const due = depth !== Depth.Figures && known.details.cpuTime !== cpuTime;
      const read = readAsleep(reader, teller, reader.file(teller, 'statm'), known, cpuTime, due);
      return read === undefined ? undefined : known;
    };
    const figures = daemon === undefined ? undefined : readAll();
    if (daemon !== undefined && !figures) return undefined;
    if (!same || same.daemon !== daemon)
      return {
        stat,
        daemon,
        figures,
        cpuTime,
        reads: 1,
        teller,
        pages: { virtual: 0, resident: 0, shared: 0 },
      };
    same.reads = same.stat === stat ? same.reads + 1 : 1;
    same.stat = stat;
    same.teller = teller;
    same.cpuTime = cpuTime;
    return same;
  };

  const leave = (pid: number, process: Process) => {
    if (isSeen(process) && seen.delete(pid)) missed.left.push(process);
  };
  const forget = (pid: number, process: Process) => {
    known.delete(pid);
    missed.gone.push(pid);
    leave(pid, process);
  };

  return {
    seen,
    lives(process) {
      const stat = known.get(process.pid)?.stat;
      return stat !== undefined && isSameProcess(stat, process) && !hasEnded(stat);
    },
    begin(pids, ahead = false) {
      if (!ahead) looks++;
      const sameParents = pids === all;
      // What is another in the course of this look concerns those as well who were before it.
      const answered = answers;
      answers = daemons.answers;
      const stands = () => answered !== undefined && daemons.answers === answered;
      const isStill = ({ stat, daemon }: Process) => stands() || daemonOf(stat) === daemon;
      let living = 0;
      return {
        at(pid) {
          const before = known.get(pid);
          const depth = ahead ? Depth.Figures : depthOf(pid);
          const cpuTime = reader.cpuTime(pid);
          if (
            before?.cpuTime === cpuTime &&
            depth !== Depth.Everything &&
            (sameParents || hasParent(before.stat, pids)) &&
            isStill(before)
          ) {
            const moved = isSeen(before) && rest(before, depth);
            if (moved !== undefined) living++;
            else forget(pid, before);
            return moved ? (before as Seen) : undefined;
          }
          const process = read(pid, before, depth, cpuTime, stands());
          if (!process) {
            if (before) forget(pid, before);
            return undefined;
          }
          living++;
          if (process !== before) {
            if (before) leave(pid, before);
            known.set(pid, process);
            if (isSeen(process)) seen.set(pid, process);
          }
          return isSeen(process) ? process : undefined;
        },
        end() {
          if (living < known.size)
            for (const pid of known.keys()) if (!pids.has(pid)) forget(pid, known.get(pid)!);
          all = pids;
          const ended = missed;
          missed = nobody();
          return ended;
        },
      };
    },
  };
}

const nobody = () => ({ left: [] as Seen[], gone: [] as number[] });

const isSeen = (process: Process): process is Seen => process.daemon !== undefined;

const hasParent = ({ ppid }: Stat, pids: ReadonlySet<number>): boolean => ppid === 0 || pids.has(ppid);
