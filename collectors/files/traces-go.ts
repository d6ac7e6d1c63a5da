// Panics of Go, and all goroutines of a program that got a signal. Pure.

import { utf8 } from '../../agent/core/record.ts';
import { type Rule, rule, Verdict } from './verdict.ts';
import { includes, isBlank, SPACE, skipBlanks, startsWith } from './words.ts';

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
export const go: Rule = (state, buf, start, end) => {
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
