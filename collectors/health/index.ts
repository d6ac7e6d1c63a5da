// Looks at declared daemons from outside: one sampler a check. Every look ends in time, and a look that fails is
// a result, not an error.

import type { Sampler, SamplerPlan, SamplerRoom } from '../../agent/core/collector.ts';
import type { CheckSpec } from '../../agent/core/daemon.ts';
import type { Desc } from '../../agent/core/metric.ts';
import type { HealthOptions } from './options.ts';
import { createAttempt } from './probe/index.ts';
import { createSlots, type Slots } from './slots.ts';
import { judge, type Verdict } from './verdict.ts';

const labels = ['daemon', 'check'];
const UP: Desc = {
  name: 'eudaemon.health_check.up',
  type: 'gauge',
  help: 'Whether the health check holds, after its thresholds.',
  labels,
};
const TLS_EXPIRY: Desc = {
  name: 'eudaemon.health_check.tls_expiry_timestamp',
  type: 'gauge',
  unit: 's',
  help: 'Unix time when the certificate the check was shown ends.',
  labels,
};
const DURATION: Desc = {
  name: 'eudaemon.health_check.duration',
  type: 'histogram',
  unit: 's',
  help: 'Duration of the probes of the health check.',
  labels,
  buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
};
const FAILURES: Desc = {
  name: 'eudaemon.health_check.failures',
  type: 'counter',
  help: 'Probes of the health check that failed, before its thresholds.',
  labels,
};

/** One sampler for each check of each declared daemon; one that is declared as before goes on as before. */
export function create(options: HealthOptions, room: SamplerRoom): () => SamplerPlan[] {
  const slots = createSlots(options.concurrency);
  return () =>
    room.daemons.declared.flatMap(({ name, health }) =>
      health.map(check => ({
        id: JSON.stringify([name, check]),
        create: () => createCheck(name, check, room, slots),
      })),
    );
}

function createCheck(daemon: string, check: CheckSpec, room: SamplerRoom, slots: Slots): Sampler {
  const attempt = createAttempt(check, room);
  const duration = room.meter.instrument(DURATION);
  const failures = room.meter.instrument(FAILURES);
  // A counter that begins with its first failure hides that failure from rate().
  failures.with(daemon, check.name);
  let verdict: Verdict | undefined;

  return {
    name: room.name,
    everyMs: check.every,
    async sample(out, stop) {
      await slots.take();
      try {
        stop.throwIfAborted();
        const began = performance.now();
        const outcome = await attempt(stop);
        if (check.presumed && verdict === undefined && !outcome.ok) return;
        duration.with(daemon, check.name).observe((performance.now() - began) / 1000);
        if (!outcome.ok) failures.with(daemon, check.name).add();
        verdict = judge(verdict, outcome.ok, check);
        out.set(UP, verdict.healthy ? 1 : 0, daemon, check.name);
        if (outcome.tlsExpiry !== undefined) out.set(TLS_EXPIRY, outcome.tlsExpiry, daemon, check.name);
        room.reports.check(
          room.now(),
          daemon,
          check.name,
          verdict.healthy,
          outcome.message,
          outcome.timedOut,
        );
      } finally {
        slots.give();
      }
    },
    async close() {
      duration.remove(daemon, check.name);
      failures.remove(daemon, check.name);
    },
  };
}
