// Carries batches from the spool to one exporter: in order, several at once, with full-jitter back-off while it is away.

import { createBackoff } from '../core/backoff.ts';
import { causeOf } from '../core/errors.ts';
import { type Delivery, type LogExporter, type Refusal, RetryLater } from '../core/exporter.ts';
import type { Log } from '../core/log.ts';
import type { Meter } from '../core/meter.ts';
import type { Desc } from '../core/metric.ts';
import type { Reader, Taken } from './spool/reader.ts';

/** Small batches that waited are sent as one request of at most this size. */
const REQUEST_BYTES = 1 * 2 ** 20;
/** Failing for longer makes the agent not ready. */
const PATIENCE_MS = 5 * 60_000;
/** Of failures that are our own. */
const INTERNAL = 'internal';
/** So long what is under way may take when another takes its place. */
const LEAVING_MS = 3000;

const desc = (name: string, type: Desc['type'], help: string, labels: string[]): Desc => ({
  name,
  type,
  help,
  labels,
});
const UP = desc('eudaemon.exporter.up', 'gauge', 'Whether the last delivery of the exporter succeeded.', [
  'exporter',
]);
const SENT = desc('eudaemon.exporter.sent', 'counter', 'Batches an exporter has delivered.', ['exporter']);
const RETRIES = desc('eudaemon.exporter.retries', 'counter', 'Deliveries tried again.', ['exporter']);
const FAILURES = desc('eudaemon.exporter.failures', 'counter', 'Deliveries that failed, by reason.', [
  'exporter',
  'reason',
]);

export interface Pump {
  /** There may be something new to carry. */
  wake(): void;
  /** Output files are opened anew. */
  reopen(): Promise<void>;
  /** Once a second. */
  tick(): void;
  /** Why data does not flow, once that has lasted five minutes. */
  fault(): string | undefined;
  /**
   * Carries what is left until the deadline passes (ms from now) or so many further attempts have failed, then stops. What was
   * not delivered stays in the spool.
   */
  stop(deadlineMs: number, failures: number): Promise<void>;
  /** Ends what is under way, which otherwise comes twice, begins nothing more, and stops: another takes its place. */
  leave(): Promise<void>;
}

