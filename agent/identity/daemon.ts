// One declared daemon: its instances, ends, checks and expectations, and the state they amount to.

import type { EventSink } from '../core/collector.ts';
import type { DaemonSpec, DaemonState, Exit, Instance, ProcessFacts } from '../core/daemon.ts';
import type { Witness } from './certificates.ts';
import * as events from './events.ts';
import { type Condition, parseCondition } from './expect.ts';
import { judge } from './liveness.ts';
import { type Demand, demandsOf } from './posture.ts';
import { type Changes, createRoster } from './roster.ts';
import type { CheckStatus, DaemonStatus } from './series.ts';

export interface Daemon {
  declare(spec: DaemonSpec): void;
  processes(now: number, instances: readonly Instance[], awaited?: boolean): void;
  began(now: number, instance: Instance): void;
  exited(now: number, process: ProcessFacts, exit: Exit): void;
  check(now: number, check: string, healthy: boolean, message: string): void;
  status(now: number): DaemonStatus;
}

/** Times of restarts kept; a window holds no more. */
const MAX_RESTARTS = 1000;
const UNKNOWN: Exit = { reason: 'unknown', source: 'sample' };

/** `startedAt`: Unix ms when the agent began. */
export function createDaemon(
  initial: DaemonSpec,
  room: { readonly events: EventSink; readonly witness: Witness; readonly startedAt: number },
): Daemon {
  const { name } = initial;
  const { events: sink } = room;
  const roster = createRoster();
  const exits: Record<Exit['reason'], number> = { exit: 0, signal: 0, oom: 0, unknown: 0 };
  const checks = new Map<string, CheckStatus>();
  let spec = initial;
  let conditions = new Map<string, Condition>();
  let demands = new Map<string, Demand>();
  let restarts = 0;
  let restartTimes: number[] = [];
  let lastExit: DaemonStatus['lastExit'];
  let stuckSince: number | undefined;
  let looked = false;
  let state: DaemonState | undefined;
  let since = room.startedAt;

  const take = (now: number, { began, ended, restarts: again }: Changes, exit: Exit) => {
    for (const process of ended) {
      exits[exit.reason]++;
      lastExit = { ...exit, pid: process.pid, at: exit.at ?? now };
      room.witness.ended(now, name, process, exit, [...checks.values()]);
    }
    restarts += again;
    for (let i = 0; i < again; i++) restartTimes.push(now);
    restartTimes = restartTimes.slice(-MAX_RESTARTS);
    for (const [i, process] of began.entries()) {
      room.witness.began(now, name, process, i < again);
      sink.emit(events.started(name, process, i < again, now));
    }
  };

  const enough = (): boolean => {
    const running = roster.tops.length;
    return running > 0 && (conditions.get('instances')?.holds(running) ?? true);
  };

  /** Undefined when what it asks for is not known. */
  const met = (expectation: string, condition: Condition, now: number): boolean | undefined => {
    const { withinMs } = condition;
    switch (expectation) {
      case 'instances':
        return condition.holds(roster.tops.length);
      case 'restarts':
        return condition.holds(
          withinMs === undefined ? restarts : restartTimes.filter(at => now - at < withinMs).length,
        );
      case 'memory':
        return asked(condition, total(roster.instances.map(({ memory }) => memory)));
      default:
        return asked(condition, worst(roster.instances.map(({ fdUsage }) => fdUsage)));
    }
  };

  /** Of every main process; undefined while there is none, or when one cannot be told. */
  const demanded = ({ met }: Demand): boolean | undefined => {
    const answers = roster.tops.map(({ posture }) => posture && met(posture));
    if (answers.includes(false)) return false;
    return answers.length === 0 || answers.includes(undefined) ? undefined : true;
  };

  const settle = (now: number): DaemonState => {
    const { tops } = roster;
    const stuck = tops.length > 0 && tops.every(top => 'DTt'.includes(top.state));
    stuckSince = stuck ? (stuckSince ?? now) : undefined;
    const verdicts = spec.health
      .filter(check => !check.presumed || checks.has(check.name))
      .map(check => checks.get(check.name)?.healthy);
    const next = judge(
      {
        instances: tops.length,
        enough: enough(),
        youngestMs: now - Math.max(...tops.map(({ startedAt }) => startedAt * 1000)),
        restarts: restartTimes,
        lastExit,
        stuckMs: stuckSince === undefined ? 0 : now - stuckSince,
        failingChecks: verdicts.filter(healthy => healthy === false).length,
        silentChecks: verdicts.filter(healthy => healthy === undefined).length,
      },
      now,
    );
    // Before the first look at processes nothing can change.
    if (looked && next !== state) {
      if (state !== undefined) sink.emit(events.stateChanged(name, state, next, now));
      state = next;
      since = now;
    }
    return next;
  };

  return {
    declare(wanted) {
      spec = wanted;
      demands = demandsOf(wanted.expect);
      conditions = new Map(
        Object.entries({ instances: '>= 1', ...wanted.expect })
          .filter(([expectation, text]) => text !== undefined && !demands.has(expectation))
          .map(([expectation, text]) => [expectation, parseCondition(String(text))]),
      );
      const names = new Set(wanted.health.map(check => check.name));
      for (const check of checks.keys()) if (!names.has(check)) checks.delete(check);
    },
    processes(now, instances, awaited) {
      take(now, roster.update(instances, awaited), UNKNOWN);
      looked = true;
      settle(now);
    },
    began(now, instance) {
      take(now, roster.begin(instance), UNKNOWN);
      settle(now);
    },
    exited(now, process, exit) {
      const { handedOver = false } = exit;
      const changes = roster.end(process, { heirs: isWell(exit), handedOver });
      if (changes) take(now, changes, exit);
      settle(now);
    },
    check(now, check, healthy, message) {
      const before = checks.get(check);
      const changed = before?.healthy !== healthy;
      checks.set(check, { name: check, healthy, message, since: changed ? now : before.since });
      // The first verdict of a check that holds is no news.
      if (changed && (before || !healthy)) sink.emit(events.checkChanged(name, check, healthy, message, now));
      settle(now);
    },
    status(now) {
      return {
        name,
        labels: spec.labels,
        state: settle(now),
        since,
        up: enough(),
        instances: roster.tops.map(({ pid, startedAt }) => ({ pid, startedAt: startedAt * 1000 })),
        pids: roster.instances.map(({ pid }) => pid),
        restarts,
        exits: { ...exits },
        lastExit,
        checks: [...checks.values()],
        postures: roster.tops.flatMap(({ posture }) => posture ?? []),
        expectations: [
          ...Array.from(conditions, ([expectation, condition]) => ({
            name: expectation,
            condition: condition.text,
            met: met(expectation, condition, now),
          })),
          ...Array.from(demands, ([expectation, demand]) => ({
            name: expectation,
            condition: demand.text,
            met: demanded(demand),
          })),
        ],
      };
    },
  };
}

/** What it leaves behind goes on as the daemon; after a crash it is only left over. */
const isWell = ({ reason, code, handedOver }: Exit): boolean =>
  handedOver === true || (reason === 'exit' && code === 0);

const asked = (condition: Condition, actual: number | undefined): boolean | undefined =>
  actual === undefined ? undefined : condition.holds(actual);

/** Of nothing 0; undefined when one of them is. */
const total = (values: readonly (number | undefined)[]): number | undefined =>
  values.reduce((sum, value) => (sum === undefined || value === undefined ? undefined : sum + value), 0);

const worst = (values: readonly (number | undefined)[]): number | undefined =>
  values.reduce(
    (max, value) => (max === undefined || value === undefined ? undefined : Math.max(max, value)),
    0,
  );
