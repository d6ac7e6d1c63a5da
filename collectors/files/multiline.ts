// Which lines make one record: by a pattern of the user, or by the language whose stack traces they are. Pure.

import type { Multiline } from '../../agent/core/daemon.ts';
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
