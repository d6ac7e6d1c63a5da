// The shape of a daemon's `health:` checks. Pure.

import type { CheckSpec } from '../core/daemon.ts';
import {
  absolutePath,
  boolean,
  describe,
  duration,
  fallback,
  formatted,
  integer,
  list,
  map,
  object,
  oneOf,
  optional,
  pattern,
  type Schema,
  string,
} from '../core/options.ts';
import { also, hostPort } from './shapes.ts';

const PROBES = ['http', 'tcp', 'unix', 'exec', 'grpc'] as const;

/** Keys that only some probes know. */
const PROBES_OF: Readonly<Record<string, readonly string[]>> = {
  method: ['http'],
  status: ['http'],
  headers: ['http'],
  expect: ['http', 'tcp', 'unix'],
  send: ['tcp', 'unix'],
  as: ['exec'],
  service: ['grpc'],
};

const DEFAULT_TIMEOUT_MS = 2000;

const checkFields = object(
  {
    name: optional(pattern('a name of letters, digits, _ . and -', /^[a-zA-Z0-9][\w.-]*$/)),
    http: optional(
      also(pattern('a URL with http:// or https://', /^https?:\/\/[^\s/]+/), url =>
        URL.canParse(url) ? undefined : `"${url}" is not a URL`,
      ),
    ),
    tcp: optional(hostPort()),
    unix: optional(absolutePath()),
    exec: optional(
      also(list(string(), true), words => (words.length > 0 ? undefined : 'the command is empty')),
    ),
    grpc: optional(hostPort()),
    every: fallback(duration(100), 10_000),
    timeout: optional(describe(duration(10), 'Default: 2s, or `every` when that is shorter.')),
    failures: fallback(integer(1, 1000), 3),
    successes: fallback(integer(1, 1000), 1),
    method: optional(oneOf('GET', 'HEAD', 'POST', 'PUT', 'OPTIONS')),
    status: optional(
      describe(
        list(integer(100, 599), true),
        'Statuses that are well; 2xx when absent. A redirect is followed on the same host unless it is one of them.',
      ),
    ),
    headers: optional(map(string())),
    expect: optional(formatted('regex')),
    send: optional(string()),
    as: optional(string()),
    service: optional(string()),
    tls_insecure: optional(boolean()),
  },
  { exactlyOne: PROBES },
);

const check: Schema<CheckSpec> = {
  ...checkFields,
  parse(input, path, checker) {
    const given = checkFields.parse(input, path, checker);
    if (!given) return undefined;
    const probe = PROBES.find(name => given[name] !== undefined)!;
    const alien = Object.keys(given).filter(key => PROBES_OF[key]?.includes(probe) === false);
    for (const key of alien)
      checker.problem(
        [...path, key],
        `"${key}" means nothing to ${probe}; it belongs to ${PROBES_OF[key]!.join(', ')}`,
        'key',
      );
    const timeout = given.timeout ?? Math.min(DEFAULT_TIMEOUT_MS, given.every);
    if (timeout > given.every) checker.problem([...path, 'timeout'], 'it is longer than `every`');
    return { ...given, name: given.name ?? probe, timeout };
  },
};

export const checks: Schema<CheckSpec[]> = {
  json: list(check).json,
  parse(input, path, checker) {
    const found = list(check).parse(input, path, checker);
    const seen = new Set<string>();
    for (const [i, { name }] of (found ?? []).entries()) {
      if (seen.has(name))
        checker.problem(
          [...path, i, 'name'],
          `a check of this daemon is already called "${name}"; give each a name of its own`,
        );
      seen.add(name);
    }
    return found;
  },
};
