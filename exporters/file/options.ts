// What `exporters.file` takes.

import {
  boolean,
  describe,
  fallback,
  fileMode,
  integer,
  object,
  type Parsed,
  pattern,
  size,
} from '../../agent/core/options.ts';

/** Stands for standard output. */
export const STDOUT = '-';

export const options = object({
  path: fallback(
    describe(
      pattern('an absolute path, or "-" for standard output', /^(-|\/.*[^/])$/),
      'Where lines of JSON go, one a record: a file, a named pipe, or "-" for standard output.',
    ),
    STDOUT,
  ),
  mode: describe(fallback(fileMode(), 0o600), 'Of a file that is made. Default: 0600.'),
  max_size: describe(
    fallback(size(), 100 * 2 ** 20),
    'A file that would grow beyond it becomes PATH.1; 0B leaves that to logrotate, which tells by SIGUSR1. Default: 100MiB.',
  ),
  max_files: fallback(describe(integer(0, 1000), 'How many of PATH.1, PATH.2, … are kept.'), 5),
  fsync: fallback(
    describe(boolean(), 'Whether a batch counts as delivered only once it outlives power loss.'),
    false,
  ),
});

export type FileOptions = Parsed<typeof options>;
