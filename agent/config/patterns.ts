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
    // Most texts do not match, and that is told 20 times sooner.
    exec: text => (compiled.test(text) ? (compiled.exec(text) ?? undefined) : undefined),
    spans: text => (compiled.test(text) ? spansOf(compiled.matcher(text), text.length) : NONE),
    groups: { ...compiled.namedGroups() },
  };
}

const NONE: readonly number[] = [];
/**
 * One match takes linear time, but each of many may look through all that is left: 5 s for 64 KiB. An honest megabyte of
 * 80,000 matches takes a third of this.
 */
const LONGEST_MS = 500;

function spansOf(matcher: Matcher, length: number): number[] {
  const spans: number[] = [];
  let at = 0;
  const add = (start: number, end: number) => {
    if (start < at || end <= start) return;
    spans.push(start, end);
    at = end;
  };
  const deadline = performance.now() + LONGEST_MS;
  while (matcher.find()) {
    if (performance.now() > deadline) {
      add(Math.max(at, matcher.start(0)), length);
      break;
    }
    const before = spans.length;
    for (const [start, end] of groupsOf(matcher)) add(start, end);
    if (spans.length === before) add(matcher.start(0), matcher.end(0));
  }
  return spans;
}

/** The groups of a match, as they stand in the text. */
function groupsOf(matcher: Matcher): (readonly [start: number, end: number])[] {
  return Array.from(
    { length: matcher.groupCount() },
    (_, i) => [matcher.start(i + 1), matcher.end(i + 1)] as const,
  ).sort((a, b) => a[0] - b[0] || b[1] - a[1]);
}

/** Globs through the same engine: a backtracking one takes 29 s for eight stars against sixty letters, this one 0. */
function glob(globs: readonly string[]): (path: string) => boolean {
  if (globs.length === 0) return () => false;
  const compiled = RE2JS.compile(globs.map(globToRegex).join('|'), RE2JS.DOTALL);
  return path => compiled.test(path);
}
