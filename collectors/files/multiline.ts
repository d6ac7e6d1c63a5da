// Which lines make one record: by a pattern of the user, or by the language whose stack traces they are. Pure.

import type { Multiline } from '../../agent/core/daemon.ts';
import type { Patterns } from '../../agent/core/pattern.ts';
import { LANGUAGES } from './traces.ts';
import { type Rule, rule, Verdict } from './verdict.ts';

/** The rule of a language or pattern. Throws when the pattern does not compile; the configuration has checked it. */
export function createRule(spec: Multiline, patterns: Patterns): Rule {
  if (typeof spec !== 'object') return LANGUAGES[spec];
  const text = spec.start ?? spec.end ?? spec.continue ?? spec.continue_past!;
  const pattern = patterns.regex(text);
  const decoder = new TextDecoder();
  const fits = (buf: Uint8Array, start: number, end: number) =>
    pattern.test(decoder.decode(buf.subarray(start, end)));
  if (spec.start !== undefined || spec.continue !== undefined) {
    const [yes, no] =
      spec.start === undefined ? [Verdict.Continue, Verdict.Start] : [Verdict.Start, Verdict.Continue];
    return (_, buf, start, end) => rule(fits(buf, start, end) ? yes : no);
  }
  // State 1: the line before goes on in this one.
  const last = spec.end !== undefined;
  return (state, buf, start, end) =>
    rule(state === 1 ? Verdict.Continue : Verdict.Start, fits(buf, start, end) === last ? 0 : 1);
}
