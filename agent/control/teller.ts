// Tells one target of alerts, in order, until it has heard of each; what it has not heard of is kept by the caller.

import type { Alert, AlertTarget } from '../core/alert.ts';
import { createBackoff } from '../core/backoff.ts';
import type { Clock } from '../core/clock.ts';
import { causeOf } from '../core/errors.ts';
import { RetryLater } from '../core/exporter.ts';
import type { Log } from '../core/log.ts';
import type { Meter } from '../core/meter.ts';
import type { Desc } from '../core/metric.ts';

const labels = ['target'];
const UP: Desc = {
  name: 'eudaemon.alerts.target.up',
  type: 'gauge',
  help: 'Whether the last attempt to tell a target of an alert succeeded.',
  labels,
};
const SENT: Desc = {
  name: 'eudaemon.alerts.sent',
  type: 'counter',
  unit: '{alert}',
  help: 'Alerts, and ends of alerts, that a target was told of.',
  labels,
};
const FAILURES: Desc = {
  name: 'eudaemon.alerts.failures',
  type: 'counter',
  help: 'Attempts to tell a target of an alert that failed, by reason; `queue_full` is one that it will never hear of.',
  labels: [...labels, 'reason'],
};
/** Of a target that is away for long, the oldest are given up. */
const MOST_WAITING = 1000;
/** Failing for longer makes the agent not ready. */
const PATIENCE_MS = 5 * 60_000;

export interface Teller {
  readonly waiting: readonly Alert[];
  add(alert: Alert): void;
  /** Once a second, with all that fire. */
  tick(firing: readonly Alert[]): void;
  fault(): string | undefined;
  /** Goes on for `leftMs` at most, unless the target fails. */
  stop(leftMs: number): Promise<void>;
}

export function createTeller(room: {
  readonly target: AlertTarget;
  readonly waiting: readonly Alert[];
  /** Called when `waiting` has become less. */
  readonly heard: () => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  /** In [0, 1): jitter. */
  readonly random?: () => number;
}): Teller {
  const { target, heard, clock, log, meter, random = Math.random } = room;
  const { name, repeatMs } = target;
  const up = meter.instrument(UP).with(name);
  const sent = meter.instrument(SENT).with(name);
  const failures = meter.instrument(FAILURES);
  const backoff = createBackoff(random);
  const abort = new AbortController();
  const waiting = [...room.waiting];
  let repeatedAt = clock.elapsed();
  let failingSince: number | undefined;
  let lastFailure = '';
  let running: Promise<void> | undefined;

  const failed = (error: unknown) => {
    const reason = error instanceof RetryLater ? error.reason : 'internal';
    failures.with(name, reason).add(1);
    up.set(0);
    failingSince ??= clock.elapsed();
    backoff.fails(clock.elapsed(), (error instanceof RetryLater && error.afterMs) || 0, false);
    lastFailure = causeOf(error);
    log.warn(`cannot tell ${name} of an alert: ${lastFailure}`, { reason, waiting: waiting.length });
  };
  /** How many it told. */
  const run = async () => {
    let told = 0;
    try {
      for (let alert = waiting[0]; alert; alert = waiting[0]) {
        await target.tell(alert, abort.signal);
        // It may have been given up meanwhile.
        if (waiting[0] === alert) waiting.shift();
        told++;
        sent.add(1);
        up.set(1);
        failingSince = undefined;
        backoff.works();
      }
    } catch (error) {
      if (!abort.signal.aborted) failed(error);
    }
    return told;
  };
  const begin = () => {
    running = run().then(told => {
      running = undefined;
      if (told > 0) heard();
    });
    return running;
  };

  return {
    waiting,
    add(alert) {
      if (waiting.length >= MOST_WAITING) {
        waiting.shift();
        failures.with(name, 'queue_full').add(1);
      }
      waiting.push(alert);
    },
    tick(firing) {
      const now = clock.elapsed();
      if (repeatMs !== undefined && now - repeatedAt >= repeatMs && waiting.length === 0) {
        repeatedAt = now;
        waiting.push(...firing);
      }
      if (!running && waiting.length > 0 && now >= backoff.notBefore) void begin();
    },
    fault() {
      if (failingSince === undefined || clock.elapsed() - failingSince < PATIENCE_MS) return undefined;
      return `${name} cannot be told of alerts: ${lastFailure}`;
    },
    async stop(leftMs) {
      AbortSignal.timeout(Math.ceil(leftMs)).addEventListener('abort', () => abort.abort());
      await (running ?? (failingSince === undefined ? begin() : undefined));
    },
  };
}
