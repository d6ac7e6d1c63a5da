// `eudaemon logs`: what the local store holds, for people or as JSON, and live with -f.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createMatcher, endOfStore, type Filter, type Found, query } from '../../exporters/store/query.ts';
import { createPatterns } from '../config/index.ts';
import { DEAD_LETTER_DIRECTORY } from '../control/messages.ts';
import { causeOf, codeOf, SetupError, UsageError } from '../core/errors.ts';
import { didYouMean, parseDuration } from '../core/units.ts';
import { CONFIG, readDaemon } from './args.ts';
import { readAgent } from './config.ts';
import { follow } from './follow.ts';
import type { Command } from './index.ts';
import { createPrinter } from './record.ts';

export interface LogsOptions extends Filter {
  /** The store's directory. */
  readonly directory: string;
  readonly follow: boolean;
  readonly json: boolean;
  /** Not the store, but what was refused for good. */
  readonly deadLetter?: boolean;
  /** The last so many; all when absent. */
  readonly lines?: number;
  readonly colors: boolean;
}

export const logs: Command = {
  summary: 'records of the local store, live with -f',
  usage: `eudaemon logs [DAEMON] [options]

With DAEMON what it has sent, and what is tagged so whoever has sent it.

  -f, --follow          go on with records as they come; begins with the last 10 unless -n or --since is given
      --since WHEN      since 10m ago, or a time such as 2026-01-31T12:00:00Z
      --severity LEVEL  this bad or worse: emerg alert crit err warning notice info debug
      --grep RE         body matches the regular expression (RE2 syntax)
  -n, --lines N         the last N
      --json            lines as stored
      --dead-letter     what a receiver refused for good, with its reason; field dead_letter of --json
  -c, --config FILE     whose agent.state_dir holds the store`,
  async run(argv) {
    const { config: file, ...given } = parseLogs(argv, Date.now());
    const agent = readAgent(file, process.env);
    const colors = process.stdout.isTTY === true && !process.env['NO_COLOR'];
    const stop = new AbortController();
    process.once('SIGINT', () => stop.abort());
    process.once('SIGTERM', () => stop.abort());
    const directory = join(agent.state_dir, given.deadLetter ? DEAD_LETTER_DIRECTORY : 'store');
    const tell = (text: string) => void process.stderr.write(`${text}\n`);
    return showLogs({ ...given, directory, colors }, process.stdout, stop.signal, tell);
  },
};

const SEVERITIES: Readonly<Record<string, number>> = {
  emerg: 21,
  alert: 19,
  crit: 18,
  err: 17,
  error: 17,
  warning: 13,
  warn: 13,
  notice: 10,
  info: 9,
  debug: 5,
};

/** Throws UsageError. `now` in Unix ms. */
export function parseLogs(
  argv: string[],
  now: number,
): Omit<LogsOptions, 'directory' | 'colors'> & { config?: string } {
  const { values, daemon } = readDaemon('logs', argv, {
    follow: { type: 'boolean', short: 'f' },
    since: { type: 'string' },
    severity: { type: 'string' },
    grep: { type: 'string' },
    lines: { type: 'string', short: 'n' },
    json: { type: 'boolean' },
    'dead-letter': { type: 'boolean' },
    ...CONFIG,
  });
  const { since, severity, grep, lines } = values;
  return {
    config: values.config,
    daemon,
    follow: values.follow ?? false,
    json: values.json ?? false,
    deadLetter: values['dead-letter'],
    since: since === undefined ? undefined : parseSince(since, now),
    severity: severity === undefined ? undefined : parseSeverity(severity),
    grep: grep === undefined ? undefined : parseGrep(grep),
    lines: lines !== undefined ? parseLines(lines) : values.follow && since === undefined ? 10 : undefined,
  };
}

function parseSince(text: string, now: number): number {
  const ago = parseDuration(text);
  const time = ago === undefined ? Date.parse(text) : now - ago;
  if (Number.isNaN(time))
    throw new UsageError(`logs: "${text}" is neither a duration such as 10m nor a time`);
  return time;
}

function parseSeverity(text: string): number {
  if (Object.hasOwn(SEVERITIES, text)) return SEVERITIES[text]!;
  const names = Object.keys(SEVERITIES);
  throw new UsageError(
    `logs: --severity "${text}" is not one of ${names.join(', ')}${didYouMean(text, names)}`,
  );
}

function parseGrep(text: string): Filter['grep'] {
  try {
    return createPatterns().regex(text);
  } catch (error) {
    throw new UsageError(`logs: "${text}" is not a regular expression: ${causeOf(error)}`);
  }
}

function parseLines(text: string): number {
  if (!/^\d+$/.test(text)) throw new UsageError(`logs: "${text}" is not a number of lines`);
  return Number(text);
}

/**
 * Resolves with the exit code when all is written, or with 0 once the reader of `out` has left. `tell` hears of it when
 * there is nothing to write.
 */
export async function showLogs(
  options: LogsOptions,
  out: NodeJS.WritableStream,
  stop: AbortSignal,
  tell: (text: string) => void = () => {},
): Promise<number> {
  const { directory } = options;
  let found = 0;
  if (!existsSync(directory))
    throw new SetupError(
      options.deadLetter
        ? `cannot read dead letters "${directory}": there are none; no receiver has refused a record for good`
        : `cannot read store "${directory}": there is none; the agent writes it while it runs, beside OTLP only with exporters.store: {}`,
    );
  const left = new AbortController();
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => {});
  out.on('error', error => {
    left.abort();
    broken.reject(error);
  });
  const print = options.json ? ({ line }: Found) => `${line}\n` : createPrinter(options.colors);
  try {
    for await (const each of select(options, AbortSignal.any([stop, left.signal]))) {
      found++;
      if (!out.write(print(each)))
        await Promise.race([new Promise(resolve => out.once('drain', resolve)), broken.promise]);
      if (stop.aborted || left.signal.aborted) break;
    }
    if (left.signal.aborted) await broken.promise;
    if (found === 0 && !options.follow) tell(nothing(options));
  } catch (error) {
    if (codeOf(error) !== 'EPIPE') throw error;
  }
  return 0;
}

function nothing({ daemon, lines, since, severity, grep }: LogsOptions): string {
  const of = daemon === undefined ? '' : ` of ${daemon}`;
  return [lines, since, severity, grep].some(each => each !== undefined)
    ? `no record${of} is as asked for`
    : `there is no record${of}`;
}

async function* select(options: LogsOptions, signal: AbortSignal): AsyncGenerator<Found> {
  const { directory, lines } = options;
  const until = await endOfStore(directory);
  if (until && lines === undefined) yield* query(directory, { ...options, until });
  else if (until) {
    const last = query(directory, { ...options, until, limit: lines, newestFirst: true });
    yield* (await Array.fromAsync(last)).reverse();
  }
  if (!options.follow) return;
  const match = createMatcher(options);
  for await (const line of follow(directory, until, signal)) {
    const found = match(line);
    if (found) yield found;
  }
}
