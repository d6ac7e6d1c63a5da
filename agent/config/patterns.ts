// The only door to re2js: patterns of users, compiled so that no text can make them hang.

import { type Matcher, RE2JS } from 're2js';
import { causeOf } from '../core/errors.ts';
import type { Checker } from '../core/options.ts';
import type { Pattern, Patterns } from '../core/pattern.ts';
import { globToRegex } from './glob.ts';

/** Regular expressions in RE2 syntax, globs as `Patterns` says. Keeps nothing between calls. */
export function createPatterns(): Patterns {
  return { regex, glob };
}

/** What is wrong with a pattern, for the schemas; never repeats the pattern itself, which may hold a secret. */
export const formats: Checker['formats'] = {
  regex: text => fault(() => regex(text)),
  glob: text => (text === '' ? 'it is empty' : fault(() => glob([text]))),
};

function fault(compile: () => unknown): string | undefined {
  try {
    compile();
    return undefined;
  } catch (error) {
    const { getDescription } = error as { getDescription?: () => string };
    return getDescription ? getDescription.call(error) : causeOf(error);
  }
}

function regex(source: string): Pattern {
  const compiled = RE2JS.compile(source);
  return {
    source,
    test: text => compiled.test(text),
    exec: text => compiled.exec(text) ?? undefined,
    spans: text => (compiled.test(text) ? spansOf(compiled.matcher(text)) : NONE),
    groups: { ...compiled.namedGroups() },
  };
}

const NONE: readonly number[] = [];

function spansOf(matcher: Matcher): number[] {
  const spans: number[] = [];
  const groups = matcher.groupCount();
  let at = 0;
  const add = (start: number, end: number) => {
    if (start < at || end <= start) return;
    spans.push(start, end);
    at = end;
  };
  while (matcher.find()) {
    const { length } = spans;
    for (let group = 1; group <= groups; group++) add(matcher.start(group), matcher.end(group));
    if (spans.length === length) add(matcher.start(0), matcher.end(0));
  }
  return spans;
}

/** Globs through the same engine: a backtracking one takes 29 s for eight stars against sixty letters, this one 0. */
function glob(globs: readonly string[]): (path: string) => boolean {
  if (globs.length === 0) return () => false;
  const compiled = RE2JS.compile(globs.map(globToRegex).join('|'), RE2JS.DOTALL);
  return path => compiled.test(path);
}
