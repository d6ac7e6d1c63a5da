// Step `rate_limit`: a token bucket for each daemon. What goes over it is counted, and told in one record now and then.
// Time is that of the records, when they were received.

import { type RateLimitSpec, Stopped } from '../../core/processor.ts';
import { Bucket } from '../../core/rate.ts';
import type { Origin } from '../../core/record.ts';
import type { Step, StepRoom } from './step.ts';

/** Services with a bucket of their own; the oldest is forgotten. */
const MAX_SERVICES = 10_000;
/** A record tells of what was suppressed in so long. */
const WINDOW_MS = 10_000;
const WARNING = 13;

interface Held {
  origin: Origin;
  readonly bucket: Bucket;
  suppressed: number;
  /** Unix ms of the first suppressed record. */
  since: number;
}

export function createRateLimit(spec: RateLimitSpec, { events }: StepRoom): Step {
  const services = new Map<string, Held>();

  const tell = (held: Held, now: number) => {
    const { origin, suppressed, since } = held;
    const seconds = Math.max(1, Math.round((now - since) / 1000));
    held.suppressed = 0;
    events.emit({
      name: 'eudaemon.records.suppressed',
      daemon: origin.daemon,
      origin,
      severity: WARNING,
      body: `suppressed ${suppressed} records of ${origin.service} in ${seconds}s, over the limit of ${spec.rate}`,
      attributes: {
        'eudaemon.suppressed.count': suppressed,
        'eudaemon.suppressed.reason': Stopped.RateLimited,
      },
      at: now,
    });
  };

  const heldOf = (origin: Origin, at: number): Held => {
    let held = services.get(origin.service);
    if (held === undefined) {
      if (services.size >= MAX_SERVICES) {
        const [service, oldest] = services.entries().next().value as [string, Held];
        if (oldest.suppressed > 0) tell(oldest, at);
        services.delete(service);
      }
      held = { origin, bucket: new Bucket(spec, at), suppressed: 0, since: 0 };
      services.set(origin.service, held);
    }
    return held;
  };

  return {
    run({ origin, observedSeconds, observedNanos }) {
      const at = observedSeconds * 1000 + observedNanos / 1e6;
      const held = heldOf(origin, at);
      if (held.bucket.take(at)) return '';
      held.origin = origin;
      if (held.suppressed++ === 0) held.since = at;
      return Stopped.RateLimited;
    },
    tick(now, isLast) {
      for (const held of services.values())
        if (held.suppressed > 0 && (isLast || Math.abs(now - held.since) >= WINDOW_MS)) tell(held, now);
    },
  };
}
