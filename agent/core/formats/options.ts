// The shapes of `parse:` and `multiline:`, wherever a configuration says what a line is. Pure.

import type { LineFormat, Multiline } from '../daemon.ts';
import {
  choose,
  describe,
  formatted,
  map,
  object,
  oneOf,
  optional,
  type Schema,
  scalar,
  string,
} from '../options.ts';

type Word = Extract<LineFormat, string>;

const regex = object({
  regex: describe(formatted('regex'), 'Its named groups become fields.'),
  time: optional(describe(string(), 'The group that holds the time.')),
  severity: optional(describe(string(), 'The group that holds the severity.')),
  body: optional(describe(string(), 'The group that holds the message.')),
  severities: optional(
    describe(
      map(
        oneOf(
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
        ),
      ),
      'Severities by what the severity group holds, where it is not their name.',
    ),
  ),
});

/** One of these words, or a regular expression. */
export const lineFormat = (...words: readonly Word[]): Schema<LineFormat> =>
  choose<LineFormat>(
    { when: input => typeof input !== 'object', schema: oneOf(...words) },
    { when: () => true, schema: regex },
  );

/** What a line of a file may be. */
export const FILE_FORMATS = ['none', 'json', 'logfmt', 'cri', 'docker', 'nginx', 'apache', 'syslog'] as const;

/** What a whole message may be: the others wrap lines of files. */
export const MESSAGE_FORMATS = ['json', 'logfmt', 'nginx', 'apache', 'syslog'] as const;

/** The language whose stack traces a file has, or a pattern. */
export const multiline: Schema<Multiline> = choose<Multiline>(
  {
    when: input => typeof input !== 'object',
    schema: oneOf('java', 'python', 'go', 'ruby', 'node', 'dotnet', 'php', 'rust', 'dart'),
  },
  {
    when: () => true,
    schema: object(
      {
        start: optional(describe(formatted('regex'), 'Fits the first line of a record.')),
        end: optional(describe(formatted('regex'), 'Fits the last line of a record.')),
        continue: optional(describe(formatted('regex'), 'Fits each line that belongs to the one before.')),
        continue_past: optional(describe(formatted('regex'), 'Fits each line that goes on in the next.')),
      },
      { exactlyOne: ['start', 'end', 'continue', 'continue_past'] },
    ),
  },
);

/** How text is written that is not UTF-8. */
export const encoding: Schema<string> = describe(
  scalar('an encoding such as utf-16le, latin1, windows-1251 or shift_jis', { type: 'string' }, name => {
    try {
      return new TextDecoder(String(name)) && String(name);
    } catch {
      return undefined;
    }
  }),
  'Of files whose text is not UTF-8: utf-16le, utf-16be, latin1, shift_jis, gbk, … (WHATWG Encoding).',
);
