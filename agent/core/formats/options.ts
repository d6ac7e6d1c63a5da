// The shapes of log files, `parse:` and `multiline:`, wherever a configuration says where a line stands and what it is. Pure.

import type { FormatName, LineFormat, Multiline, NamedFormat } from '../daemon.ts';
import {
  boolean,
  choose,
  describe,
  formatted,
  list,
  map,
  object,
  oneOf,
  optional,
  pattern,
  type Schema,
  scalar,
  string,
} from '../options.ts';
import { SEVERITY_WORDS } from './severity.ts';

/** What a whole message may be. */
export const MESSAGE_FORMATS = [
  'json',
  'logfmt',
  'csv',
  'nginx',
  'apache',
  'syslog',
  'klog',
  'postgres',
  'mysql',
  'redis',
] as const;

/** What wraps lines of files that a program wrote. */
const WRAPPINGS = ['cri', 'docker', 'container'] as const;

/** What a line of a file may be. */
export const FILE_FORMATS = ['none', ...WRAPPINGS, ...MESSAGE_FORMATS] as const;

/** Which files: a glob of absolute paths. */
export function absoluteGlob(): Schema<string> {
  const glob = formatted('glob');
  return {
    ...glob,
    parse(input, path, checker) {
      const text = glob.parse(input, path, checker);
      if (text === undefined || text.startsWith('/')) return text;
      checker.problem(path, `"${text}" is not an absolute path`);
      return undefined;
    },
  };
}

const timezone: Schema<string> = scalar(
  'a time zone such as Europe/Berlin or UTC',
  { type: 'string' },
  name => {
    try {
      return new Intl.DateTimeFormat('en-US', { timeZone: String(name) }) && String(name);
    } catch {
      return undefined;
    }
  },
);

const meanings = {
  time: optional(describe(string(), 'The field that holds the time; dots lead into objects.')),
  severity: optional(describe(string(), 'The field that holds the severity.')),
  body: optional(describe(string(), 'The field that holds the message.')),
  severities: optional(
    describe(
      map(oneOf(...SEVERITY_WORDS)),
      'Severities by what the severity field holds, where it is not their name.',
    ),
  ),
  timezone: optional(describe(timezone, "Of times without a zone; the agent's own when absent.")),
};

/** Keys that only some formats have. */
const ONLY: readonly (readonly [keys: readonly (keyof NamedFormat)[], formats: readonly FormatName[]])[] = [
  [
    ['time', 'severity', 'body', 'severities'],
    ['json', 'logfmt', 'csv'],
  ],
  [['timezone'], MESSAGE_FORMATS],
  [['columns', 'header', 'delimiter'], ['csv']],
  [['content'], WRAPPINGS],
];

/** What the text within a wrapping may be is a whole message. */
const formatOf = (words: readonly FormatName[], content?: Schema<LineFormat>): Schema<LineFormat> => {
  const regex = object({
    regex: describe(formatted('regex'), 'Its named groups become fields.'),
    ...meanings,
  });
  const named = object({
    format: oneOf(...words),
    ...meanings,
    columns: optional(describe(list(string()), 'csv: the names of the fields; an empty one is passed over.')),
    delimiter: optional(pattern('one character such as ";"', /^[\x00-\x7f]$/)),
    ...(content === undefined
      ? {}
      : {
          header: optional(
            describe(
              boolean(),
              'csv: the first line of each file has the names of the fields, and is no record.',
            ),
          ),
          content: optional(describe(content, 'What the text within is.')),
        }),
  }) as Schema<NamedFormat>;
  const fitting: Schema<LineFormat> = {
    ...named,
    parse(input, path, checker) {
      const given = named.parse(input, path, checker);
      let fits = given !== undefined;
      for (const [keys, formats] of ONLY)
        for (const key of keys) {
          if (given?.[key] === undefined || formats.includes(given.format)) continue;
          checker.problem([...path, key], `${given.format} has no "${key}"`, 'key');
          fits = false;
        }
      if (given?.header && given.columns !== undefined) {
        checker.problem([...path, 'columns'], 'the first line names the columns: header is true', 'key');
        fits = false;
      }
      return fits ? given : undefined;
    },
  };
  return choose<LineFormat>(
    { when: input => typeof input !== 'object', schema: oneOf(...words) },
    {
      when: input => input !== null && typeof input === 'object' && 'format' in input,
      schema: fitting,
    },
    { when: () => true, schema: regex },
  );
};

/** What a whole message is: a word, a word with its particulars, or a regular expression. */
export const messageFormat: Schema<LineFormat> = formatOf(MESSAGE_FORMATS);

/** What a line of a file is. */
export const fileFormat: Schema<LineFormat> = formatOf(FILE_FORMATS, messageFormat);

const regex = (about: string) => optional(describe(formatted('regex'), about));
const others = {
  end: regex('Fits the last line of a record.'),
  continue: regex('Fits each line that belongs to the one before.'),
  continue_past: regex('Fits each line that goes on in the next.'),
};
const OTHERS = ['end', 'continue', 'continue_past'] as const;

/** The language whose stack traces a file has, or patterns. */
export const multiline: Schema<Multiline> = choose<Multiline>(
  {
    when: input => typeof input !== 'object',
    schema: oneOf('java', 'python', 'go', 'ruby', 'node', 'dotnet', 'php', 'rust', 'dart'),
  },
  {
    when: input =>
      input !== null &&
      Object.hasOwn(input as object, 'start') &&
      OTHERS.some(key => Object.hasOwn(input as object, key)),
    schema: object(
      {
        start: describe(
          formatted('regex'),
          'Fits the first line of those of several lines; others stand alone.',
        ),
        ...others,
      },
      { exactlyOne: OTHERS },
    ),
  },
  {
    when: () => true,
    schema: object(
      { start: regex('Fits the first line of a record.'), ...others },
      { exactlyOne: ['start', ...OTHERS] },
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

/** What becomes of rotated files once they are compressed. */
export const compressed: Schema<'skip' | 'read'> = describe(
  oneOf('skip', 'read'),
  'Whether files that rotation has compressed with gzip (.gz) or zstd (.zst) are read as well: of them what was not read before.',
);
