// Tracebacks of Python: chains, groups of exceptions, syntax errors, errors of validation. Pure.

import { utf8 } from '../../agent/core/record.ts';
import { type Rule, rule, Verdict } from './verdict.ts';
import { includes, SPACE, skipBlanks, startsWith } from './words.ts';

const TRACEBACK = utf8('Traceback (most recent call last):');
const DURING = utf8('During handling of the above exception');
const ABOVE = utf8('The above exception was the direct cause');

const FILE = utf8('File "');
const IN_THREAD = utf8('Exception in thread ');
const IGNORED = utf8('Exception ignored in: ');
const VALIDATION = utf8(' validation error');

/** States of a traceback; how far its head is indented stands above them. */
const Python = { Out: 0, Frames: 1, Behind: 2, Gap: 3, Chain: 4, Group: 5, Fields: 6 } as const;
const STATE_BITS = 3;

/**
 * Frames end with the exception's own line, which stands below the head. Behind it come the indented lines of its message,
 * then, across empty lines, the words of a chain with another traceback; a group of exceptions is drawn as a tree. That a
 * message goes on without indentation cannot be seen, but for pydantic's, whose lines are names of fields.
 */
export const python: Rule = (before, buf, start, end) => {
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
  if (state === Python.Frames) {
    if (text - start > indent) return to(Python.Frames);
    return to(includes(buf, text, end, VALIDATION) ? Python.Fields : Python.Behind);
  }
  const isField =
    state === Python.Fields && text < end && (text > start || !buf.subarray(start, end).includes(SPACE));
  if (isField) return to(Python.Fields);
  if (state >= Python.Behind && text === end) return to(state === Python.Chain ? Python.Chain : Python.Gap);
  if (state === Python.Behind && text - start > indent) return to(Python.Behind);
  if (startsWith(buf, text, end, DURING) || startsWith(buf, text, end, ABOVE))
    return state === Python.Gap ? to(Python.Chain) : begin(Python.Chain);
  if (startsWith(buf, start, end, IN_THREAD) || startsWith(buf, start, end, IGNORED))
    return begin(Python.Chain);
  return rule(Verdict.Single);
};
