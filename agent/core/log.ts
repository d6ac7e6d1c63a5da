// The agent's own log, as rooms see it. The writer lives in agent/control/log.ts.

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * One line a call, in the form `cannot <verb> <object> "<value>": <cause>` for faults. Repeats of the same
 * message within ten seconds are counted, not written. Never called once a record on the hot path.
 */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log with `room=<name>` on every line. */
  room(name: string): Log;
}
