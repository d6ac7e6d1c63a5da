// Options of `collectors.kmsg`.

import { describe, fallback, object, oneOf, type Parsed, pattern } from '../../agent/core/options.ts';

export const options = object({
  path: describe(
    fallback(pattern('an absolute path', /^\/[^\0]*$/), '/dev/kmsg'),
    'The device, or a file or FIFO of its format.',
  ),
  start_at: describe(
    fallback(oneOf('end', 'beginning'), 'end'),
    'Where to begin the first time; afterwards it goes on where it was, and at its first record after a boot.',
  ),
});

export type KmsgOptions = Parsed<typeof options>;
