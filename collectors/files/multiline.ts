// Which lines make one record: by a pattern of the user, by the language whose stack traces they are, or by their format.
// Pure.

import type { LineFormat, Multiline } from '../../agent/core/daemon.ts';
import type { Patterns } from '../../agent/core/pattern.ts';
import { LANGUAGES } from './traces.ts';
import { type Rule, rule, Verdict } from './verdict.ts';

/** The rule of a language or of patterns. Throws when one does not compile; the configuration has checked them. */
export function createRule(spec: Multiline, patterns: Patterns): Rule {
  if (typeof spec !== 'object') return LANGUAGES[spec];
  const decoder = new TextDecoder();
  const fitting = (text: string | undefined): Fits | undefined => {
    if (text === undefined) return undefined;
    const pattern = patterns.regex(text);
    return (buf, start, end) => pattern.test(decoder.decode(buf.subarray(start, end)));
  };
  const starts = fitting(spec.start);
  const goesOn = fitting(spec.continue);
  if (goesOn !== undefined) return byFurther(goesOn, starts);
  const ends = fitting(spec.end);
  const goesPast = fitting(spec.continue_past);
  if (ends !== undefined) return byLast(ends, true, starts);
  if (goesPast !== undefined) return byLast(goesPast, false, starts);
  return (_, buf, start, end) => rule(starts!(buf, start, end) ? Verdict.Start : Verdict.Continue);
}

/** The rule of a format whose records may have several lines; undefined for others. */
export function ruleOf(spec: LineFormat): Rule | undefined {
  if (typeof spec === 'string') return ruleOf({ format: spec });
  switch (spec.format) {
    case 'csv':
      return quoted((spec.delimiter ?? ',').charCodeAt(0));
    case 'postgres':
      return indented;
    default:
      return 'content' in spec && spec.content !== undefined ? ruleOf(spec.content) : undefined;
  }
}

const QUOTE = 0x22;
const TAB = 9;

/** A field that begins with a quote ends with one. State 1: in such a field. */
const quoted =
  (delimiter: number): Rule =>
  (state, buf, start, end) => {
    let isOpen = state === 1;
    let isFirst = !isOpen;
    for (let at = start; at < end; at++) {
      const isQuote = buf[at] === QUOTE;
      if (isOpen && isQuote && buf[at + 1] === QUOTE && at + 1 < end) at++;
      else if (isQuote && (isOpen || isFirst)) isOpen = !isOpen;
      isFirst = !isOpen && buf[at] === delimiter;
    }
    if (state === 1) return rule(Verdict.Continue, isOpen ? 1 : 0);
    return isOpen ? rule(Verdict.Start, 1) : rule(Verdict.Single);
  };

/** The server puts a tab before further lines of a message. */
const indented: Rule = (_, buf, start, end) =>
  rule(start < end && buf[start] === TAB ? Verdict.Continue : Verdict.Start);

type Fits = (buf: Uint8Array, start: number, end: number) => boolean;

/** Further lines fit. State 1: within a record, to which they belong only there where first lines fit, too. */
const byFurther =
  (goesOn: Fits, starts: Fits | undefined): Rule =>
  (state, buf, start, end) => {
    if ((state === 1 || starts === undefined) && goesOn(buf, start, end)) return rule(Verdict.Continue, 1);
    return starts === undefined || starts(buf, start, end) ? rule(Verdict.Start, 1) : rule(Verdict.Single);
  };

/** `fits` tells, by whether it is `last`, that no line follows. State 1: the line before goes on in this one. */
const byLast =
  (fits: Fits, last: boolean, starts: Fits | undefined): Rule =>
  (state, buf, start, end) => {
    if (state !== 1 && starts?.(buf, start, end) === false) return rule(Verdict.Single);
    return rule(state === 1 ? Verdict.Continue : Verdict.Start, fits(buf, start, end) === last ? 0 : 1);
  };
