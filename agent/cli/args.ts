// What the command line of a command says, or how it is wrong.

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { causeOf, UsageError } from '../core/errors.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

/** Of every command that works with a configuration. */
export const CONFIG = { config: { type: 'string', short: 'c' } } as const;

/** The options of a command that takes nothing else. Throws UsageError. */
export const readOptions = <T extends Options>(command: string, argv: string[], options: T) =>
  read(command, { args: argv, options }).values;

/** The options of a command, and the one daemon it may be about. Throws UsageError. */
export function readDaemon<T extends Options>(command: string, argv: string[], options: T) {
  const { values, positionals } = read(command, { args: argv, options, allowPositionals: true as const });
  if (positionals.length > 1)
    throw new UsageError(`${command}: one daemon at a time, not "${positionals.join(' ')}"`);
  return { values, daemon: positionals[0] };
}

function read<T extends ParseArgsConfig>(command: string, config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError(`${command}: ${causeOf(error)}`, { cause: error });
  }
}
