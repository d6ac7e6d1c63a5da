// The agent's own log: one logfmt or JSON line a message on stderr, repeats held back and counted.

import { writeSync } from 'node:fs';
import { systemClock } from '../core/clock.ts';
import type { Log, LogFields, LogLevel } from '../core/log.ts';

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const REPEAT_WINDOW_MS = 10_000;
const REMEMBERED = 500;

/** Looked at with every line. */
export interface LogOptions {
  readonly level: LogLevel;
  readonly format: 'logfmt' | 'json';
  /** Takes one line with its newline. */
  readonly write?: (line: string) => void;
  /** Unix ms. */
  readonly now?: () => number;
  /** Monotonic ms. */
  readonly elapsed?: () => number;
}

/** Writes to stderr without ever throwing: a log that cannot be written must not stop the agent. */
function toStderr(line: string): void {
  try {
    writeSync(2, line);
  } catch {
    // A closed or full stderr leaves nobody to tell.
  }
}

/** A log whose level and format follow the configuration. */
export interface AgentLog {
  readonly log: Log;
  configure(options: { readonly log_level: LogLevel; readonly log_format: LogOptions['format'] }): void;
  /** What comes now answers somebody: it is told, also where the same was told a moment ago. */
  answer(): void;
}

/** By level, room and message, since when it is held back and how often it was. */
type Repeats = Map<string, { since: number; held: number }>;

export function createAgentLog(first: Parameters<AgentLog['configure']>[0]): AgentLog {
  const options = { level: first.log_level, format: first.log_format };
  const repeats: Repeats = new Map();
  return {
    log: createLog(options, repeats),
    answer: () => repeats.clear(),
    configure({ log_level, log_format }) {
      options.level = log_level;
      options.format = log_format;
    },
  };
}

const BARE = /^[\w./:@+%,-]+$/;
const logfmtValue = (value: string | number | boolean): string => {
  const text = String(value);
  return BARE.test(text) ? text : JSON.stringify(text);
};

export function createLog(options: LogOptions, seen: Repeats = new Map()): Log {
  const { write = toStderr, now = systemClock.now, elapsed = systemClock.elapsed } = options;

  const line = (
    level: LogLevel,
    room: string | undefined,
    message: string,
    fields: LogFields | undefined,
  ): string => {
    const entry: Record<string, string | number | boolean> = { time: new Date(now()).toISOString(), level };
    if (room) entry['room'] = room;
    entry['msg'] = message;
    for (const [name, value] of Object.entries(fields ?? {})) if (value !== undefined) entry[name] = value;
    if (options.format === 'json') return `${JSON.stringify(entry)}\n`;
    return `${Object.entries(entry)
      .map(([name, value]) => `${name}=${logfmtValue(value)}`)
      .join(' ')}\n`;
  };

  /** How many equal messages were held back before this one, or undefined when this one is to be held back too. */
  const repeats = (key: string): number | undefined => {
    const at = elapsed();
    const known = seen.get(key);
    if (known && at - known.since < REPEAT_WINDOW_MS) {
      known.held++;
      return undefined;
    }
    if (!known && seen.size >= REMEMBERED) seen.delete(seen.keys().next().value as string);
    seen.delete(key);
    seen.set(key, { since: at, held: 0 });
    return known?.held ?? 0;
  };

  const at = (room: string | undefined): Log => {
    const say = (level: LogLevel) => (message: string, fields?: LogFields) => {
      if (RANK[level] < RANK[options.level]) return;
      const held = repeats(`${level}\u0000${room ?? ''}\u0000${message}`);
      if (held === undefined) return;
      write(line(level, room, message, held > 0 ? { ...fields, repeated: held } : fields));
    };
    return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error'), room: at };
  };
  return at(undefined);
}
