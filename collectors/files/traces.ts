// Stack traces by language: which lines of them follow which. Pure; bytes, not strings.

import { utf8 } from '../../agent/core/record.ts';
import { go } from './traces-go.ts';
import { python } from './traces-python.ts';
import { type Rule, rule, Verdict } from './verdict.ts';
import { includes, isBlank, isDigit, SPACE, skipBlanks, startsWith } from './words.ts';

const AT = utf8('at ');
const DOTS = utf8('... ');

/** `at Frame(…)` behind blanks. */
const isFrame = (buf: Uint8Array, start: number, text: number, end: number): boolean =>
  text > start && startsWith(buf, text, end, AT);

const CAUSED_BY = utf8('Caused by:');
const SUPPRESSED = utf8('Suppressed:');
const WRAPPED_BY = utf8('Wrapped by:');
const NESTED = utf8('nested exception is:');
const UNCAUGHT = utf8('Exception in thread ');
const THROWN = ['Exception:', 'Error:'].map(utf8);

/** `a.b.SomeException: message`, or one of a thread that nobody caught. */
function isThrown(buf: Uint8Array, start: number, end: number): boolean {
  if (startsWith(buf, start, end, UNCAUGHT)) return true;
  let stop = start;
  while (stop < end && buf[stop] !== SPACE) stop++;
  return THROWN.some(word => stop - start >= word.length && startsWith(buf, stop - word.length, stop, word));
}

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
  return rule(Verdict.Start, isThrown(buf, start, end) ? 3 : 0);
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
