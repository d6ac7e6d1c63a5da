// Logs of web servers: access lines in the Common and Combined Log Formats, and the error lines of nginx and Apache.
// Attributes have the names of the OpenTelemetry semantic conventions. Pure.

import type { Meanings } from '../daemon.ts';
import { type Attributes, type LogRecord, utf8 } from '../record.ts';
import { Cursor } from './cursor.ts';
import type { Format } from './format.ts';
import { Keys } from './keys.ts';
import { severityOf } from './severity.ts';
import { Stamp } from './stamp.ts';

const CLIENT = utf8('client.address');
const CLIENT_PORT = utf8('client.port');
const SERVER = utf8('server.address');
const PORT = utf8('server.port');
const USER = utf8('user.name');
const METHOD = utf8('http.request.method');
const TARGET = utf8('url.original');
const VERSION = utf8('network.protocol.version');
const STATUS = utf8('http.response.status_code');
const SIZE = utf8('http.response.body.size');
const REFERER = utf8('http.request.header.referer');
const AGENT = utf8('user_agent.original');
const PID = utf8('process.pid');
const THREAD = utf8('thread.id');
const CONNECTION = utf8('nginx.connection');
const MODULE = utf8('apache.module');
const HTTP = utf8('HTTP/');

/** nginx: `access.log` in the predefined format `combined`, and `error.log`. */
export const createNginx = (meanings: Meanings = {}): Format => createWeb(nginxError, meanings);

/** Apache: `common`, `combined` and `vhost_combined`, and the error log of 2.2 and 2.4. */
export const createApache = (meanings: Meanings = {}): Format => createWeb(apacheError, meanings);

type ErrorLine = (record: LogRecord, line: Cursor, stamp: Stamp, words: Keys) => boolean;

function createWeb(errorLine: ErrorLine, { timezone }: Meanings): Format {
  const line = new Cursor();
  const stamp = new Stamp(timezone);
  const words = new Keys({});
  return record => {
    line.begin(record.buf, record.bodyStart, record.bodyEnd);
    if (errorLine(record, line, stamp, words)) return true;
    line.begin(record.buf, record.bodyStart, record.bodyEnd);
    return access(record, line, stamp);
  };
}

/** `[server:port] address ident user [time] "request" status size "referer" "agent"`; the body stays the line. */
function access(record: LogRecord, line: Cursor, stamp: Stamp): boolean {
  const { attributes: a } = record;
  if (!line.word()) return false;
  if (isServer(line)) {
    server(a, line);
    if (!line.word()) return false;
  }
  put(a, CLIENT, line);
  if (!line.word() || !line.until(0x5b)) return false;
  line.to--;
  put(a, USER, line);
  if (!line.until(0x5d) || !stamp.clf(line.buf, line.from, line.to) || !line.skip(0x20)) return false;
  time(record, stamp);
  if (!line.quoted()) return false;
  const behind = line.at;
  request(record, line);
  line.at = behind;
  if (!line.skip(0x20) || !line.word()) return false;
  const status = line.number();
  if (status < 0) return false;
  a.int(STATUS, status);
  if (!line.word()) return false;
  if (line.number() >= 0) a.int(SIZE, line.number());
  if (!line.quoted()) return true;
  put(a, REFERER, line);
  if (line.skip(0x20) && line.quoted()) put(a, AGENT, line);
  return true;
}

/** Whether the word last taken is a server and its port: before a user and the time three more words stand, not two. */
function isServer({ buf, from, to, at, end }: Cursor): boolean {
  let words = 0;
  let digits = to;
  while (digits > from && isDigit(buf[digits - 1]!)) digits--;
  if (digits === to || digits === from || buf[digits - 1] !== 0x3a) return false;
  for (let i = at; i < end && buf[i] !== 0x5b; i++) if (buf[i] === 0x20) words++;
  return words >= 3;
}

const isDigit = (byte: number): boolean => byte >= 48 && byte <= 57;

function server(a: Attributes, line: Cursor): void {
  const { buf, from, to } = line;
  const colon = buf.lastIndexOf(0x3a, to - 1);
  a.text(SERVER, buf, from, colon);
  line.from = colon + 1;
  if (line.number() > 0) a.int(PORT, line.number());
}

/** The part last taken, unless it says "none". */
function put(a: Attributes, key: Uint8Array, line: Cursor): void {
  if (!line.isNone()) a.text(key, line.buf, line.from, line.to);
}

