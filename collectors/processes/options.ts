// What `collectors.processes` takes.

import { describe, duration, fallback, object, type Parsed } from '../../agent/core/options.ts';

export const options = object({
  interval: fallback(describe(duration(1000), 'How often processes are looked at.'), 10_000),
});

export type ProcessesOptions = Parsed<typeof options>;
