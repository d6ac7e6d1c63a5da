// Who is it? Pids, syslog tags and log files to declared daemons. Bounded memory; never throws for what the host holds.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { ChangingLookup, DaemonSpec, MatchSpec, ProcessFacts } from '../core/daemon.ts';
import { attempt } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { parseStat } from '../core/procstat.ts';
import { createFacts } from './facts.ts';
import { createMatchers, type Host, type Matcher } from './matcher.ts';

/** A pid's start time is compared again after this, so that a reused pid is somebody else a second later at most. */
const FRESH_MS = 1000;
/** A process may exec after it was first seen, so it is examined again soon, and then whenever its turn in a look comes. */
const SETTLE_MS = 1000;
/** … and as long as it may still start: then daemons give themselves the title they are known by. */
const YOUNG_MS = 30_000;
const REEXAMINE_MS = 45_000;
/** Of those that were seen together at first, each has its turn, so that no look is much longer than the others. */
const REEXAMINE_TURNS = 60;
/** Two generations of this many processes are remembered. */
const REMEMBERED = 32_768;
const MAX_DEPTH = 64;
/** They let people in, and run what those ask for in a session of its own. */
const LOGIN = /^(sshd|sshd-session|dropbear)$/;
const OF_LOGIN = /^(sshd|sshd-\w+|sftp-server|dropbear)$/;

interface Candidate {
  readonly name: string;
  readonly match: MatchSpec;
  readonly matcher: Matcher;
}

interface Known {
  process: ProcessFacts;
  /** Daemons whose fixed keys hold; the first whose moving keys hold too is the one. */
  candidates: readonly Candidate[];
  /** What it ran when they held; undefined without any, and where that is not told. */
  program: string | undefined;
  /** When this program was first seen; as all times here, of the monotonic clock. */
  firstAt: number;
  examinedAt: number;
  settled: boolean;
  /** When the process was last seen alive. */
  checkedAt: number;
  /** The daemon it belongs to, as of `answeredAt`. */
  daemon: string | undefined;
  answeredAt: number;
}

export interface LookupRoom extends Host {
  readonly declared: readonly DaemonSpec[];
  readonly log?: Log;
}

/**
 * A process that fits several daemons belongs to the one declared first. One that fits none any more stays whoever it was
 * while it runs the same program: its file may have been moved, and it may call itself something else. `log` is told once
 * when the executables of processes may not be read.
 */
