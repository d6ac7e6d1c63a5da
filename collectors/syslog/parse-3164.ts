// What is left when it is not RFC 5424: RFC 3164 as it is really sent, with or without host, tag and time; the form
// glibc's syslog(3) writes to a local socket; and Cisco's sequence numbers and clock marks. Pure. Never fails.

import { isTime } from '../../agent/core/protobuf.ts';
import { Format, isDigit, type Message } from './message.ts';
import type { TimeParser } from './parse-time.ts';

const SPACE = 0x20;
const COLON = 0x3a;
const DOT = 0x2e;
const STAR = 0x2a;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const SLASH = 0x2f;
const PERCENT = 0x25;
const MINUS = 0x2d;

/** Longer words are text, not a host or tag. */
const MAX_HOST = 255;
const MAX_TAG = 128;

function byteSet(pattern: RegExp): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, i) => (pattern.test(String.fromCharCode(i)) ? 1 : 0));
}

/** Characters of tags that no `[pid]` confirms. */
const TAG_BYTE = byteSet(/[0-9A-Za-z%()\-./@_+#~!*,\x80-\xff]/);
/** Characters of host names, and of paths of relays (`a/b`). */
const HOST_BYTE = byteSet(/[0-9A-Za-z\-./@_]/);
const IPV6_BYTE = byteSet(/[0-9a-fA-F:.%]/);
const DIGIT_BYTE = byteSet(/[0-9]/);

function wordEnd(buf: Uint8Array, at: number, end: number): number {
  let pos = at;
  while (pos < end && buf[pos] !== SPACE) pos++;
  return pos;
}

function spacesEnd(buf: Uint8Array, at: number, end: number): number {
  let pos = at;
  while (pos < end && buf[pos] === SPACE) pos++;
  return pos;
}

function all(set: Uint8Array, buf: Uint8Array, start: number, end: number): boolean {
  for (let pos = start; pos < end; pos++) if (set[buf[pos]!] === 0) return false;
  return start < end;
}

/** Reads from behind the priority. Returns whether a timestamp was there: without one and without priority it is raw. */
export function parse3164(m: Message, time: TimeParser, start: number, end: number, now: number): boolean {
  const { buf } = m;
  m.format = Format.Local;
  const text = spacesEnd(buf, start, end);
  const afterTime = timestamp(m, time, text, end, now);
  if (afterTime < 0) {
    m.abridged = false;
    m.bodyStart = start;
    tag(m, text, wordEnd(buf, text, end), end, true);
    return false;
  }
  m.bodyStart = afterTime < end ? afterTime + 1 : end;
  const first = spacesEnd(buf, afterTime, end);
  const firstEnd = wordEnd(buf, first, end);
  if (tag(m, first, firstEnd, end, false)) {
    // `123: *Mar  1 …: %SYS-5-CONFIG_I: …` reads as on the device's own console.
    if (isDigit(buf[text]) && buf[first] === PERCENT) m.bodyStart = first;
    return true;
  }
  if (m.hostEnd > m.hostStart || !isHost(buf, first, firstEnd)) return true;
  let second = spacesEnd(buf, firstEnd, end);
  if (second < end && buf[second] === COLON) {
    // ASA: `Nov 26 2026 12:00:00 fw1 : %ASA-6-302013: …`
    if (second + 2 >= end || buf[second + 1] !== SPACE || buf[second + 2] !== PERCENT) return true;
    second += 2;
  }
  m.format = Format.Rfc3164;
  if (firstEnd - first > 1 || buf[first] !== MINUS) {
    m.hostStart = first;
    m.hostEnd = firstEnd;
  }
  m.bodyStart = second;
  tag(m, second, wordEnd(buf, second, end), end, false);
  return true;
}

/** The position behind the timestamp and its colon, or -1. What comes before it on Cisco devices is in no field. */
function timestamp(m: Message, time: TimeParser, start: number, end: number, now: number): number {
  const { buf } = m;
  let pos = start;
  // NX-OS: `: 2026 Nov 26 12:00:00 UTC: %ETHPORT-5-IF_UP: …`
  if (start + 1 < end && buf[start] === COLON && buf[start + 1] === SPACE) pos += 2;
  if (isDigit(buf[pos])) {
    m.abridged = pos > start;
    if (time.iso(buf, pos, end, false) || time.bsd(buf, pos, end, now))
      return timeEnd(m, time, time.pos, end);
    pos = sequenceEnd(buf, pos, end);
    if (pos < 0) return -1;
  }
  if (buf[pos] === STAR || buf[pos] === DOT) pos++;
  m.abridged = pos > start;
  if (time.bsd(buf, pos, end, now)) return timeEnd(m, time, time.pos, end);
  if (pos === start) return -1;
  // `123: router1: *Mar  1 …`
  const host = wordEnd(buf, pos, end) - 1;
  if (buf[host] !== COLON || !isHost(buf, pos, host)) return -1;
  const marked = buf[host + 2] === STAR || buf[host + 2] === DOT ? host + 3 : host + 2;
  if (!time.bsd(buf, marked, end, now)) return -1;
  const behind = timeEnd(m, time, time.pos, end);
  if (behind < 0) return -1;
  m.format = Format.Rfc3164;
  m.hostStart = pos;
  m.hostEnd = host;
  return behind;
}

/** Behind `123: `, or -1. */
function sequenceEnd(buf: Uint8Array, start: number, end: number): number {
  let pos = start;
  while (pos < end && isDigit(buf[pos])) pos++;
  return pos < end && buf[pos] === COLON && buf[pos + 1] === SPACE ? pos + 2 : -1;
}

/** Takes the time when what follows is its end: nothing, a space, a colon, or a zone that only `: %` can confirm. */
function timeEnd(m: Message, time: TimeParser, behind: number, end: number): number {
  const { buf } = m;
  let pos = behind;
  let { seconds } = time;
  if (pos < end && buf[pos] === SPACE) {
    const zone = wordEnd(buf, pos + 1, end);
    if (buf[zone - 1] === COLON && zone - pos <= 7 && zone + 1 < end && buf[zone + 1] === PERCENT) {
      if (isUtc(buf, pos + 1, zone - 1)) seconds -= new Date(seconds * 1000).getTimezoneOffset() * 60;
      m.abridged = true;
      pos = zone;
    }
  } else if (pos < end && buf[pos] === COLON) pos++;
  if (pos < end && buf[pos] !== SPACE) return -1;
  m.seconds = seconds;
  m.nanos = time.nanos;
  m.abridged ||= !isTime(seconds);
  return pos;
}

/** `UTC` or `GMT`; other zones have no one meaning. */
function isUtc(buf: Uint8Array, start: number, end: number): boolean {
  if (end - start !== 3) return false;
  const word = ((buf[start]! | 32) << 16) | ((buf[start + 1]! | 32) << 8) | buf[start + 2]! | 32;
  return word === 0x757463 || word === 0x676d74;
}

/** An IPv6 address, or a word of host name characters. */
function isHost(buf: Uint8Array, start: number, end: number): boolean {
  if (end - start > MAX_HOST) return false;
  return all(HOST_BYTE, buf, start, end) || isIpv6(buf, start, end);
}

function isIpv6(buf: Uint8Array, start: number, end: number): boolean {
  let colons = 0;
  for (let pos = start; pos < end; pos++) if (buf[pos] === COLON) colons++;
  return colons >= 2 && buf[end - 1] !== COLON && all(IPV6_BYTE, buf, start, end);
}

/**
 * Takes `tag:`, `tag[pid]:`, `tag[pid]` or, not when `bare` (no timestamp leads in), the start of `tag:text` from the
 * word `start..stop`; the body is behind it and one space.
 */
function tag(m: Message, start: number, stop: number, end: number, bare: boolean): boolean {
  const { buf } = m;
  let label = stop;
  let body = stop;
  const colon = buf[stop - 1] === COLON;
  if (colon) label--;
  else if (buf[stop - 1] !== CLOSE) {
    // `12:34:56 …` and `192.0.2.1:514 …` are text.
    if (bare || isDigit(buf[start]) || isIpv6(buf, start, stop)) return false;
    label = labelEnd(buf, start, stop);
    // `http://…` is text.
    if (label >= stop || buf[label] !== COLON || buf[label + 1] === SLASH) return false;
    body = label + 1;
  }
  let name = label;
  if (buf[label - 1] === CLOSE) {
    name = buf.lastIndexOf(OPEN, label);
    if (body === stop && !colon && !all(DIGIT_BYTE, buf, name + 1, label - 1)) return false;
  } else if (!all(TAG_BYTE, buf, start, name)) return false;
  if (name <= start || name - start > MAX_TAG) return false;
  m.appStart = start;
  m.appEnd = name;
  if (name < label) {
    m.procStart = name + 1;
    m.procEnd = label - 1;
  }
  m.bodyStart = body < end && buf[body] === SPACE ? body + 1 : body;
  return true;
}

/** Behind the tag characters from `start` on and a bracket behind them. */
function labelEnd(buf: Uint8Array, start: number, stop: number): number {
  let pos = start;
  while (pos < stop && TAG_BYTE[buf[pos]!] === 1) pos++;
  if (pos === stop || buf[pos] !== OPEN) return pos;
  const close = buf.indexOf(CLOSE, pos);
  return close < 0 || close >= stop ? stop : close + 1;
}
