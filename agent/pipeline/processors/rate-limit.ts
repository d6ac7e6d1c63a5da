// Step `rate_limit`: a token bucket for each daemon. What goes over it is counted, and told in one record now and then.
// Time is that of the records, when they were received.

import { type RateLimitSpec, Stopped } from '../../core/processor.ts';
import type { Origin } from '../../core/record.ts';
import type { Step, StepRoom } from './step.ts';

/** Services with a bucket of their own; the oldest is forgotten. */
const MAX_SERVICES = 10_000;
/** A record tells of what was suppressed in so long. */
const WINDOW_MS = 10_000;
const WARNING = 13;
/** Parts such as a third do not add up exactly. */
const WHOLE = 1 - 1e-9;

interface Bucket {
  origin: Origin;
  tokens: number;
  /** Unix ms of the last record. */
  at: number;
  suppressed: number;
  /** Unix ms of the first suppressed record. */
  since: number;
}

export function createRateLimit({ rate, perSecond, burst }: RateLimitSpec, { events }: StepRoom): Step {
  const buckets = new Map<string, Bucket>();

  const tell = (bucket: Bucket, now: number) => {
    const { origin, suppressed, since } = bucket;
    const seconds = Math.max(1, Math.round((now - since) / 1000));
    bucket.suppressed = 0;
    events.emit({
      name: 'eudaemon.records.suppressed',
      daemon: origin.daemon,
      origin,
      severity: WARNING,
      body: `suppressed ${suppressed} records of ${origin.service} in ${seconds}s, over the limit of ${rate}`,
      attributes: {
        'eudaemon.suppressed.count': suppressed,
        'eudaemon.suppressed.reason': Stopped.RateLimited,
      },
      at: now,
    });
  };

  const bucketOf = (origin: Origin, at: number): Bucket => {
    let bucket = buckets.get(origin.service);
    if (bucket === undefined) {
      if (buckets.size >= MAX_SERVICES) {
        const [service, oldest] = buckets.entries().next().value as [string, Bucket];
        if (oldest.suppressed > 0) tell(oldest, at);
        buckets.delete(service);
      }
      bucket = { origin, tokens: burst, at, suppressed: 0, since: 0 };
      buckets.set(origin.service, bucket);
    }
    return bucket;
  };

  return {
    run({ origin, observedSeconds, observedNanos }) {
      const at = observedSeconds * 1000 + observedNanos / 1e6;
      const bucket = bucketOf(origin, at);
      // A clock set back gives nothing and costs nothing.
      bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, at - bucket.at) * perSecond) / 1000);
      bucket.at = at;
      if (bucket.tokens > WHOLE) {
        bucket.tokens--;
        return '';
      }
      bucket.origin = origin;
      if (bucket.suppressed++ === 0) bucket.since = at;
      return Stopped.RateLimited;
    },
    tick(now, isLast) {
      for (const bucket of buckets.values())
        if (bucket.suppressed > 0 && (isLast || Math.abs(now - bucket.since) >= WINDOW_MS)) tell(bucket, now);
    },
  };
}
