// Which lines make one record: stack traces by language, or a pattern for first lines. Pure; bytes, not strings, except
// for a pattern of the user.

import type { Multiline } from '../../agent/core/daemon.ts';
import type { Patterns } from '../../agent/core/pattern.ts';
import { utf8 } from '../../agent/core/record.ts';

/** What a line is to the record before it. */
export const Verdict = {
  /** A record by itself, complete. */
  Single: 0,
  /** The first line of a record that may go on. */
  Start: 1,
  /** A further line of the record before it, if there is one. */
  Continue: 2,
} as const;

/**
 * Judges a line given the state after the line before (0 at first): returns `state * 4 + verdict`. Keeps nothing.
 */
export type Rule = (state: number, buf: Uint8Array, start: number, end: number) => number;

const rule = (verdict: number, state = 0): number => state * 4 + verdict;

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

const SPACE = 32;
const TAB = 9;

const isBlank = (byte: number | undefined): boolean => byte === SPACE || byte === TAB;
const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 48 && byte <= 57;

/** The first byte from `i` that is not a blank. */
function skipBlanks(buf: Uint8Array, i: number, end: number): number {
  let at = i;
  while (at < end && isBlank(buf[at])) at++;
  return at;
}

function startsWith(buf: Uint8Array, i: number, end: number, word: Uint8Array): boolean {
  if (end - i < word.length) return false;
  for (let k = 0; k < word.length; k++) if (buf[i + k] !== word[k]) return false;
  return true;
}

function includes(buf: Uint8Array, start: number, end: number, word: Uint8Array): boolean {
  const last = end - word.length;
  for (let i = start; i <= last; i++) if (startsWith(buf, i, end, word)) return true;
  return false;
}

const AT = utf8('at ');
const DOTS = utf8('... ');

/** `at Frame(…)` behind blanks. */
const isFrame = (buf: Uint8Array, start: number, text: number, end: number): boolean =>
  text > start && startsWith(buf, text, end, AT);

const CAUSED_BY = utf8('Caused by:');
const SUPPRESSED = utf8('Suppressed:');
const NESTED = utf8('nested exception is:');

/** State 1: after "nested exception is:", whose exception follows; 2: behind that, where an empty line may stand. */
const java: Rule = (state, buf, start, end) => {
  const text = skipBlanks(buf, start, end);
  if (state === 1) return rule(Verdict.Continue, 2);
  if (state === 2 && text === end) return rule(Verdict.Continue);
  if (startsWith(buf, text, end, NESTED)) return rule(Verdict.Continue, 1);
  const goesOn =
    isFrame(buf, start, text, end) ||
    startsWith(buf, text, end, CAUSED_BY) ||
    (text > start && (startsWith(buf, text, end, DOTS) || startsWith(buf, text, end, SUPPRESSED)));
  return rule(goesOn ? Verdict.Continue : Verdict.Start);
};

const TRACEBACK = utf8('Traceback (most recent call last):');
const DURING = utf8('During handling of the above exception');
const ABOVE = utf8('The above exception was the direct cause');

const FILE = utf8('File "');

/**
 * State 1: in the frames; 2: behind the exception's own line; 3, 4: before and behind the words of a chain; 5: in the
 * frame drawn around a group of exceptions.
 */
const python: Rule = (state, buf, start, end) => {
  const text = skipBlanks(buf, start, end);
  const drawn = text > start && (buf[text] === 0x7c || buf[text] === 0x2b);
  if (state === 5 && drawn) return rule(Verdict.Continue, 5);
  const head = end - start >= TRACEBACK.length && startsWith(buf, end - TRACEBACK.length, end, TRACEBACK);
  if (head) return rule(state === 4 ? Verdict.Continue : Verdict.Start, drawn ? 5 : 1);
  // A syntax error of the program itself has no other head.
  if (state === 0 && text - start === 2 && startsWith(buf, text, end, FILE)) return rule(Verdict.Start, 1);
  if (state === 1) return rule(Verdict.Continue, text > start ? 1 : 2);
  if (state >= 2 && text === end) return rule(Verdict.Continue, state === 4 ? 4 : 3);
  if (state === 3 && (startsWith(buf, text, end, DURING) || startsWith(buf, text, end, ABOVE)))
    return rule(Verdict.Continue, 4);
  return rule(Verdict.Single);
};

const PANIC = utf8('panic: ');
const PANIC_SERVING = utf8(' panic serving ');
const FATAL_ERROR = utf8('fatal error: ');
const GOROUTINE = utf8('goroutine ');
const SIGNAL = utf8('[signal ');
const RUNTIME_STACK = utf8('runtime stack:');
const CREATED_BY = utf8('created by ');
const EXIT_STATUS = utf8('exit status ');

