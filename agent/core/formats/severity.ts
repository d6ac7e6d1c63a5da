// The words and numbers of severity that logs use, as OpenTelemetry SeverityNumbers. Pure.

import { type LogRecord, utf8 } from '../record.ts';
import { Keys } from './keys.ts';

/** Lower-case ASCII letters of up to four bytes in one number. */
const pack = (word: string): number =>
  [...word.slice(0, 4)].reduce((packed, letter) => (packed << 8) | letter.charCodeAt(0), 0);

const BY_WORD = new Map<number, number>(
  Object.entries({
    trace: 1,
    trc: 1,
    trce: 1,
    finest: 1,
    verbose: 1,
    vrb: 1,
    debug: 5,
    dbg: 5,
    dbug: 5,
    fine: 5,
    info: 9,
    inf: 9,
    notice: 10,
    note: 10,
    warning: 13,
    wrn: 13,
    error: 17,
    err: 17,
    eror: 17,
    fail: 17,
    severe: 17,
    crit: 18,
    alert: 19,
    emergency: 21,
    fatal: 21,
    ftl: 21,
    panic: 21,
    dpanic: 21,
    pnc: 21,
  }).map(([word, severity]) => [pack(word), severity]),
);

/** SeverityNumber of a word in any case, by its first four letters (`WARN`, `warning`); 0 when it is none. */
export function severityOf(buf: Uint8Array, start: number, end: number): number {
  if (end - start < 3 || end - start > 11) return 0;
  let packed = 0;
  for (let i = start; i < end; i++) {
    const letter = buf[i]! | 0x20;
    if (letter < 0x61 || letter > 0x7a) return 0;
    if (i < start + 4) packed = (packed << 8) | letter;
  }
  return BY_WORD.get(packed) ?? 0;
}

const BY_NUMBER = new Map([
  // pino, bunyan
  ...([1, 5, 9, 13, 17, 21] as const).map((severity, i) => [10 * (i + 1), severity] as const),
  // Monolog
  ...([5, 9, 13, 17, 18, 21] as const).map((severity, i) => [100 * (i + 1), severity] as const),
  [250, 10],
  [550, 19],
]);

/** SeverityNumber of a level of pino and bunyan (10 trace … 60 fatal) or Monolog (100 debug … 600 emergency); else 0. */
export const severityOfLevel = (level: number): number => BY_NUMBER.get(level) ?? 0;

/** The words a configuration names severities by. */
export const SEVERITY_WORDS = [
  'trace',
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
  'fatal',
] as const;

/** Severities, SEVERITY_WORDS, by what one kind of log calls them. */
export class Levels {
  private readonly keys: Keys;
  private readonly levels: readonly { readonly number: number; readonly text: Uint8Array }[];

  constructor(words: Readonly<Record<string, string>>) {
    this.keys = new Keys(Object.fromEntries(Object.keys(words).map((name, i) => [name, i + 1])));
    this.levels = Object.entries(words).map(([name, word]) => {
      const text = utf8(word);
      // A sign or a letter tells nobody anything.
      return { number: severityOf(text, 0, text.length), text: name.length < 3 ? text : utf8(name) };
    });
  }

  /** Gives the record the severity that bytes `start..end` stand for; false when they stand for none. */
  put(record: LogRecord, buf: Uint8Array, start: number, end: number): boolean {
    const level = this.levels[this.keys.roleOf(buf, start, end) - 1];
    if (level === undefined) return false;
    record.severity = level.number;
    record.severityText = level.text;
    return true;
  }
}
