// Pushes the families to a metric exporter on its interval; a failed push waits for the next, figures are cumulative.

import type { Clock } from '../core/clock.ts';
import { causeOf } from '../core/errors.ts';
import { type MetricExporter, RetryLater } from '../core/exporter.ts';
import type { Log } from '../core/log.ts';
import type { Meter } from '../core/meter.ts';
import type { Desc, Family } from '../core/metric.ts';
import { grantWish } from '../core/wish.ts';

const labels = ['exporter'];
const UP: Desc = {
  name: 'eudaemon.metrics.push.up',
  type: 'gauge',
  help: 'Whether the last push of metrics succeeded.',
  labels,
};
const PUSHES: Desc = {
  name: 'eudaemon.metrics.push.sent',
  type: 'counter',
  help: 'Pushes of metrics delivered.',
  labels,
};
const FAILURES: Desc = {
  name: 'eudaemon.metrics.push.failures',
  type: 'counter',
  help: 'Pushes of metrics that failed, by reason.',
  labels: [...labels, 'reason'],
};
/** Failing for longer makes the agent not ready. */
const PATIENCE_MS = 5 * 60_000;
const LAST_PUSH_MS = 2000;

export interface Push {
  start(): void;
  fault(): string | undefined;
  /** Pushes once more, so that the last figures arrive, within `leftMs` at the latest; then closes. */
  stop(leftMs?: number): Promise<void>;
}

export function createPush(room: {
  name: string;
  exporter: MetricExporter;
  families: () => Promise<Iterable<Family>>;
  clock: Clock;
  log: Log;
  meter: Meter;
  /** In [0, 1): jitter. */
  random?: () => number;
}): Push {
  const { name, exporter, clock, log, random = Math.random } = room;
  const up = room.meter.instrument(UP).with(name);
  const sent = room.meter.instrument(PUSHES).with(name);
  const failures = room.meter.instrument(FAILURES);
  const abort = new AbortController();
  let cancel = () => {};
  let failingSince: number | undefined;
  let lastFailure = '';
  let running = Promise.resolve();

  /** Agents that started together do not push together. */
  let phase = exporter.everyMs * random();
  let wish = 0;

  const push = async (signal: AbortSignal) => {
    wish = 0;
    try {
      await exporter.push(await room.families(), clock.now(), signal);
      sent.add(1);
      up.set(1);
      failingSince = undefined;
    } catch (error) {
      if (abort.signal.aborted) return;
      const reason = error instanceof RetryLater ? error.reason : 'internal';
      failures.with(name, reason).add(1);
      if (error instanceof RetryLater) wish = error.afterMs ?? 0;
      up.set(0);
      failingSince ??= clock.elapsed();
      lastFailure = causeOf(error);
      log.warn(`cannot push metrics: ${lastFailure}`, { reason });
    }
  };
  const plan = () => {
    const { least, window } = grantWish(wish);
    const pause = Math.max(phase || exporter.everyMs, least + window * random());
    phase = 0;
    cancel = clock.after(pause, () => {
      running = push(abort.signal).then(() => {
        if (!abort.signal.aborted) plan();
      });
    });
  };

  return {
    start() {
      running = push(abort.signal).then(() => {
        if (!abort.signal.aborted) plan();
      });
    },
    fault() {
      if (failingSince === undefined || clock.elapsed() - failingSince < PATIENCE_MS) return undefined;
      return `exporter ${name} has failed to push metrics: ${lastFailure}`;
    },
    async stop(leftMs = LAST_PUSH_MS) {
      cancel();
      abort.abort();
      await running;
      if (failingSince === undefined)
        await push(AbortSignal.timeout(Math.ceil(Math.min(LAST_PUSH_MS, leftMs))));
      await exporter.close();
    },
  };
}
