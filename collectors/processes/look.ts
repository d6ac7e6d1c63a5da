// A look at processes one by one, and no closer than needed: one that has not run since the last look is what it was then,
// but for what others do to it: its memory may be taken, its parent may end, it may be frozen. All of that its stat tells.

import type { DaemonLookup } from '../../agent/core/daemon.ts';
import { parseStat, type Stat } from '../../agent/core/procstat.ts';
import type { Reader } from './read.ts';
import { type Figures, readFigures } from './sample.ts';

interface Process {
  readonly stat: Stat;
  /** Undefined for one of nobody, as are its figures. */
  readonly daemon: string | undefined;
  readonly figures: Figures | undefined;
  /** As `Reader.cpuTime` gave it before anything was read. */
  readonly cpuTime: number;
  /** Unix ms, when all of it was read. */
  readonly readAt: number;
  /** The bytes of its stat. */
  readonly content: Buffer;
}

/** A process of a daemon. The same object in the next look when nothing of it has changed. */
export interface Seen extends Process {
  readonly daemon: string;
  readonly figures: Figures;
}

export interface Looker {
  /** Processes of daemons by pid, as the last look that came to its end saw them; undefined before it. */
  readonly seen: ReadonlyMap<number, Seen> | undefined;
  /** Begins a look at these, which are all there are; `now` in Unix ms. */
  begin(pids: ReadonlySet<number>, now: number): { at(pid: number): void; end(): ReadonlyMap<number, Seen> };
}

/** What nobody but its files tell of a process at rest is as old as this at most. */
const REREAD_MS = 60_000;

export function createLooker(reader: Reader, daemons: Pick<DaemonLookup, 'ofProcess'>): Looker {
  let known: ReadonlyMap<number, Process> = new Map();
  let seen: ReadonlyMap<number, Seen> | undefined;

  const daemonOf = (stat: Stat) => (stat.kernelThread ? undefined : daemons.ofProcess(stat));

  /** With the stat of `before` where that is the same. */
  const readStat = (
    pid: number,
    before: Process | undefined,
  ): Pick<Process, 'stat' | 'content'> | undefined => {
    const { buf } = reader;
    const length = reader.file(pid, 'stat');
    if (length <= 0) return undefined;
    if (before?.content.compare(buf, 0, length) === 0) return before;
    const stat = parseStat(buf, length, before?.stat);
    return stat && { stat, content: Buffer.from(buf.subarray(0, length)) };
  };

  /** `before` when it is the same still; undefined when it has vanished. */
  const look = (
    pid: number,
    before: Process | undefined,
    pids: ReadonlySet<number>,
    now: number,
  ): Process | undefined => {
    const cpuTime = reader.cpuTime(pid);
    const rested = before?.cpuTime === cpuTime && now - before.readAt < REREAD_MS;
    // Of those that are nobody's only another parent would be of account.
    if (rested && before.daemon === undefined && (pids.has(before.stat.ppid) || before.stat.ppid === 0)) {
      if (daemonOf(before.stat) === undefined) return before;
    }
    const read = readStat(pid, before);
    if (!read) return undefined;
    const { stat } = read;
    const daemon = daemonOf(stat);
    if (rested && stat === before.stat && daemon === before.daemon) return before;
    const kept = before?.stat.startTicks === stat.startTicks ? before.figures?.kept : undefined;
    const figures = daemon === undefined ? undefined : readFigures(reader, pid, kept, now);
    if (daemon !== undefined && !figures) return undefined;
    return { ...read, daemon, figures, cpuTime, readAt: now };
  };

  return {
    get seen() {
      return seen;
    },
    begin(pids, now) {
      const next = new Map<number, Process>();
      const nextSeen = new Map<number, Seen>();
      return {
        at(pid) {
          const process = look(pid, known.get(pid), pids, now);
          if (!process) return;
          next.set(pid, process);
          if (isSeen(process)) nextSeen.set(pid, process);
        },
        end() {
          known = next;
          seen = nextSeen;
          return nextSeen;
        },
      };
    },
  };
}

const isSeen = (process: Process): process is Seen => process.daemon !== undefined;
