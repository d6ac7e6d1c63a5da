// Stack traces by language: which lines of them follow which. Pure; bytes, not strings.

import { utf8 } from '../../agent/core/record.ts';
import { type Rule, rule, Verdict } from './verdict.ts';

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
const WRAPPED_BY = utf8('Wrapped by:');
const NESTED = utf8('nested exception is:');
const THROWN = ['Exception: ', 'Error: '].map(utf8);

/**
 * State 1: after "nested exception is:", whose exception follows; 2: behind that, where an empty line may stand; 3: behind
 * an exception's own line, whose message may go on in indented lines.
 */
const java: Rule = (state, buf, start, end) => {
  const text = skipBlanks(buf, start, end);
  if (state === 1) return rule(Verdict.Continue, 2);
  if (state === 2 && text === end) return rule(Verdict.Continue);
  if (startsWith(buf, text, end, NESTED)) return rule(Verdict.Continue, 1);
  if (isFrame(buf, start, text, end) || (text > start && startsWith(buf, text, end, DOTS)))
    return rule(Verdict.Continue);
  const isCause =
    startsWith(buf, text, end, CAUSED_BY) ||
    startsWith(buf, text, end, WRAPPED_BY) ||
    (text > start && startsWith(buf, text, end, SUPPRESSED));
  if (isCause || (state === 3 && text > start && text < end)) return rule(Verdict.Continue, 3);
  return rule(Verdict.Start, THROWN.some(word => includes(buf, start, end, word)) ? 3 : 0);
};

const TRACEBACK = utf8('Traceback (most recent call last):');
const DURING = utf8('During handling of the above exception');
const ABOVE = utf8('The above exception was the direct cause');

const FILE = utf8('File "');
const IN_THREAD = utf8('Exception in thread ');
const IGNORED = utf8('Exception ignored in: ');

/** States of a traceback; how far its head is indented stands above them. */
const Python = { Out: 0, Frames: 1, Behind: 2, Gap: 3, Chain: 4, Group: 5 } as const;
const STATE_BITS = 3;

/**
 * Frames end with the exception's own line, which stands below the head. Behind it come the indented lines of its message,
 * then, across empty lines, the words of a chain with another traceback; a group of exceptions is drawn as a tree. That a
 * message goes on without indentation cannot be seen.
 */
const python: Rule = (before, buf, start, end) => {
  const text = skipBlanks(buf, start, end);
  const state = before & ((1 << STATE_BITS) - 1);
  const indent = before >> STATE_BITS;
  const to = (next: number, column = indent) => rule(Verdict.Continue, next | (column << STATE_BITS));
  const begin = (next: number, column = 0) => rule(Verdict.Start, next | (column << STATE_BITS));

  const drawn = text > start && (buf[text] === 0x7c || buf[text] === 0x2b);
  const head = startsWith(buf, Math.max(start, end - TRACEBACK.length), end, TRACEBACK);
  const root = head && buf[text] === 0x2b;
  if (state === Python.Group && drawn && !root) return to(Python.Group);
  if (head) {
    const column = end - text === TRACEBACK.length ? text - start : 0;
    const next = drawn ? Python.Group : Python.Frames;
    return state === Python.Chain ? to(next, column) : begin(next, column);
  }
  // A syntax error of the program itself has no other head.
  if (state === Python.Out && text - start === 2 && startsWith(buf, text, end, FILE))
    return begin(Python.Frames);
  if (state === Python.Frames) return to(text - start > indent ? Python.Frames : Python.Behind);
  if (state >= Python.Behind && text === end) return to(state === Python.Chain ? Python.Chain : Python.Gap);
  if (state === Python.Behind && text - start > indent) return to(Python.Behind);
  if (startsWith(buf, text, end, DURING) || startsWith(buf, text, end, ABOVE))
    return state === Python.Gap ? to(Python.Chain) : begin(Python.Chain);
  if (startsWith(buf, start, end, IN_THREAD) || startsWith(buf, start, end, IGNORED))
    return begin(Python.Chain);
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
const OVERFLOW = utf8('runtime: goroutine stack exceeds ');
const STACK_POINTER = utf8('runtime: sp=');
const PC = utf8('PC=');
const ELIDED = utf8('...');
const SIG = utf8('SIG');
const ZERO_X = utf8('0x');

/** `SIGQUIT: quit`, with which a program that got a signal prints all it has. */
function isSignal(buf: Uint8Array, start: number, end: number): boolean {
  if (!startsWith(buf, start, end, SIG)) return false;
  const colon = buf.indexOf(0x3a, start);
  for (let i = start; i < colon; i++) if (buf[i]! < 0x41 || buf[i]! > 0x5a) return false;
  return colon < end && buf[colon + 1] === SPACE;
}

/** `rip    0x4096ae`, of the registers that end such a print. */
function isRegister(buf: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && !isBlank(buf[at])) at++;
  return at - start <= 6 && startsWith(buf, skipBlanks(buf, at, end), end, ZERO_X);
}

