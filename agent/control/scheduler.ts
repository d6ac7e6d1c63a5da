// Runs samplers on time: spread out, never two calls at once, timed, and their latest samples kept.

import type { Clock } from '../core/clock.ts';
import type { Sampler } from '../core/collector.ts';
import { causeOf, NoData } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { createLatest, type LatestSamples, type Meter } from '../core/meter.ts';
import type { Desc, Family } from '../core/metric.ts';

const UP: Desc = {
  name: 'eudaemon.collector.up',
  type: 'gauge',
  help: 'Whether the last cycle of the collector succeeded.',
  labels: ['collector'],
};
const DURATION: Desc = {
  name: 'eudaemon.collector.duration',
  type: 'gauge',
  unit: 's',
  help: 'Duration of the last cycle of the collector.',
  labels: ['collector'],
};

export interface Scheduler {
  /** Takes the first sample of each at once; resolves when all have been tried. */
  start(samplers: readonly Sampler[]): Promise<void>;
  /** Stops these and forgets their samples. */
  stop(samplers: readonly Sampler[]): Promise<void>;
  families(): Iterable<Family>;
  /** Collectors whose last cycle failed, with the reason. */
  faults(): ReadonlyMap<string, string>;
}

interface Job {
  readonly sampler: Sampler;
  readonly latest: LatestSamples;
  readonly abort: AbortController;
  cancel: () => void;
  running: Promise<void> | undefined;
  fault: string | undefined;
}

/** `spread` gives a number in [0, 1): the share of the first interval to wait, so that not all run together. */
export function createScheduler(room: {
  clock: Clock;
  log: Log;
  meter: Meter;
  spread?: () => number;
  /** Called with what a cycle gave. */
  sampled?: (families: Iterable<Family>) => void;
}): Scheduler {
  const { clock, log, spread = Math.random } = room;
  const jobs = new Map<Sampler, Job>();
  const up = room.meter.instrument(UP);
  const duration = room.meter.instrument(DURATION);

  const report = (name: string) => {
    const same = [...jobs.values()].filter(job => job.sampler.name === name);
    if (same.length === 0) {
      up.remove(name);
      duration.remove(name);
    } else {
      up.with(name).set(same.every(job => job.fault === undefined) ? 1 : 0);
    }
  };

  const cycle = async (job: Job): Promise<void> => {
    const { sampler, latest } = job;
    const began = clock.elapsed();
    latest.begin();
    try {
      await sampler.sample(latest, job.abort.signal);
      latest.end();
      room.sampled?.(latest.families());
      job.fault = undefined;
    } catch (error) {
      if (job.abort.signal.aborted) return;
      latest.clear();
      job.fault = causeOf(error);
      if (error instanceof NoData) log.room(sampler.name).debug(`nothing to sample: ${job.fault}`);
      else log.room(sampler.name).warn(`cannot sample: ${job.fault}`);
    }
    duration.with(sampler.name).set((clock.elapsed() - began) / 1000);
    report(sampler.name);
  };

  /** The next call is due one interval after the last was due; calls missed meanwhile are left out. */
  const plan = (job: Job, due: number): void => {
    job.cancel = clock.after(Math.max(0, due - clock.elapsed()), () => {
      job.running = cycle(job).then(() => {
        job.running = undefined;
        if (job.abort.signal.aborted) return;
        const { everyMs } = job.sampler;
        const missed = Math.floor(Math.max(0, clock.elapsed() - due) / everyMs);
        plan(job, due + (missed + 1) * everyMs);
      });
    });
  };

  return {
    async start(samplers) {
      await Promise.all(
        samplers.map(async sampler => {
          const job: Job = {
            sampler,
            latest: createLatest(clock.now),
            abort: new AbortController(),
            cancel: () => {},
            running: undefined,
            fault: undefined,
          };
          jobs.set(sampler, job);
          job.running = cycle(job);
          await job.running;
          job.running = undefined;
          if (!job.abort.signal.aborted) plan(job, clock.elapsed() + sampler.everyMs * (0.5 + spread() / 2));
        }),
      );
    },
    async stop(samplers) {
      const stopping = samplers.flatMap(sampler => jobs.get(sampler) ?? []);
      for (const job of stopping) {
        job.cancel();
        job.abort.abort();
        jobs.delete(job.sampler);
      }
      await Promise.allSettled(stopping.map(job => job.running));
      await Promise.allSettled(stopping.map(job => job.sampler.close?.()));
      for (const job of stopping) report(job.sampler.name);
    },
    *families() {
      for (const job of jobs.values()) yield* job.latest.families();
    },
    faults() {
      const faults = new Map<string, string>();
      for (const job of jobs.values()) if (job.fault) faults.set(job.sampler.name, job.fault);
      return faults;
    },
  };
}
