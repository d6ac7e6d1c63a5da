// What is expected of one daemon, and whether it is so. Pure.

import type { DaemonSpec, Instance } from '../core/daemon.ts';
import { type Condition, parseCondition } from './expect.ts';
import { type Demand, demandsOf } from './posture.ts';
import type { DaemonStatus } from './series.ts';

/** What is known of the daemon. */
export interface Seen {
  readonly tops: readonly Instance[];
  readonly instances: readonly Instance[];
  readonly restarts: number;
  /** Monotonic ms of the latest. */
  readonly restartTimes: readonly number[];
  /** For how long, in ms, it has logged nothing, and for how long it may; absent when nothing is expected yet. */
  readonly silence: { readonly ms: number; readonly limit: number } | undefined;
}

export interface Expectations {
  declare(spec: DaemonSpec): void;
  /** Whether as many instances run as there should. */
  enough(running: number): boolean;
  /** `elapsed` in monotonic ms. */
  tell(seen: Seen, elapsed: number): DaemonStatus['expectations'];
}

export function createExpectations(): Expectations {
  let conditions = new Map<string, Condition>();
  let demands = new Map<string, Demand>();
  let every: DaemonSpec['logs']['expect_every'];

  /** Undefined when what it asks for is not known. */
  const met = (
    expectation: string,
    condition: Condition,
    seen: Seen,
    elapsed: number,
  ): boolean | undefined => {
    const { withinMs } = condition;
    switch (expectation) {
      case 'instances':
        return condition.holds(seen.tops.length);
      case 'restarts':
        return condition.holds(
          withinMs === undefined
            ? seen.restarts
            : seen.restartTimes.filter(at => elapsed - at < withinMs).length,
        );
      case 'memory':
        return asked(condition, total(seen.instances.map(({ memory }) => memory)));
      default:
        return asked(condition, worst(seen.instances.map(({ fdUsage }) => fdUsage)));
    }
  };

  /** Of every main process; undefined while there is none, or when one cannot be told. */
  const demanded = ({ met }: Demand, tops: readonly Instance[]): boolean | undefined => {
    const answers = tops.map(({ posture }) => posture && met(posture));
    if (answers.includes(false)) return false;
    return answers.length === 0 || answers.includes(undefined) ? undefined : true;
  };

  return {
    declare({ expect, logs }) {
      every = logs.expect_every;
      demands = demandsOf(expect);
      conditions = new Map(
        Object.entries({ instances: '>= 1', ...expect })
          .filter(([expectation, text]) => text !== undefined && !demands.has(expectation))
          .map(([expectation, text]) => [expectation, parseCondition(String(text))]),
      );
    },
    enough: running => running > 0 && (conditions.get('instances')?.holds(running) ?? true),
    tell: (seen, elapsed) => [
      ...Array.from(conditions, ([name, condition]) => ({
        name,
        condition: condition.text,
        met: met(name, condition, seen, elapsed),
      })),
      ...Array.from(demands, ([name, demand]) => ({
        name,
        condition: demand.text,
        met: demanded(demand, seen.tops),
      })),
      ...(every === undefined
        ? []
        : [
            {
              name: 'log_every',
              condition: `${seen.silence ? tellMs(seen.silence.limit) : '?'}${every === 'learn' ? ' (learned)' : ''}`,
              met: seen.silence && seen.silence.ms <= seen.silence.limit,
            },
          ]),
    ],
  };
}

/** In the largest unit that leaves a whole number. */
export function tellMs(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds % 3600 === 0 && seconds > 0) return `${seconds / 3600}h`;
  return seconds % 60 === 0 && seconds > 0 ? `${seconds / 60}m` : `${seconds}s`;
}

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
