// Options of `collectors.journald`.

import {
  describe,
  fallback,
  list,
  object,
  oneOf,
  optional,
  type Parsed,
  string,
} from '../../agent/core/options.ts';

export const options = object({
  units: describe(fallback(list(string(), true), []), 'Only these units; globs are allowed. All when empty.'),
  path: describe(
    optional(string()),
    'A directory of journal files, a journal file, or a glob of them; the journal of the host when absent.',
  ),
  start_at: describe(
    fallback(oneOf('end', 'beginning'), 'end'),
    'Where to begin the first time; afterwards it goes on where it was.',
  ),
});

export type JournaldOptions = Parsed<typeof options>;