/** State 1: behind the panic's own line; 2: in the goroutines' frames; 3: before the error of a stack that is too large. */
const go: Rule = (state, buf, start, end) => {
  if (
    startsWith(buf, start, end, PANIC) ||
    (state !== 3 && startsWith(buf, start, end, FATAL_ERROR)) ||
    includes(buf, start, end, PANIC_SERVING)
  )
    return rule(Verdict.Start, 1);
  if (isSignal(buf, start, end)) return rule(Verdict.Start, 1);
  if (startsWith(buf, start, end, OVERFLOW)) return rule(Verdict.Start, 3);
  if (startsWith(buf, start, end, GOROUTINE)) return rule(state > 0 ? Verdict.Continue : Verdict.Start, 2);
  if (state === 0) return rule(Verdict.Single);
  if (state === 3) {
    if (startsWith(buf, start, end, STACK_POINTER)) return rule(Verdict.Continue, 3);
    return startsWith(buf, start, end, FATAL_ERROR) ? rule(Verdict.Continue, 1) : rule(Verdict.Single);
  }
  if (
    start === end ||
    isBlank(buf[start]) ||
    startsWith(buf, start, end, SIGNAL) ||
    startsWith(buf, start, end, PC)
  )
    return rule(Verdict.Continue, state);
  if (startsWith(buf, start, end, RUNTIME_STACK)) return rule(Verdict.Continue, 2);
  if (startsWith(buf, start, end, EXIT_STATUS)) return rule(Verdict.Continue);
  const isCall =
    buf[end - 1] === 0x29 ||
    startsWith(buf, start, end, CREATED_BY) ||
    startsWith(buf, start, end, ELIDED) ||
    isRegister(buf, start, end);
  return state === 2 && isCall ? rule(Verdict.Continue, 2) : rule(Verdict.Single);
};

const FROM = utf8('from ');
const IN = utf8(':in ');

const NO_METHOD = utf8('(NoMethodError)');
const NAME = utf8('(NameError)');

/** State 1: behind an error whose place is shown below an empty line; 2: there; 3: before the marks below it. */
const ruby: Rule = (state, buf, start, end) => {
  const text = skipBlanks(buf, start, end);
  if (state === 1 && start === end) return rule(Verdict.Continue, 2);
  if (state === 2) return rule(Verdict.Continue, 3);
  const goesOn =
    text > start && (text === end || startsWith(buf, text, end, FROM) || includes(buf, text, end, IN));
  if (goesOn || (state === 3 && text < end && buf[text] === 0x5e)) return rule(Verdict.Continue);
  const isShown =
    startsWith(buf, end - NO_METHOD.length, end, NO_METHOD) || startsWith(buf, end - NAME.length, end, NAME);
  return rule(Verdict.Start, isShown ? 1 : 0);
};

const EVAL_AT = utf8('eval at ');
const CAUSE = utf8('[cause]: ');
const REQUIRE_STACK = utf8('Require stack:');
const ITEM = utf8('- ');