/** `GET /path HTTP/1.1`; anything else came from no browser, and is all target. */
function request(record: LogRecord, line: Cursor): void {
  const { attributes: a } = record;
  const { buf, from, to, end } = line;
  line.begin(buf, from, to);
  let version = to;
  while (version > from && buf[version - 1] !== 0x20) version--;
  line.from = version;
  line.to = version + HTTP.length;
  const isHttp = line.to < to && line.is(HTTP);
  if (isHttp && line.word() && line.at < version - 1) {
    a.text(METHOD, buf, line.from, line.to);
    a.text(TARGET, buf, line.at, version - 1);
    a.text(VERSION, buf, version + HTTP.length, to);
  } else if (to > from) a.text(TARGET, buf, from, to);
  line.end = end;
}

/** `2024/01/02 15:04:05 [error] 12#34: *56 message`. */
function nginxError(record: LogRecord, line: Cursor, stamp: Stamp, words: Keys): boolean {
  if (!stamp.slashed(line.buf, line.at, line.end)) return false;
  line.at = stamp.end;
  if (!line.skip(0x20) || !line.skip(0x5b) || !line.until(0x5d)) return false;
  if (!level(record, words, line.buf, line.from, line.to)) return false;
  if (!line.skip(0x20) || !line.until(0x23)) return false;
  const pid = line.number();
  if (!line.until(0x3a) || line.number() < 0 || pid < 0) return false;
  record.attributes.int(PID, pid);
  record.attributes.int(THREAD, line.number());
  line.skip(0x20);
  const message = line.at;
  if (line.skip(0x2a) && line.word() && line.number() >= 0) record.attributes.int(CONNECTION, line.number());
  else line.at = message;
  time(record, stamp);
  record.bodyStart = line.at;
  return true;
}

/** `[time] [module:level] [pid 1:tid 2] [client 1.2.3.4:5] message`. */
function apacheError(record: LogRecord, line: Cursor, stamp: Stamp, words: Keys): boolean {
  if (!line.skip(0x5b) || !stamp.ctime(line.buf, line.at, line.end)) return false;
  line.at = stamp.end;
  if (!line.skip(0x5d)) return false;
  while (line.skip(0x20) && line.skip(0x5b)) {
    if (!line.until(0x5d)) return false;
    const { at, end } = line;
    bracket(record, line, words);
    line.begin(line.buf, at, end);
  }
  if (record.severity === 0) return false;
  time(record, stamp);
  record.bodyStart = line.at;
  return true;
}

const PID_WORD = utf8('pid');
const TID_WORD = utf8('tid');
const CLIENT_WORD = utf8('client');

function bracket(record: LogRecord, line: Cursor, words: Keys): void {
  const { attributes: a } = record;
  const { buf, from, to } = line;
  line.begin(buf, from, to);
  line.word();
  if (line.is(CLIENT_WORD)) {
    // An IPv6 address and its port look like one.
    const address = buf.subarray(line.at, to);
    const colon = address.indexOf(0x3a);
    const start = line.at;
    const hasPort = colon > 0 && colon === address.lastIndexOf(0x3a);
    a.text(CLIENT, buf, start, hasPort ? start + colon : to);
    line.begin(buf, start + colon + 1, to);
    if (hasPort && line.word() && line.number() >= 0) a.int(CLIENT_PORT, line.number());
  } else if (line.is(PID_WORD)) {
    if (!line.until(0x3a)) line.word();
    if (line.number() >= 0) a.int(PID, line.number());
    if (line.word() && line.is(TID_WORD) && line.word() && line.number() >= 0) a.int(THREAD, line.number());
  } else {
    line.begin(buf, from, to);
    const named = line.until(0x3a);
    if (level(record, words, buf, line.at, to) && named && line.to > line.from)
      a.text(MODULE, buf, line.from, line.to);
  }
}

function level(record: LogRecord, words: Keys, buf: Uint8Array, start: number, end: number): boolean {
  const severity = severityOf(buf, start, end);
  if (severity === 0) return false;
  record.severity = severity;
  record.severityText = words.find(buf, start, end).bytes;
  return true;
}

function time(record: LogRecord, stamp: Stamp): void {
  record.seconds = stamp.seconds;
  record.nanos = stamp.nanos;
}
