// What `collectors.host` takes.

import { describe, duration, fallback, object, type Parsed } from '../../agent/core/options.ts';

export const options = object({
  interval: fallback(describe(duration(1000), 'Time between two samples of the host.'), 30_000),
});

export type HostOptions = Parsed<typeof options>;