export function createLookup(room: LookupRoom): ChangingLookup {
  const { root, patterns, elapsed, log } = room;
  const matcherOf = createMatchers(room);
  let declared: readonly DaemonSpec[] = [];
  let daemons: readonly Candidate[] = [];
  let files: readonly { readonly name: string; fits(path: string): boolean }[] = [];
  const identifiers = new Map<string, string>();

  let recent = new Map<number, Known>();
  let earlier = new Map<number, Known>();
  let toldDenied = false;
  let moves = false;
  let answers = {};

  const recall = (pid: number): Known | undefined => {
    const known = recent.get(pid);
    if (known) return known;
    const older = earlier.get(pid);
    if (older) remember(pid, older);
    return older;
  };
  const remember = (pid: number, known: Known) => {
    if (recent.size >= REMEMBERED) {
      earlier = recent;
      recent = new Map();
    }
    recent.set(pid, known);
  };

  /** `before` of the same process, which `goesBy` the same name and stack still. */
  const examine = (process: ProcessFacts, before: Known | undefined, goesBy: boolean) => {
    const facts = createFacts(root, process);
    // An exec draws another stack, so that its file need not be asked for.
    const programOf = () => (goesBy && process.stack ? before?.program : undefined) ?? facts.program();
    const fitting = daemons.filter(({ matcher }) => matcher.fixed(facts));
    const [denied, doubtful] = [facts.denied(), facts.doubtful()];
    const goesOn = () => !process.began && before?.program !== undefined && before.program === programOf();
    const candidates = fitting.length === 0 && before && goesOn() ? before.candidates : fitting;
    const program = candidates.length > 0 ? programOf() : undefined;
    if (denied && !process.began && !toldDenied) {
      toldDenied = true;
      log?.warn(
        `cannot read executable of process "${process.pid}": permission denied; processes with rights that the agent lacks are matched by name only: give it CAP_SYS_PTRACE`,
      );
    }
    return { candidates, program, doubtful };
  };

  /** What is known of a process just seen alive, brought up to date. */
  const know = (process: ProcessFacts, at: number): Known => {
    const known = recall(process.pid);
    const before = known?.process.startTicks === process.startTicks ? known : undefined;
    const same =
      before !== undefined && before.process.comm === process.comm && !hasMoved(before.process, process);
    if (same && !process.began && at - before.examinedAt < (before.settled ? REEXAMINE_MS : SETTLE_MS)) {
      // What is kept of thousands for long costs the collector of garbage more than to look whether it is the same.
      if (isElsewhere(before, process)) {
        before.process = process;
        answers = {};
      }
      before.checkedAt = at;
      return before;
    }
    const { candidates, program, doubtful } = examine(process, before, same);
    const firstAt = same && !process.began ? before.firstAt : at;
    const settled = same && !doubtful && at - firstAt >= YOUNG_MS;
    const turn = settled && !before.settled ? process.pid % REEXAMINE_TURNS : 0;
    const examinedAt = at - (turn * REEXAMINE_MS) / REEXAMINE_TURNS;
    const next = { ...unknown(process, at), candidates, program, firstAt, settled, examinedAt };
    // It may have children.
    if (known && (isElsewhere(known, process) || !isEqual(known.candidates, candidates))) answers = {};
    remember(process.pid, next);
    return next;
  };

  const read = (pid: number): ProcessFacts | undefined => {
    const bytes = attempt(() => readFileSync(join(root, 'proc', String(pid), 'stat')));
    return bytes && parseStat(bytes, bytes.length);
  };

  /** A pid without a process. */
  const nobody = (pid: number, at: number): Known => {
    const next = unknown({ pid, ppid: 0, startTicks: -1, comm: '' }, at);
    remember(pid, next);
    return next;
  };

  /** A parent, with its start time looked at in the last second; one that has ended, as it was. */
  const parentOf = (child: ProcessFacts, at: number): Known | undefined => {
    if (child.ppid === 0) return undefined;
    const known = recall(child.ppid);
    if (known && at - known.checkedAt < FRESH_MS) return known;
    const process = read(child.ppid);
    return process ? know(process, at) : known;
  };

  const ownerOf = (known: Known, at: number): string | undefined => {
    const { terminal = 0 } = known.process;
    let each: Known | undefined = known;
    for (let depth = 0; each && depth < MAX_DEPTH; depth++) {
      const { process }: Known = each;
      for (const { name, matcher } of each.candidates)
        if (!matcher.moves || matcher.moving(process))
          return terminal === 0 || terminal === process.terminal ? name : undefined;
      const parent = parentOf(process, at);
      if (parent && isLetIn(process, parent.process)) return undefined;
      each = parent;
    }
    return undefined;
  };

  const answer = (known: Known, at: number): string | undefined => {
    known.daemon = ownerOf(known, at);
    known.answeredAt = at;
    return known.daemon;
  };

  const declare = (specs: readonly DaemonSpec[]) => {
    declared = specs;
    daemons = specs.map(
      ({ name, match }) =>
        daemons.find(each => each.name === name && isDeepStrictEqual(each.match, match)) ?? {
          name,
          match,
          matcher: matcherOf(match),
        },
    );
    moves = daemons.some(({ matcher }) => matcher.moves);
    answers = {};
    files = specs
      .filter(({ logs }) => logs.files.length > 0)
      .map(({ name, logs }) => ({ name, fits: patterns.glob(logs.files) }));
    identifiers.clear();
    for (const { name, logs } of specs)
      for (const tag of logs.identifiers) if (!identifiers.has(tag)) identifiers.set(tag, name);
    for (const known of [...earlier.values(), ...recent.values()]) {
      known.candidates = known.candidates.filter(each => daemons.includes(each));
      known.examinedAt = known.answeredAt = -Infinity;
    }
  };
  declare(room.declared);

  return {
    get declared() {
      return declared;
    },
    declare(specs) {
      if (!isDeepStrictEqual(specs, declared)) declare(specs);
    },
    get answers() {
      return moves ? undefined : answers;
    },
    ofProcess(process) {
      const at = elapsed();
      return answer(know(process, at), at);
    },
    ofPid(pid) {
      if (pid <= 0) return undefined;
      const at = elapsed();
      const known = recall(pid);
      if (known && at - known.answeredAt < FRESH_MS) return known.daemon;
      const process = read(pid);
      const seen = process ? know(process, at) : (known ?? nobody(pid, at));
      // Gone: what it was stays its answer, and that there is none is not asked again at once either.
      if (process || seen.answeredAt === -Infinity) return answer(seen, at);
      seen.answeredAt = at;
      return seen.daemon;
    },
    ofIdentifier: tag => identifiers.get(tag),
    ofFile: path => files.find(({ fits }) => fits(path))?.name,
  };
}

const isLetIn = ({ pid, session, comm }: ProcessFacts, parent: ProcessFacts): boolean =>
  session === pid && LOGIN.test(parent.comm) && !OF_LOGIN.test(comm);

const isElsewhere = ({ process }: Known, { ppid, terminal = 0 }: ProcessFacts): boolean =>
  process.ppid !== ppid || (process.terminal ?? 0) !== terminal;

/** Another stack is that of another program, where both are told. */
const hasMoved = ({ stack: before }: ProcessFacts, { stack: now }: ProcessFacts): boolean =>
  Boolean(before) && Boolean(now) && before !== now;

const isEqual = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((each, i) => each === b[i]);

const unknown = (process: ProcessFacts, at: number): Known => ({
  process,
  candidates: [],
  program: undefined,
  firstAt: at,
  examinedAt: at,
  settled: false,
  checkedAt: at,
  daemon: undefined,
  answeredAt: -Infinity,
});
