// What the command line of a command says, or how it is wrong.

import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { DaemonsView } from '../../console/api.ts';
import { causeOf, codeOf, UsageError } from '../core/errors.ts';
import { didYouMean } from '../core/units.ts';

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

/** For a command that was given a daemon the agent does not watch. */
export function undeclared(command: string, name: string, known: DaemonsView | undefined): UsageError {
  const names = (known?.daemons ?? []).map(daemon => daemon.name);
  return new UsageError(`${command}: no daemon "${name}" is declared${didYouMean(name, names)}`);
}

function read<T extends ParseArgsConfig>(command: string, config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError(`${command}: ${wrong(error, Object.keys(config.options ?? {}))}`, { cause: error });
  }
}

/** What parseArgs threw, in our words; its own are about writing programs. */
function wrong(error: unknown, options: readonly string[]): string {
  const text = causeOf(error);
  const option = /--[\w-]+|-\w/.exec(text)?.[0] ?? '';
  switch (codeOf(error)) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION': {
      const names = ['help', ...options].map(name => `--${name}`);
      return `unknown option "${option}"${option.startsWith('--') ? didYouMean(option, names) : ''}`;
    }
    case 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL':
      return `it takes no argument, not "${/'(.*)'/s.exec(text)?.[1]}"`;
    default:
      return text;
  }
}
