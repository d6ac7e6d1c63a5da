// Rates as the configuration writes them, and the bucket that keeps to one. Pure.

import { choose, describe, integer, object, optional, pattern, type Schema } from './options.ts';
import type { RateLimitSpec } from './processor.ts';

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };
const RATE = /^([1-9]\d*)\/([smh])$/;
/** Parts such as a third do not add up exactly. */
const WHOLE = 1 - 1e-9;

function limit(written: string, burst?: number): RateLimitSpec {
  const [, count, unit] = RATE.exec(written)!;
  return { rate: written, perSecond: Number(count) / SECONDS[unit!]!, burst: burst ?? Number(count) };
}

/** `100/s`, or `{ rate: 100/s, burst: 1000 }`; `whose` says what each has a rate of its own. */
export function rateLimit(whose: string): Schema<RateLimitSpec> {
  const rate = describe(
    pattern('a rate such as 100/s, 600/m or 1000/h', RATE),
    `Records of each ${whose}: 100/s, 600/m or 1000/h.`,
  );
  const written: Schema<string | { rate: string; burst?: number }> = choose<
    string | { rate: string; burst?: number }
  >(
    { when: input => typeof input !== 'object', schema: rate },
    {
      when: () => true,
      schema: object({
        rate,
        burst: optional(
          describe(integer(1), 'Records that may come at once. Default: those of one unit of the rate.'),
        ),
      }),
    },
  );
  return {
    json: written.json,
    parse(input, path, checker) {
      const given = written.parse(input, path, checker);
      if (given === undefined) return undefined;
      return typeof given === 'string' ? limit(given) : limit(given.rate, given.burst);
    },
  };
}

/** A token bucket, full at first. Times in Unix ms. */
export class Bucket {
  private tokens: number;
  private at: number;
  private readonly spec: RateLimitSpec;

  constructor(spec: RateLimitSpec, at: number) {
    this.spec = spec;
    this.tokens = spec.burst;
    this.at = at;
  }

  /** Whether one more may pass. A clock set back gives nothing and costs nothing. */
  take(at: number): boolean {
    const { spec } = this;
    this.tokens = Math.min(spec.burst, this.tokens + (Math.max(0, at - this.at) * spec.perSecond) / 1000);
    this.at = at;
    if (this.tokens <= WHOLE) return false;
    this.tokens--;
    return true;
  }
}
