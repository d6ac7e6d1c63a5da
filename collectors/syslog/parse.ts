// A syslog message's bytes to their parts. Pure; allocates nothing a message; takes anything and never throws.

import { Fault, Format, isDigit, type Message } from './message.ts';
import { parse3164 } from './parse-3164.ts';
import { parse5424 } from './parse-5424.ts';
import { TimeParser } from './parse-time.ts';

const LESS = 0x3c;
const GREATER = 0x3e;
const LF = 0x0a;
const NUL = 0;
const SPACE = 0x20;
const HIGHEST_PRIORITY = 191;

export class Parser {
  private readonly time = new TimeParser();

  /** Fills `m` from bytes `start..end`; `now` in Unix ms places times without a year. */
  parse(m: Message, buf: Uint8Array, start: number, end: number, now: number): void {
    const stop = messageEnd(buf, start, end);
    m.reset(buf, start, stop);
    const text = priorityEnd(m, start, stop);
    if (text === start) {
      if (parse3164(m, this.time, start, stop, now)) return;
      m.appEnd = m.appStart;
      m.procEnd = m.procStart;
      this.raw(m, start, Fault.Header);
      return;
    }
    if (isVersion(buf, text, stop)) {
      const fault = parse5424(m, this.time, text, stop);
      if (fault !== Fault.None) this.raw(m, start, fault);
    } else parse3164(m, this.time, text, stop, now);
  }

  /** The whole message is the body. */
  private raw(m: Message, start: number, fault: number): void {
    m.format = Format.Raw;
    m.fault = fault;
    m.bodyStart = start;
  }
}

/**
 * A line feed, a NUL or both at the end are the sender's terminator, not the message's, unless it holds other NULs.
 * Returns where the message ends without.
 */
export function messageEnd(buf: Uint8Array, start: number, end: number): number {
  let stop = end;
  if (stop > start && buf[stop - 1] === NUL && buf.indexOf(NUL, start) === stop - 1) stop--;
  if (stop > start && buf[stop - 1] === LF) stop--;
  return stop;
}

/** Takes `<0>` to `<191>`, without leading zeros, and returns the position behind it; `start` when there is none. */
function priorityEnd(m: Message, start: number, end: number): number {
  const { buf } = m;
  if (start >= end || buf[start] !== LESS) return start;
  let pos = start + 1;
  let priority = 0;
  while (pos < end && pos < start + 4 && isDigit(buf[pos])) priority = priority * 10 + buf[pos++]! - 0x30;
  const digits = pos - start - 1;
  if (digits === 0 || pos >= end || buf[pos] !== GREATER || priority > HIGHEST_PRIORITY) return start;
  if (digits > 1 && buf[start + 1] === 0x30) return start;
  m.facility = priority >> 3;
  m.severity = priority & 7;
  return pos + 1;
}

/** Up to three digits and a space: an RFC 5424 VERSION, whatever comes after it. */
function isVersion(buf: Uint8Array, start: number, end: number): boolean {
  let pos = start;
  while (pos < end && pos < start + 3 && isDigit(buf[pos])) pos++;
  return pos > start && pos < end && buf[pos] === SPACE;
}
