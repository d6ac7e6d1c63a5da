// The shape of a processor's condition: `{ daemon: nginx, severity: ">= warning" }`. Pure.

import { severityOf } from '../core/formats/severity.ts';
import {
  describe,
  formatted,
  list,
  map,
  object,
  oneOf,
  optional,
  type Schema,
  string,
} from '../core/options.ts';
import type { Condition, Criteria } from '../core/processor.ts';
import { utf8 } from '../core/record.ts';
import { didYouMean } from '../core/units.ts';
import { also } from './shapes.ts';

const WORDS = ['trace', 'debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];
/** Where the range of each word begins; it ends before the next. */
const BEGINNINGS = [1, 5, 9, 10, 13, 17, 18, 19, 21, 25];

const numberOf = (word: string): number => {
  const bytes = utf8(word);
  return severityOf(bytes, 0, bytes.length);
};

/** A word of severity, such as `warning`, as its SeverityNumber. */
export const severityWord: Schema<number> = {
  json: { type: 'string', examples: WORDS },
  parse(input, path, checker) {
    const number = typeof input === 'string' ? numberOf(input) : 0;
    if (number > 0) return number;
    checker.problem(
      path,
      `${JSON.stringify(input)} is not one of ${WORDS.join(', ')}${didYouMean(String(input), WORDS)}`,
    );
    return undefined;
  },
};

const COMPARISON = /^(>=|<=|==|>|<)\s*([a-zA-Z]+)$/;

const severity: Schema<readonly [number, number]> = {
  json: {
    type: 'string',
    pattern: COMPARISON.source,
    description: 'A comparison such as ">= warning"; a record without a severity does not fit any.',
  },
  parse(input, path, checker) {
    const text = String(input);
    const [, operator = '', word = ''] = COMPARISON.exec(text) ?? [];
    if (operator === '') {
      const bare = numberOf(text) > 0 ? `"== ${text}" or ">= ${text}"` : '">= warning"';
      checker.problem(path, `"${text}" is not a comparison of severities; write ${bare}`);
      return undefined;
    }
    const number = severityWord.parse(word, path, checker);
    if (number === undefined) return undefined;
    const at = BEGINNINGS.findLastIndex(beginning => beginning <= number);
    const [low, high] = [BEGINNINGS[at]!, BEGINNINGS[at + 1]! - 1];
    switch (operator) {
      case '>=':
        return [low, 24];
      case '>':
        return [high + 1, 24];
      case '<=':
        return [1, high];
      case '<':
        return [1, low - 1];
      default:
        return [low, high];
    }
  },
};

/** A condition, or several of which one must hold. `sources` are the names a record may come from. */
export function conditions(sources: readonly string[]): Schema<Condition[]> {
  const fields = {
    daemon: optional(
      describe(list(string(), true), 'service.name: the daemon, else the syslog tag, else the file name.'),
    ),
    source: optional(list(oneOf(...sources), true)),
    severity: optional(severity),
    body: optional(describe(formatted('regex'), 'Over the body.')),
    attributes: optional(describe(map(formatted('regex')), 'Over values; an absent one does not fit.')),
  };
  const criteria: Schema<Criteria> = object(fields, {
    atLeastOne: ['daemon', 'source', 'severity', 'body', 'attributes'],
  });
  const alternatives = list(
    object(
      { ...fields, not: optional(criteria) },
      { atLeastOne: ['daemon', 'source', 'severity', 'body', 'attributes', 'not'] },
    ),
    true,
  );
  return also(alternatives, given => (given.length > 0 ? undefined : 'it is empty'));
}
