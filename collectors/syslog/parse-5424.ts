// RFC 5424: `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA [MSG]`. Pure.

import { isTime } from '../../agent/core/protobuf.ts';
import { structureEnd } from '../../agent/core/structured-data.ts';
import { Fault, Format, type Message } from './message.ts';
import type { TimeParser } from './parse-time.ts';

const SPACE = 0x20;
const NIL = 0x2d;

/** Whether a nil value (`-` and a space or the end) stands at a position. */
const isNil = (buf: Uint8Array, at: number, end: number): boolean =>
  buf[at] === NIL && (at + 1 === end || buf[at + 1] === SPACE);

/** The position behind the printable ASCII from `at` on. */
function wordEnd(buf: Uint8Array, at: number, end: number): number {
  let pos = at;
  while (pos < end && buf[pos]! > SPACE && buf[pos]! < 0x7f) pos++;
  return pos;
}

/**
 * Reads from the VERSION at `pos` on. What was read stays in `m` also when a later part is malformed, so that a
 * message with broken structured data still belongs to its daemon. Returns the fault.
 */
export function parse5424(m: Message, time: TimeParser, start: number, end: number): number {
  const { buf } = m;
  m.format = Format.Rfc5424;
  let pos = start;
  while (pos < end && buf[pos]! >= 0x30 && buf[pos]! <= 0x39) m.version = m.version * 10 + buf[pos++]! - 0x30;
  if (m.version < 1 || m.version > 999 || pos >= end || buf[pos] !== SPACE) return Fault.Version;

  pos++;
  if (isNil(buf, pos, end)) pos++;
  else {
    if (!time.iso(buf, pos, end, true)) return Fault.Time;
    m.seconds = time.seconds;
    m.nanos = time.nanos;
    m.abridged = !isTime(time.seconds);
    pos = time.pos;
  }
  let late = Fault.None as number;

  let stop = wordEnd(buf, pos + 1, end);
  if (pos >= end || buf[pos] !== SPACE) return Fault.Time;
  if (stop === pos + 1 || stop >= end || buf[stop] !== SPACE) return Fault.Host;
  if (stop - pos - 1 > 255) late ||= Fault.Host;
  if (!isNil(buf, pos + 1, end)) {
    m.hostStart = pos + 1;
    m.hostEnd = stop;
  }
  pos = stop;

  stop = wordEnd(buf, pos + 1, end);
  if (stop === pos + 1 || stop >= end || buf[stop] !== SPACE) return Fault.App;
  if (stop - pos - 1 > 48) late ||= Fault.App;
  if (!isNil(buf, pos + 1, end)) {
    m.appStart = pos + 1;
    m.appEnd = stop;
  }
  pos = stop;

  stop = wordEnd(buf, pos + 1, end);
  if (stop === pos + 1 || stop >= end || buf[stop] !== SPACE) return Fault.Proc;
  if (stop - pos - 1 > 128) late ||= Fault.Proc;
  if (!isNil(buf, pos + 1, end)) {
    m.procStart = pos + 1;
    m.procEnd = stop;
  }
  pos = stop;

  stop = wordEnd(buf, pos + 1, end);
  if (stop === pos + 1 || stop >= end || buf[stop] !== SPACE) return Fault.MsgId;
  if (stop - pos - 1 > 32) late ||= Fault.MsgId;
  if (!isNil(buf, pos + 1, end)) {
    m.msgIdStart = pos + 1;
    m.msgIdEnd = stop;
  }
  pos = stop + 1;

  if (isNil(buf, pos, end)) pos++;
  else {
    stop = structureEnd(buf, pos, end);
    if (stop < 0 || (stop < end && buf[stop] !== SPACE)) return Fault.Structure;
    m.structureStart = pos;
    m.structureEnd = stop;
    pos = stop;
  }
  if (pos < end) pos++;
  // MSG-UTF8 begins with a byte order mark, which is no text.
  if (end - pos >= 3 && buf[pos] === 0xef && buf[pos + 1] === 0xbb && buf[pos + 2] === 0xbf) pos += 3;
  if (late === Fault.None) m.bodyStart = pos;
  return late;
}
