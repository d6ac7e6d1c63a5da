// The line formats by name.

import type { LineFormat } from '../daemon.ts';
import type { Patterns } from '../pattern.ts';
import { createCri, createDocker, type Unwrap } from './container.ts';
import type { Format } from './format.ts';
import { createJson } from './json.ts';
import { createLogfmt } from './logfmt.ts';
import { createRegex } from './regex.ts';
import { createSyslog } from './syslog.ts';
import { createApache, createNginx } from './web.ts';

/** A format either unwraps what a program wrote, before lines are joined, or reads the joined record. */
export interface Parser {
  readonly unwrap?: Unwrap;
  readonly format?: Format;
  /** What the record of a line that is not of this format says of it. */
  readonly error: string;
}

/** Throws when a user's pattern does not compile; the configuration has checked it. */
export function createParser(spec: LineFormat, patterns: Patterns): Parser {
  if (typeof spec === 'object')
    return { format: createRegex(spec, patterns), error: 'the regex does not match' };
  const error = `not ${spec}`;
  switch (spec) {
    case 'none':
      return { error };
    case 'cri':
      return { unwrap: createCri(), error };
    case 'docker':
      return { unwrap: createDocker(), error };
    case 'json':
      return { format: createJson(), error };
    case 'logfmt':
      return { format: createLogfmt(), error };
    case 'nginx':
      return { format: createNginx(), error };
    case 'apache':
      return { format: createApache(), error };
    case 'syslog':
      return { format: createSyslog(), error };
  }
}
