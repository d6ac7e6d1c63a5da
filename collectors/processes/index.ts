// Looks at all processes of the host and tells what the declared daemons use, their children counted in.

import type { Sampler, SamplerRoom } from '../../agent/core/collector.ts';
import { causeOf } from '../../agent/core/errors.ts';
import { hasEnded } from '../../agent/core/procstat.ts';
import { createBoot } from '../../agent/native/boot.ts';
import { type Breath, createBreath } from './breath.ts';
import { EXIT_SOURCE } from './descs.ts';
import { createDetails } from './details.ts';
import { createExits } from './exits.ts';
import { createLooker, type Seen, type Turns } from './look.ts';
import { createManagers } from './managers.ts';
import { detailsInterval, type ProcessesOptions } from './options.ts';
import { createPortable } from './portable.ts';
import { createPortraits, type Top } from './portrait.ts';
import { createPostures } from './posture.ts';
import { createReader } from './read.ts';
import { readStat } from './sample.ts';
import { sumOf, type Weights, writeSums } from './sums.ts';
import { createTally } from './tally.ts';

/** After an end whoever takes the place of the ended is looked for so soon. */
const SOON_MS = 300;

/** What nobody but its files tell of a process that does not run is as old as this at most. */
const REREAD_MS = 60_000;

/** Two samplers, of what moves and of the details. The first needs no rights but for I/O, and before Linux 6.2 for the fds, of other users' processes. */
export function create(options: ProcessesOptions, room: SamplerRoom): Sampler[] {
  const portable =
    options.source === 'portable' || (options.source === 'auto' && process.platform !== 'linux');
  if (portable) return [createPortable(options.interval, room)];
  const { daemons, log, reports, elapsed } = room;
  const reader = createReader(room.root);
  const looker = createLooker(reader, daemons, turnsOf(options));
  const postures = createPostures(room.root);
  const portraits = createPortraits(room.now() / 1000);
  const tally = createTally();
  const bootOf = createBoot(room.root, room.now, room.elapsed);
  let toldDenied = false;

  const tellDenied = ({ stat, daemon, figures }: Seen) => {
    if (toldDenied || !(figures.ioDenied || figures.fdsDenied)) return;
    toldDenied = true;
    const what = figures.fdsDenied ? 'I/O and open files' : 'I/O';
    log.warn(
      `cannot read ${what} of process "${stat.pid}" of ${daemon}: permission denied; these series of daemons of other users are absent: give the agent CAP_SYS_PTRACE`,
    );
  };

  /** Takes all processes that have come or run since into `portraits`; those who are there no longer. */
  const look = async (ahead: boolean, breath: Breath) => {
    const boot = bootOf() / 1000;
    const list = reader.pids();
    if (!isEqual(list, pids)) {
      pids = list;
      all = new Set(list);
    }
    const { seen } = looker;
    reader.hold(seen, all);
    const one = looker.begin(all, ahead);
    portraits.begin(boot);
    await breath.each(pids, pid => {
      const each = one.at(pid);
      if (!each) return;
      tellDenied(each);
      portraits.add(each);
    });
    const { left, gone } = one.end();
    for (const pid of gone) {
      reader.release(pid);
      postures.forget(pid);
    }
    portraits.leave(left);
    if (portraits.moved) await breath.each([...seen.values()], each => portraits.place(each, !isBelow(each)));
    return left;
  };
  /** Whether one of the same daemon has started it: its parent, or where that has ended the leader of its session. */
  const isBelow = ({ daemon, stat: { pid, ppid, session } }: Seen): boolean => {
    const { seen } = looker;
    if (seen.get(ppid)?.daemon === daemon) return true;
    const leader = session === pid ? undefined : seen.get(session);
    return leader?.daemon === daemon && !hasEnded(leader.stat);
  };
  const pose = ({ of: { stat, figures }, instance }: Top) => {
    instance.posture = postures.of(stat, figures.details.rights, elapsed());
  };
  const sumUp = async (touched: ReadonlySet<string>, breath: Breath) => {
    const next = new Map<string, Weights>();
    await breath.each(daemons.declared, ({ name }) => {
      const before = touched.has(name) ? undefined : sums.get(name);
      next.set(name, before ?? sumOf(portraits.weights.get(name) ?? []));
    });
    sums = next;
  };

  /** One look, told to the table; `awaited` as its report takes it. None while another is under way. */
  const observe = async (awaited: boolean, ahead: boolean, signal: AbortSignal): Promise<void> => {
    if (looking) return;
    looking = true;
    try {
      await exits.source.begun;
      const now = room.now();
      const breath = createBreath(elapsed, signal);
      exits.looking();
      const left = await look(ahead, breath);
      // The look took a moment, and who has ended meanwhile has been told: from here to the report nobody else is.
      const { usages, tops, touched, kin, instances } = portraits.end(exits.ended);
      exits.seen(kin, now);
      reports.processes(now, instances, awaited, looker.lives);
      managers.seen(instances, now);
      await breath.each(postures.begin(elapsed()) ? portraits.tops : tops, pose);
      tally.update(
        usages,
        left.map(({ stat }) => stat),
      );
      await sumUp(touched, breath);
    } finally {
      looking = false;
    }
  };

  const closing = new AbortController();
  let looking = false;
  let pids: readonly number[] = [];
  let all: ReadonlySet<number> = new Set();
  let sums: ReadonlyMap<string, Weights> = new Map();
  let timer: NodeJS.Timeout | undefined;
  const observeSoon = (awaited: boolean) => {
    timer ??= setTimeout(() => {
      timer = undefined;
      observe(awaited, true, closing.signal).catch(error =>
        log.debug(`cannot look ahead of time: ${causeOf(error)}`),
      );
    }, SOON_MS).unref();
  };
  const managers = createManagers(room);
  const exits = createExits(options.exits, room, {
    ended: daemon => managers.ended(daemon, room.now()),
    look: pid => readStat(reader, pid),
    lookSoon: () => observeSoon(exits.source.awaited),
    lost: () => observeSoon(false),
  });
  let first: Promise<unknown> | undefined;
  /** Whether it succeeded or not. */
  const seenFirst = async () => {
    await first?.catch(() => {});
    return looker.seen;
  };

  return [
    {
      name: room.name,
      everyMs: options.interval,
      async sample(out, signal) {
        const observed = observe(exits.source.awaited, false, signal);
        first ??= observed;
        await observed;
        for (const [daemon, sum] of sums) writeSums(out, daemon, sum, tally.totals(daemon));
        out.set(EXIT_SOURCE, 1, exits.source.name);
      },
      async close() {
        closing.abort();
        clearTimeout(timer);
        reader.close();
        await exits.close();
      },
    },
    createDetails(options, room, reader, seenFirst),
  ];
}

const isEqual = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((each, i) => each === b[i]);

function turnsOf(options: ProcessesOptions): Turns {
  const looks = (ms: number) => Math.max(1, Math.round(ms / options.interval));
  const details = looks(detailsInterval(options));
  return { details, everything: details * Math.max(1, Math.floor(looks(REREAD_MS) / details)) };
}