export function createPump(room: {
  name: string;
  exporter: LogExporter;
  reader: Reader;
  log: Log;
  meter: Meter;
  /** Monotonic ms: a clock that is set back must not hold anything up. */
  now?: () => number;
  /** In [0, 1): jitter. */
  random?: () => number;
  settled(delivered: number, rejected: number, reason: string): void;
  /** Keeps what was refused as a whole; never rejects. */
  refused?(refused: readonly Refusal[]): Promise<void>;
}): Pump {
  const { name, exporter, reader, log, random = Math.random } = room;
  const now = room.now ?? (() => performance.now());
  const up = room.meter.instrument(UP).with(name);
  const sent = room.meter.instrument(SENT).with(name);
  const retries = room.meter.instrument(RETRIES).with(name);
  const failures = room.meter.instrument(FAILURES);
  up.set(1);
  sent.add(0);
  // Other reasons are known when they come.
  failures.with(name, INTERNAL).add(0);

  const abort = new AbortController();
  const waiting = new Set<() => void>();
  /** Under way, the oldest first. */
  const flights: Taken[] = [];
  let failingSince: number | undefined;
  let lastFailure = '';
  let failed = 0;
  let stopping = false;
  /** Attempts that may still fail; at 0 none begins any more. */
  let chances = Number.POSITIVE_INFINITY;
  /** Of those that stop there is no crowd to be spread: the first try comes at once. */
  let isLastTry = false;
  let wakeUp: (() => void) | undefined;
  let idle: (() => void) | undefined;
  const backoff = createBackoff(random);

  /** Ends early when something changed that may let an attempt begin. */
  const pause = (ms: number) =>
    new Promise<void>(resolve => {
      const timer = ms < Number.POSITIVE_INFINITY ? setTimeout(done, ms) : undefined;
      function done() {
        clearTimeout(timer);
        waiting.delete(done);
        resolve();
      }
      waiting.add(done);
    });
  const stir = () => {
    for (const go of [...waiting]) go();
  };
  abort.signal.addEventListener('abort', stir);

  /** How long until an attempt with this batch may begin; while the exporter is away only the oldest one tries. */
  const holdMs = (taken: Taken): number => {
    if (abort.signal.aborted || chances <= 0) return 0;
    if (failingSince !== undefined && flights[0] !== taken) return Number.POSITIVE_INFINITY;
    return Math.max(0, (isLastTry ? backoff.wishedFor : backoff.notBefore) - now());
  };

  const fails = (error: RetryLater, sameRound: boolean) => {
    failures.with(name, error.reason).add(1);
    up.set(0);
    failingSince ??= now();
    lastFailure = error.message;
    failed++;
    isLastTry = false;
    if (--chances <= 0) stir();
    backoff.fails(now(), error.afterMs ?? 0, sameRound);
    log.warn(`cannot deliver: ${error.message}`, { reason: error.reason });
  };

  const works = () => {
    if (failingSince !== undefined) log.info('delivers again');
    failingSince = undefined;
    backoff.works();
    up.set(1);
    stir();
  };

  /** Resolves when the batch is finished with; undefined when the pump was stopped before. */
  const carry = async (taken: Taken): Promise<Delivery | undefined> => {
    for (let first = true; ; first = false) {
      for (let hold = holdMs(taken); hold > 0; hold = holdMs(taken)) await pause(hold);
      if (abort.signal.aborted || chances <= 0) return undefined;
      if (!first) retries.add(1);
      const before = failed;
      try {
        const delivery = await exporter.deliver(taken, abort.signal);
        if (delivery.refused) await room.refused?.(delivery.refused);
        // A failure meanwhile says more about the receiver than this success, which it had begun before.
        if (before === failed) works();
        return delivery;
      } catch (error) {
        if (abort.signal.aborted) return undefined;
        fails(
          error instanceof RetryLater ? error : new RetryLater(INTERNAL, causeOf(error), undefined, error),
          before !== failed,
        );
      }
    }
  };

  const fly = async (taken: Taken) => {
    flights.push(taken);
    const delivery = await carry(taken);
    flights.splice(flights.indexOf(taken), 1);
    if (delivery) {
      const { rejected, reason = 'rejected' } = delivery;
      reader.done(taken);
      sent.add(1);
      if (rejected > 0) failures.with(name, reason).add(1);
      room.settled(taken.records - rejected, rejected, reason);
    }
    stir();
    wakeUp?.();
  };

  const run = async () => {
    while (!abort.signal.aborted) {
      // While the exporter is away one attempt at a time is enough to find out.
      const width = failingSince === undefined ? exporter.concurrency : 1;
      const taken = flights.length < width && chances > 0 ? reader.take(REQUEST_BYTES) : undefined;
      if (taken) {
        void fly(taken);
        continue;
      }
      if (flights.length === 0) idle?.();
      await new Promise<void>(resolve => {
        wakeUp = resolve;
      });
    }
  };
  const running = run();

  const stop = async (deadlineMs: number, failures: number) => {
    if (stopping) return running;
    stopping = true;
    // Whoever wants to be left alone for longer is not tried.
    isLastTry = true;
    chances = failures > 0 && backoff.wishedFor - now() < deadlineMs ? failures : 0;
    const drained = new Promise<void>(resolve => {
      idle = resolve;
    });
    wakeUp?.();
    stir();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>(resolve => {
      timer = setTimeout(resolve, deadlineMs);
    });
    await Promise.race([drained, late]);
    clearTimeout(timer);
    abort.abort();
    wakeUp?.();
    await running;
    await exporter.close();
  };

  return {
    wake: () => wakeUp?.(),
    reopen: async () => exporter.reopen?.(),
    tick() {
      if (!stopping) exporter.tick?.();
    },
    fault() {
      if (failingSince === undefined || now() - failingSince < PATIENCE_MS) return undefined;
      return `exporter ${name} has failed for ${Math.round((now() - failingSince) / 1000)} s: ${lastFailure}`;
    },
    stop,
    leave: () => stop(LEAVING_MS, 0),
  };
}
