// One declared daemon: its instances, ends, checks and expectations, and the state they amount to.

import type { EventSink } from '../core/collector.ts';
import type { DaemonSpec, DaemonState, Exit, Instance, ManagerWord, ProcessFacts } from '../core/daemon.ts';
import type { LastEnd, Witness } from './certificates.ts';
import * as events from './events.ts';
import { createExpectations, type Seen, tellMs } from './expectations.ts';
import { isClean, judge, nextStart, whyHung } from './liveness.ts';
import { createInfos } from './posture.ts';
import { type Roll, type Rolls, running } from './rolls.ts';
import { type Changes, createRoster } from './roster.ts';
import type { CheckStatus, DaemonStatus } from './series.ts';
import type { Voices } from './silence.ts';
import type { Wishes } from './wishes.ts';

export interface Daemon {
  declare(spec: DaemonSpec): void;
  processes(
    now: number,
    instances: readonly Instance[],
    awaited?: boolean,
    lives?: (process: ProcessFacts) => boolean,
  ): void;
  began(now: number, instance: Instance): void;
  exited(now: number, process: ProcessFacts, exit: Exit): void;
  oomKilled(): void;
  check(now: number, check: string, healthy: boolean, message: string, timedOut?: boolean): void;
  managed(now: number, word: ManagerWord | undefined): void;
  /** Judges anew: time alone changes some things. */
  settle(now: number): void;
  status(now: number): DaemonStatus;
  /** Who runs, by the last look; undefined before the first. */
  readonly roll: Roll | undefined;
}

export interface DaemonRoom {
  readonly events: EventSink;
  readonly witness: Witness;
  readonly voices: Voices;
  readonly wishes: Wishes;
  /** Who ran at the last look of the agent before. */
  readonly rolls: Pick<Rolls, 'last'>;
  /** Unix ms when the agent began. */
  readonly startedAt: number;
  /** Monotonic ms: how long ago it restarted, and for how long it has been silent or stuck. Everything else is told with the time it was seen. */
  readonly elapsed: () => number;
}

/** Times of restarts kept, in monotonic ms; a window holds no more. */
const MAX_RESTARTS = 1000;
const MAX_DELAYS = 8;
/** One that ended well after a life of this was restarted on purpose. */
const DELIBERATE_AFTER_MS = 10_000;
const UNKNOWN: Exit = { reason: 'unknown', source: 'sample' };

