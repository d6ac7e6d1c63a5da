// What `collectors.processes` takes.

import {
  boolean,
  describe,
  duration,
  fallback,
  integer,
  object,
  oneOf,
  optional,
  type Parsed,
} from '../../agent/core/options.ts';

export const options = object({
  interval: fallback(describe(duration(1000), 'How often processes are looked at.'), 10_000),
  source: fallback(
    describe(
      oneOf('auto', 'proc', 'portable'),
      'Where processes are seen: /proc, or what ps(1) tells on hosts without it.',
    ),
    'auto',
  ),
  exits: fallback(
    describe(
      oneOf('auto', 'netlink', 'pidfd', 'sample'),
      'How the ends of daemons become known: told by the kernel, by descriptors of those known, or by the next look; the best there is when `auto`.',
    ),
    'auto',
  ),
  details_interval: optional(
    describe(
      duration(1000),
      'How often control groups, open files, sockets, context switches and swap are looked at; three times `interval` when absent.',
    ),
  ),
  undeclared: fallback(
    describe(integer(0, 100), 'So many programs of no declared daemon are told by name, the rest as one.'),
    0,
  ),
  pss: fallback(describe(boolean(), 'Also the proportional share of memory, which costs more.'), false),
});

export type ProcessesOptions = Parsed<typeof options>;

/** In ms. */
export const detailsInterval = ({
  interval,
  details_interval,
}: Pick<ProcessesOptions, 'interval' | 'details_interval'>): number => details_interval ?? 3 * interval;
