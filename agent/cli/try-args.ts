// What `eudaemon check --try` was asked: the text, and how it is to be read.

import { closeSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { looksCompressed } from '../../collectors/files/discover.ts';
import type { Config } from '../config/index.ts';
import { causeOf, SetupError, UsageError } from '../core/errors.ts';
import { FILE_FORMATS } from '../core/formats/options.ts';
import { didYouMean } from '../core/units.ts';
import type { TryOptions } from './try.ts';

interface Asked {
  readonly try?: string;
  readonly file?: string;
  readonly lines?: string;
  readonly daemon?: string;
  readonly source?: string;
  readonly format?: string;
  readonly json?: boolean;
}

const MAX_RECORDS = 10_000;
/** Of a file no more is read. */
const MAX_BYTES = 8 * 2 ** 20;
const NEWLINE = 10;

/** Throws UsageError, and SetupError for a file that cannot be read. */
export function readTry(config: Config, asked: Asked): Omit<TryOptions, 'now' | 'host' | 'out'> {
  const { file, lines = '10', daemon, format, source } = asked;
  if ((asked.try === undefined) === (file === undefined))
    throw new UsageError('check: give either --try LINE or --file PATH');
  const limit = Number(lines);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_RECORDS)
    throw new UsageError(`check: --lines "${lines}" is not a number from 1 to ${MAX_RECORDS}`);
  const names = config.daemons.map(({ name }) => name);
  const text = file === undefined ? Buffer.from(asked.try!) : head(file);
  const spec = config.daemons.find(({ name }) => name === choice('daemon', daemon, names));
  const parse = choice('format', format, FILE_FORMATS);
  const chosen = choice('source', source, ['syslog', 'file'] as const);
  if (chosen === 'syslog' && parse !== undefined)
    throw new UsageError('check: --format is for lines of files; a processor parses the text of messages');
  const isMessage = /^<\d/.test(asked.try ?? '') && parse === undefined;
  const isFile = file !== undefined || parse !== undefined || (spec?.logs.files.length ?? 0) > 0;
  return {
    text,
    source: chosen ?? (isFile && !isMessage ? 'file' : 'syslog'),
    ...(spec && { daemon: spec.name }),
    ...(parse && { format: parse }),
    ...(file !== undefined && { path: resolve(file) }),
    json: asked.json ?? false,
    limit: file === undefined ? MAX_RECORDS : limit,
  };
}

function choice<T extends string>(
  option: string,
  given: string | undefined,
  known: readonly T[],
): T | undefined {
  if (given === undefined || known.includes(given as T)) return given as T | undefined;
  throw new UsageError(
    `check: --${option} "${given}" is not one of ${known.join(', ') || 'those declared: there are none'}${didYouMean(given, known)}`,
  );
}

/** The first lines of a file. */
function head(path: string): Uint8Array {
  const buffer = new Uint8Array(MAX_BYTES);
  let size = 0;
  try {
    const fd = openSync(path, 'r');
    try {
      for (let read = -1; read !== 0 && size < MAX_BYTES; size += read)
        read = readSync(fd, buffer, size, MAX_BYTES - size, null);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw new SetupError(`cannot read "${path}": ${causeOf(error)}`, { cause: error });
  }
  if (looksCompressed(buffer.subarray(0, size)))
    throw new SetupError(`cannot read "${path}": it is compressed`);
  // Of a file that goes on, the last line may be cut.
  const end = size === MAX_BYTES ? buffer.lastIndexOf(NEWLINE) + 1 || size : size;
  return buffer.subarray(0, end);
}