/** State 1: behind the panic's own line; 2: in the goroutines' frames. */
const go: Rule = (state, buf, start, end) => {
  if (
    startsWith(buf, start, end, PANIC) ||
    startsWith(buf, start, end, FATAL_ERROR) ||
    includes(buf, start, end, PANIC_SERVING)
  )
    return rule(Verdict.Start, 1);
  if (startsWith(buf, start, end, GOROUTINE)) return rule(state > 0 ? Verdict.Continue : Verdict.Start, 2);
  if (state === 0) return rule(Verdict.Single);
  if (start === end || isBlank(buf[start]) || startsWith(buf, start, end, SIGNAL))
    return rule(Verdict.Continue, state);
  if (startsWith(buf, start, end, RUNTIME_STACK)) return rule(Verdict.Continue, 2);
  if (startsWith(buf, start, end, EXIT_STATUS)) return rule(Verdict.Continue);
  const isCall = buf[end - 1] === 0x29 || startsWith(buf, start, end, CREATED_BY);
  return state === 2 && isCall ? rule(Verdict.Continue, 2) : rule(Verdict.Single);
};

const FROM = utf8('from ');
const IN = utf8(':in ');

const ruby: Rule = (_, buf, start, end) => {
  const text = skipBlanks(buf, start, end);
  const goesOn =
    text > start && (text === end || startsWith(buf, text, end, FROM) || includes(buf, text, end, IN));
  return rule(goesOn ? Verdict.Continue : Verdict.Start);
};

const EVAL_AT = utf8('eval at ');
const CAUSE = utf8('[cause]: ');

/** State 1: in the braces of the error's own properties, behind its frames. */
const node: Rule = (state, buf, start, end) => {
  const text = skipBlanks(buf, start, end);
  if (state === 1 && start < end) return rule(Verdict.Continue, buf[start] === 0x7d ? 0 : 1);
  const goesOn =
    isFrame(buf, start, text, end) ||
    (text > start &&
      (startsWith(buf, text, end, EVAL_AT) ||
        startsWith(buf, text, end, CAUSE) ||
        startsWith(buf, text, end, DOTS)));
  return goesOn ? rule(Verdict.Continue, buf[end - 1] === 0x7b ? 1 : 0) : rule(Verdict.Start);
};

const END_OF = utf8('--- End of ');
const INNER = utf8('---> ');

const dotnet: Rule = (_, buf, start, end) => {
  const text = skipBlanks(buf, start, end);
  const goesOn =
    isFrame(buf, start, text, end) || startsWith(buf, text, end, END_OF) || startsWith(buf, text, end, INNER);
  return rule(goesOn ? Verdict.Continue : Verdict.Start);
};

const STACK_TRACE = utf8('Stack trace:');
const THROWN_IN = utf8('thrown in ');
const NEXT = utf8('Next ');
const PHP = utf8('PHP ');

/** Behind `[timestamp] ` and `PHP `, which error_log puts before every line. State 1: behind a frame. */
const php: Rule = (state, buf, start, end) => {
  if (state === 1 && start === end) return rule(Verdict.Continue, 1);
  let at = start;
  if (buf[at] === 0x5b) at = skipBlanks(buf, buf.indexOf(0x5d, at) + 1 || at, end);
  if (startsWith(buf, at, end, PHP)) at += PHP.length;
  const text = skipBlanks(buf, Math.min(at, end), end);
  const frame = buf[text] === 0x23 && text + 1 < end && isDigit(buf[text + 1]);
  const goesOn =
    frame ||
    startsWith(buf, text, end, STACK_TRACE) ||
    startsWith(buf, text, end, THROWN_IN) ||
    startsWith(buf, text, end, NEXT) ||
    (text > at && text < end && isDigit(buf[text]));
  return rule(goesOn ? Verdict.Continue : Verdict.Start, frame ? 1 : 0);
};

const PANICKED = utf8(' panicked at ');
const NOTE = utf8('note: ');
const BACKTRACE = utf8('stack backtrace:');

/** State 1: before the message, which stands on its own line since Rust 1.73; 2: behind it. */
const rust: Rule = (state, buf, start, end) => {
  if (includes(buf, start, end, PANICKED)) return rule(Verdict.Start, buf[end - 1] === 0x3a ? 1 : 2);
  if (state === 1) return rule(Verdict.Continue, 2);
  const goesOn =
    state === 2 &&
    start < end &&
    (isBlank(buf[start]) || startsWith(buf, start, end, NOTE) || startsWith(buf, start, end, BACKTRACE));
  return goesOn ? rule(Verdict.Continue, 2) : rule(Verdict.Single);
};

const UNHANDLED = utf8('Unhandled exception:');

/** State 1: in the message, which may quote anything; 2: in the frames. */
const dart: Rule = (state, buf, start, end) => {
  if (startsWith(buf, start, end, UNHANDLED)) return rule(Verdict.Start, 1);
  if (state > 0 && buf[start] === 0x23 && start + 1 < end && isDigit(buf[start + 1]))
    return rule(Verdict.Continue, 2);
  return state === 1 ? rule(Verdict.Continue, 1) : rule(Verdict.Single);
};

const LANGUAGES = { java, python, go, ruby, node, dotnet, php, rust, dart } as const;
