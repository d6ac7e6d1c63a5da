// Looks at all processes of the host and tells what the declared daemons use, their children counted in.

import type { Sampler, SamplerRoom } from '../../agent/core/collector.ts';
import { causeOf } from '../../agent/core/errors.ts';
import { hasEnded, TICKS_PER_SECOND } from '../../agent/core/procstat.ts';
import { createBoot } from '../../agent/native/boot.ts';
import { createBreath } from './breath.ts';
import { EXIT_SOURCE } from './descs.ts';
import { createDetails } from './details.ts';
import { createExits } from './exits.ts';
import { createLooker, type Seen, type Turns } from './look.ts';
import { createManagers } from './managers.ts';
import { detailsInterval, type ProcessesOptions } from './options.ts';
import { createPortable } from './portable.ts';
import { createPortraits } from './portrait.ts';
import { createPostures } from './posture.ts';
import { createReader } from './read.ts';
import { readStat } from './sample.ts';
import { emptySums, include, type Sums, writeSums } from './sums.ts';
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

  /** One look, told to the table; `awaited` as its report takes it. Undefined while another is under way. */
  const observe = async (
    awaited: boolean,
    ahead: boolean,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Sums> | undefined> => {
    if (looking) return undefined;
    looking = true;
    try {
      await exits.source.begun;
      const now = room.now();
      const boot = bootOf() / 1000;
      const breath = createBreath(room.elapsed, signal);
      exits.looking();
      const list = reader.pids();
      const pids = new Set(list);
      const { seen } = looker;
      reader.hold(seen, pids);
      const look = looker.begin(pids, ahead);
      await breath.each(list, look.at);
      for (const pid of look.end()) {
        reader.release(pid);
        postures.forget(pid);
      }
      const sums = new Map(daemons.declared.map(({ name }) => [name, emptySums()]));
      portraits.begin();
      await breath.each(seen.values(), each => {
        const { stat, daemon, figures } = each;
        const began = boot + stat.startTicks / TICKS_PER_SECOND;
        const claimed = seen.get(stat.ppid)?.daemon !== daemon;
        const ended = hasEnded(stat);
        const posture = claimed && !ended ? postures.of(stat, figures.details.rights, elapsed()) : undefined;
        portraits.add(each, claimed, began, posture);
        if (ended) return;
        tellDenied(each);
        include(sums.get(daemon)!, stat, figures);
      });
      postures.end();
      // The look took a moment, and who has ended meanwhile has been told.
      const { usages, kin, instances } = portraits.end(exits.ended);
      tally.update(usages);
      exits.seen(kin, now);
      reports.processes(now, instances, awaited, looker.lives);
      managers.seen(instances, now);
      return sums;
    } finally {
      looking = false;
    }
  };

  const closing = new AbortController();
  let looking = false;
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
  let latest: ReadonlyMap<string, Sums> = new Map();
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
        latest = (await observed) ?? latest;
        for (const [daemon, sum] of latest) writeSums(out, daemon, sum, tally.totals(daemon));
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

function turnsOf(options: ProcessesOptions): Turns {
  const looks = (ms: number) => Math.max(1, Math.round(ms / options.interval));
  const details = looks(detailsInterval(options));
  return { details, everything: details * Math.max(1, Math.floor(looks(REREAD_MS) / details)) };
}
