// What `collectors.health` takes. The checks themselves stand at their daemons.

import { describe, fallback, integer, object, type Parsed } from '../../agent/core/options.ts';

export const options = object({
  concurrency: fallback(
    describe(integer(1, 1024), 'Probes under way at once; the rest wait their turn.'),
    32,
  ),
});

export type HealthOptions = Parsed<typeof options>;
