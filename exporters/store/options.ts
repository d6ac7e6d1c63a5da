// What `exporters.store` takes.

import { describe, duration, fallback, object, type Parsed, size } from '../../agent/core/options.ts';

const DAY = 86_400_000;

export const options = object({
  retention: fallback(describe(duration(60_000), 'Records older than this are deleted.'), DAY),
  max_size: fallback(
    describe(size(8 * 2 ** 20), 'Space the store may take; the oldest records go first.'),
    2 ** 30,
  ),
});

export type StoreOptions = Parsed<typeof options>;
