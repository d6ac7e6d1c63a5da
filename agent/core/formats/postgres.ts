// The log of PostgreSQL on stderr. Pure.
// `<log_line_prefix>LEVEL:  message`: the prefix begins with a time (%m or %t); of the rest of it a pid in brackets and
// user@database, or user= and db=, are understood wherever they stand, as Debian, the server's default and RDS have them.

import type { Meanings } from '../daemon.ts';
import { type Attributes, utf8 } from '../record.ts';
import { Cursor } from './cursor.ts';
import type { Format } from './format.ts';
import { Levels } from './severity.ts';
import { Stamp } from './stamp.ts';

const PID = utf8('process.pid');
const USER = utf8('user.name');
const DATABASE = utf8('db.namespace');
const UTC = utf8('UTC');
const GMT = utf8('GMT');
const USER_IS = utf8('user=');
const DATABASE_IS = utf8('db=');

/** Longer prefixes than this are no prefixes. */
const MAX_PREFIX = 512;

/** What is said beside an error belongs to it, and is no worse than information. FATAL ends a session, PANIC all of them. */
const LEVELS = {
  DEBUG: 'debug',
  DEBUG1: 'debug',
  DEBUG2: 'debug',
  DEBUG3: 'debug',
  DEBUG4: 'debug',
  DEBUG5: 'debug',
  INFO: 'info',
  LOG: 'info',
  DETAIL: 'info',
  HINT: 'info',
  QUERY: 'info',
  CONTEXT: 'info',
  STATEMENT: 'info',
  LOCATION: 'info',
  NOTICE: 'notice',
  WARNING: 'warning',
  ERROR: 'error',
  FATAL: 'critical',
  PANIC: 'emergency',
};

export function createPostgres({ timezone }: Meanings = {}): Format {
  const part = new Cursor();
  const stamp = new Stamp(timezone);
  const levels = new Levels(LEVELS);
  return record => {
    const { buf, bodyStart, bodyEnd } = record;
    if (!stamp.iso(buf, bodyStart, bodyEnd)) return false;
    const from = stamp.end;
    const limit = Math.min(bodyEnd - 2, from + MAX_PREFIX);
    for (let i = from; i < limit; i++) {
      if (buf[i] !== 0x3a || buf[i + 1] !== 0x20 || buf[i + 2] !== 0x20) continue;
      let word = i;
      while (word > from && isLevel(buf[word - 1]!)) word--;
      if (!levels.put(record, buf, word, i)) continue;
      prefix(part, stamp, record.attributes, buf, from, word);
      record.seconds = stamp.seconds;
      record.nanos = stamp.nanos;
      record.bodyStart = i + 3;
      return true;
    }
    return false;
  };
}

const isLevel = (byte: number): boolean => (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x30 && byte <= 0x39);

/** Between blanks, colons and commas; what the server knows nothing for is empty or `[unknown]`. */
const isGap = (byte: number): boolean => byte === 0x20 || byte === 0x3a || byte === 0x2c;

function prefix(p: Cursor, stamp: Stamp, a: Attributes, buf: Uint8Array, start: number, end: number): void {
  p.buf = buf;
  for (let at = start, first = true; at < end; at++) {
    p.from = at;
    while (at < end && !isGap(buf[at]!)) at++;
    p.to = at;
    if (p.to === p.from) continue;
    if (first && (p.is(UTC) || p.is(GMT))) stamp.isUtc();
    first = false;
    if (buf[p.from] === 0x5b) pid(p, a);
    else name(p, a);
  }
}

/** `[71]`, or `[71-3]` where the prefix counts the lines of the session. */
function pid(p: Cursor, a: Attributes): void {
  p.from++;
  p.to--;
  for (let i = p.from; i < p.to; i++) if (p.buf[i] === 0x2d) p.to = i;
  if (p.number() >= 0) a.int(PID, p.number());
}

function name(p: Cursor, a: Attributes): void {
  const { buf, from, to } = p;
  if (p.begins(USER_IS)) put(a, USER, buf, from + USER_IS.length, to);
  else if (p.begins(DATABASE_IS)) put(a, DATABASE, buf, from + DATABASE_IS.length, to);
  else {
    const at = buf.indexOf(0x40, from);
    if (at < from || at >= to) return;
    put(a, USER, buf, from, at);
    put(a, DATABASE, buf, at + 1, to);
  }
}

function put(a: Attributes, key: Uint8Array, buf: Uint8Array, start: number, end: number): void {
  if (end > start && buf[start] !== 0x5b) a.text(key, buf, start, end);
}