/** State 1: in the braces of the error's own properties, behind its frames; 2: in the list of who required what is not there. */
const node: Rule = (state, buf, start, end) => {
  const text = skipBlanks(buf, start, end);
  if (state === 1 && start < end) return rule(Verdict.Continue, buf[start] === 0x7d ? 0 : 1);
  if (startsWith(buf, start, end, REQUIRE_STACK) || (state === 2 && startsWith(buf, start, end, ITEM)))
    return rule(Verdict.Continue, 2);
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

const LEVELS = ['trce: ', 'dbug: ', 'info: ', 'warn: ', 'fail: ', 'crit: '].map(utf8);

/** `fail: Category[13]`, above the indented message of the console's own formatter. */
const isConsoleHead = (buf: Uint8Array, start: number, end: number): boolean =>
  buf[end - 1] === 0x5d && LEVELS.some(level => startsWith(buf, start, end, level));

/** State 1: behind such a head. */
const dotnet: Rule = (state, buf, start, end) => {
  if (isConsoleHead(buf, start, end)) return rule(Verdict.Start, 1);
  const text = skipBlanks(buf, start, end);
  if (state === 1 && text - start >= 6) return rule(Verdict.Continue, 1);
  const goesOn =
    isFrame(buf, start, text, end) || startsWith(buf, text, end, END_OF) || startsWith(buf, text, end, INNER);
  return rule(goesOn ? Verdict.Continue : Verdict.Start);
};

const STACK_TRACE = utf8('Stack trace:');
const THROWN_IN = utf8('thrown in ');
const NEXT = utf8('Next ');
const PHP = utf8('PHP ');
/** Laravel's, around the trace and behind it. */
const MARKS = ['[stacktrace]', '[previous exception] '].map(utf8);
const END_OF_CONTEXT = utf8('"}');

/** Behind `[timestamp] ` and `PHP `, which error_log puts before every line. State 1: behind a frame. */
const php: Rule = (state, buf, start, end) => {
  if (state === 1 && start === end) return rule(Verdict.Continue, 1);
  if (MARKS.some(mark => startsWith(buf, start, end, mark))) return rule(Verdict.Continue);
  if (state === 1 && startsWith(buf, start, end, END_OF_CONTEXT)) return rule(Verdict.Continue);
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

const ERROR = utf8('Error: ');
const HEADINGS = ['Caused by:', 'Stack backtrace:', 'Location:'].map(utf8);

/**
 * State 1: before the message, which stands on its own line since Rust 1.73; 2: behind it; 3: behind the error that `main`
 * returned, whose causes anyhow and eyre tell.
 */
const rust: Rule = (state, buf, start, end) => {
  if (includes(buf, start, end, PANICKED)) return rule(Verdict.Start, buf[end - 1] === 0x3a ? 1 : 2);
  if (state === 1) return rule(Verdict.Continue, 2);
  if (startsWith(buf, start, end, ERROR)) return rule(Verdict.Start, 3);
  const isIndented = start < end && isBlank(buf[start]);
  if (
    state === 3 &&
    (start === end || isIndented || HEADINGS.some(each => startsWith(buf, start, end, each)))
  )
    return rule(Verdict.Continue, 3);
  if (startsWith(buf, start, end, BACKTRACE)) return rule(state === 2 ? Verdict.Continue : Verdict.Start, 2);
  const goesOn = state === 2 && (isIndented || startsWith(buf, start, end, NOTE));
  return goesOn ? rule(Verdict.Continue, 2) : rule(Verdict.Single);
};

const UNHANDLED = utf8('Unhandled exception:');
const SUSPENSION = utf8('<asynchronous suspension>');

/** State 1: in the message, which may quote anything; 2: in the frames. */
const dart: Rule = (state, buf, start, end) => {
  if (startsWith(buf, start, end, UNHANDLED)) return rule(Verdict.Start, 1);
  const isFrame = buf[start] === 0x23 && start + 1 < end && isDigit(buf[start + 1]);
  if (state > 0 && (isFrame || startsWith(buf, start, end, SUSPENSION))) return rule(Verdict.Continue, 2);
  return state === 1 ? rule(Verdict.Continue, 1) : rule(Verdict.Single);
};

/** One rule a language. */
export const LANGUAGES = { java, python, go, ruby, node, dotnet, php, rust, dart } as const;
