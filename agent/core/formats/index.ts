// The line formats by name.

import type { LineFormat, NamedFormat } from '../daemon.ts';
import type { Patterns } from '../pattern.ts';
import { createContainer, createCri, createDocker, type Unwrap } from './container.ts';
import { createCsv } from './csv.ts';
import type { Format } from './format.ts';
import { createJson } from './json.ts';
import { createKlog } from './klog.ts';
import { createLogfmt } from './logfmt.ts';
import { createMysql } from './mysql.ts';
import { createPostgres } from './postgres.ts';
import { createRedis } from './redis.ts';
import { createRegex } from './regex.ts';
import { createSyslog } from './syslog.ts';
import { createApache, createNginx } from './web.ts';

/** A format unwraps what a program wrote, before lines are joined, or reads the joined record, or both. */
export interface Parser {
  readonly unwrap?: Unwrap;
  /** Is told the first line of each file, which names the fields of the others and is no record. */
  readonly header?: (line: Uint8Array) => void;
  /** What the record of a line says of it that is not wrapped so. */
  readonly unwrapError: string;
  readonly format?: Format;
  /** What the record of a line that is not of this format says of it. */
  readonly error: string;
}

/** Throws when a user's pattern does not compile; the configuration has checked it. */
export function createParser(spec: LineFormat, patterns: Patterns): Parser {
  if (typeof spec === 'string') return createParser({ format: spec }, patterns);
  if (spec.format === undefined)
    return { format: createRegex(spec, patterns), error: 'the regex does not match', unwrapError: '' };
  const unwrap = unwrapOf(spec);
  const unwrapError = `not ${spec.format}`;
  if (unwrap !== undefined) {
    const { format, error } = createParser(spec.content ?? 'none', patterns);
    return { unwrap, unwrapError, error, ...(format && { format }) };
  }
  if (spec.format === 'csv') {
    const { format, header } = createCsv(spec);
    return { format, unwrapError, error: unwrapError, ...(spec.header && { header }) };
  }
  const format = formatOf(spec);
  return { unwrapError, error: unwrapError, ...(format && { format }) };
}

function unwrapOf({ format }: NamedFormat): Unwrap | undefined {
  switch (format) {
    case 'cri':
      return createCri();
    case 'docker':
      return createDocker();
    case 'container':
      return createContainer();
    default:
      return undefined;
  }
}

function formatOf(spec: NamedFormat): Format | undefined {
  switch (spec.format) {
    case 'json':
      return createJson(spec);
    case 'logfmt':
      return createLogfmt(spec);
    case 'nginx':
      return createNginx(spec);
    case 'apache':
      return createApache(spec);
    case 'syslog':
      return createSyslog(spec);
    case 'klog':
      return createKlog(spec);
    case 'postgres':
      return createPostgres(spec);
    case 'mysql':
      return createMysql(spec);
    case 'redis':
      return createRedis(spec);
    default:
      return undefined;
  }
}