export function createDaemon(initial: DaemonSpec, room: DaemonRoom): Daemon {
  const { name } = initial;
  const { events: sink, voices, wishes, elapsed } = room;
  /** In an earlier life of the agent. */
  const before = room.witness.lastEnd(name);
  const roster = createRoster(before ? 1 : 0);
  const { living } = roster;
  const expectations = createExpectations();
  const infosOf = createInfos();
  const exits: Record<Exit['reason'], number> = { exit: 0, signal: 0, oom: 0, unknown: 0 };
  const checks = new Map<string, CheckStatus>();
  let spec = initial;
  let restarts = 0;
  let killedChildren = 0;
  let restartTimes: number[] = [];
  /** Of restarts that nobody asked for. */
  let loopTimes: number[] = [];
  /** From ends to the beginnings after them, in ms. */
  let delays: number[] = [];
  let lastExit: DaemonStatus['lastExit'] = before;
  /** By which it is judged while it does not run. */
  let verdict: Exit | undefined = before;
  let deliberate = false;
  let manager: ManagerWord | undefined;
  let stuckSince: number | undefined;
  /** Monotonic ms of the latest beginning under our eyes, or of ours. */
  let begunAt = elapsed();
  let silent = false;
  let hangs: string | undefined;
  let lookedAt: number | undefined;
  let state: DaemonState | undefined;
  let since = room.startedAt;

  const end = (now: number, process: Changes['ended'][number], exit: Exit, brief = false) => {
    exits[exit.reason]++;
    lastExit = { ...exit, pid: process.pid, at: exit.at ?? now };
    // Nobody stops what has crashed by testing its configuration.
    if (!(brief && isWell(exit) && verdict && !isClean(verdict))) verdict = exit;
    const lived = process.startedAt === undefined ? 0 : lastExit.at - process.startedAt * 1000;
    deliberate = isClean(exit) && lived >= DELIBERATE_AFTER_MS;
    room.witness.ended(now, name, process, exit, [...checks.values()]);
  };
  const begin = (now: number, process: Changes['began'][number], restart: boolean) => {
    if (restart && lastExit) {
      const startedAt = process.startedAt === undefined ? now : process.startedAt * 1000;
      delays = [...delays, Math.max(0, startedAt - lastExit.at)].slice(-MAX_DELAYS);
    }
    begunAt = elapsed();
    room.witness.began(now, name, process, restart);
    sink.emit(events.started(name, process, restart, now));
  };
  const take = (now: number, { began, ended, restarts: again, heir }: Changes, exit: Exit) => {
    // A whole life between two looks began before it ended.
    const brief = began.length > 0 && began[0] === ended[0];
    if (!brief) for (const process of ended) end(now, process, exit);
    restarts += again;
    for (let i = 0; i < again; i++) {
      restartTimes.push(elapsed());
      if (!deliberate && !heir) loopTimes.push(elapsed());
    }
    restartTimes = restartTimes.slice(-MAX_RESTARTS);
    loopTimes = loopTimes.slice(-MAX_RESTARTS);
    for (const [i, process] of began.entries()) begin(now, process, i < again);
    if (heir) room.witness.began(now, name, heir, true);
    if (brief) for (const process of ended) end(now, process, exit, true);
    if (began.length > 0 && !brief && wishes.of(name, now)?.until === undefined) wishes.drop(name);
  };

  /** Since it last logged, began, or was first watched. */
  const quietFor = (now: number): Seen['silence'] => {
    const limit = voices.limit(spec, now);
    if (limit === undefined) return undefined;
    return { ms: elapsed() - Math.max(voices.heardAt(name) ?? begunAt, begunAt), limit };
  };

  const settle = (now: number): DaemonState => {
    const { running, youngest } = living;
    const stuck = running > 0 && living.every(top => 'DTt'.includes(top.state));
    stuckSince = stuck ? (stuckSince ?? elapsed()) : undefined;
    const quiet = quietFor(now);
    const isSilent = quiet !== undefined && quiet.ms > quiet.limit;
    const silence = isSilent
      ? `nothing logged for ${tellMs(quiet.ms)}, expected within ${tellMs(quiet.limit)}`
      : '';
    const stuckMs = stuckSince === undefined ? 0 : elapsed() - stuckSince;
    const verdicts = spec.health
      .filter(check => !check.presumed || checks.has(check.name))
      .map(check => checks.get(check.name));
    const failing = verdicts.filter(check => check?.healthy === false);
    const timedOut = failing.flatMap(check => (check?.timedOut ? [check] : []));
    const next = judge(
      {
        instances: running,
        enough: expectations.enough(running),
        youngestMs: now - youngest,
        restarts: loopTimes,
        lastExit: verdict,
        overdue: nextStartAt(now) === undefined,
        expectedDown: wishes.of(name, now) !== undefined,
        manager,
        stuckMs,
        failingChecks: failing.length,
        lapsedChecks: failing.filter(check => (check!.heldAt ?? 0) > youngest).length,
        timedOutChecks: timedOut.length,
        silentChecks: verdicts.filter(check => check === undefined).length,
        silent: isSilent,
      },
      elapsed(),
    );
    if (isSilent !== silent && (running > 0 || !isSilent)) {
      silent = isSilent;
      sink.emit(events.checkChanged(name, 'log_every', !isSilent, silence, now));
    }
    const states = () => new Set([...living.tops].map(top => top.state));
    hangs = next === 'hung' ? whyHung(stuckMs, states(), silence, timedOut) : undefined;
    // Before the first look at processes nothing can change.
    if (lookedAt !== undefined && next !== state) {
      if (state !== undefined)
        sink.emit(events.stateChanged(name, state, next, now, { nextStartAt: nextStartAt(now), hangs }));
      state = next;
      since = now;
    }
    return next;
  };

  const nextStartAt = (now: number): number | undefined =>
    living.running === 0 && lastExit ? nextStart(lastExit.at, delays, now) : undefined;

  return {
    declare(wanted) {
      spec = wanted;
      expectations.declare(wanted);
      const names = new Set(wanted.health.map(check => check.name));
      for (const check of checks.keys()) if (!names.has(check)) checks.delete(check);
    },
    processes(now, instances, awaited, lives) {
      const past = lookedAt === undefined ? pastOf(room, name, before) : undefined;
      if (past) roster.update([...living.instances, ...running(past, instances)]);
      const exit = past ? { ...UNKNOWN, lastSeenAt: past.at } : UNKNOWN;
      take(now, roster.update(instances, awaited && !past ? elapsed() : undefined, lives), exit);
      lookedAt = now;
      settle(now);
    },
    began(now, instance) {
      take(now, roster.begin(instance), UNKNOWN);
      settle(now);
    },
    exited(now, process, exit) {
      const { handedOver = false, at = now } = exit;
      const changes = roster.end(process, { heirs: isWell(exit), handedOver, at });
      if (changes) take(now, changes, exit);
      settle(now);
    },
    oomKilled() {
      killedChildren++;
    },
    check(now, check, healthy, message, timedOut = false) {
      const before = checks.get(check);
      const changed = before?.healthy !== healthy;
      const heldAt = healthy ? now : before?.heldAt;
      checks.set(check, {
        name: check,
        healthy,
        message,
        ...(timedOut && { timedOut }),
        since: changed ? now : before.since,
        ...(heldAt !== undefined && { heldAt }),
      });
      // The first verdict of a check that holds is no news.
      if (changed && (before || !healthy)) sink.emit(events.checkChanged(name, check, healthy, message, now));
      settle(now);
    },
    managed(now, word) {
      manager = word;
      if (word?.result !== undefined) room.witness.managed(now, name, word.result);
      settle(now);
    },
    settle: now => void settle(now),
    get roll() {
      return lookedAt === undefined
        ? undefined
        : { at: lookedAt, tops: living.tops, leftOver: roster.leftOver };
    },
    status(now) {
      const next = settle(now);
      const wish = wishes.of(name, now);
      const nextAt = next === 'crash_looping' ? nextStartAt(now) : undefined;
      const { tops, instances } = living;
      const posture = tops.find(each => each.posture)?.posture;
      return {
        name,
        labels: spec.labels,
        // Nobody has looked yet.
        state: lookedAt === undefined && next === 'absent' ? 'starting' : next,
        since,
        ...(hangs !== undefined && { hangs }),
        up: expectations.enough(tops.length),
        running: tops.length,
        startedAt: tops.length > 0 ? living.oldest : undefined,
        get instances() {
          return tops.map(({ pid, startedAt }) => ({ pid, startedAt: startedAt * 1000 }));
        },
        get pids() {
          return instances.map(({ pid }) => pid);
        },
        restarts,
        exits: { ...exits },
        oomKills: exits.oom + killedChildren,
        lastExit,
        ...(nextAt !== undefined && { nextStartAt: nextAt }),
        ...(wish && { expectedDown: wish }),
        ...(manager && tops.length === 0 && { manager: `${manager.by}: ${manager.says}` }),
        checks: [...checks.values()],
        ...(posture && { posture }),
        infos: infosOf(tops),
        expectations: expectations.tell(
          {
            tops,
            instances,
            restarts,
            restartTimes,
            silence: quietFor(now),
          },
          elapsed(),
        ),
      };
    },
  };
}

/** Who ran at the last look of the agent before, and whose end it has not told; undefined when it told one after that. */
function pastOf({ rolls, witness }: DaemonRoom, name: string, end: LastEnd | undefined): Roll | undefined {
  const roll = rolls.last(name);
  if (!roll || (end && end.at > roll.at)) return undefined;
  return { ...roll, tops: roll.tops.filter(each => !witness.hasEnded(name, each)) };
}

/** What it leaves behind goes on as the daemon; after a crash it is only left over. */
const isWell = ({ reason, code, handedOver }: Exit): boolean =>
  handedOver === true || (reason === 'exit' && code === 0);
