// Lines of files a syslog daemon wrote: RFC 3164 style or with an ISO 8601 time, with or without the `<PRI>`, or RFC 5424.
// Pure.

import type { Meanings } from '../daemon.ts';
import { ProtoWriter } from '../protobuf.ts';
import { type LogRecord, SYSLOG_SEVERITY, utf8 } from '../record.ts';
import { encodeStructure, structureEnd } from '../structured-data.ts';
import { Cursor } from './cursor.ts';
import type { Format } from './format.ts';
import { Stamp } from './stamp.ts';

const FACILITY = utf8('syslog.facility');
export const HOSTNAME = utf8('syslog.hostname');
export const APPNAME = utf8('syslog.appname');
const PROCID = utf8('syslog.procid');
const MSGID = utf8('syslog.msgid');
const STRUCTURE = utf8('syslog.structured_data');
const VERSION = utf8('syslog.version');

const NIL = 0x2d;
const BOM = utf8('\ufeff');

/** Longer tags are words of the message. RFC 3164 allows 32, daemons write more. */
const MAX_TAG = 64;

/** `[<PRI>]<time> <host> [tag[[pid]]:] message`, or `<PRI>1 …` of RFC 5424; the body is the message. */
export function createSyslog({ timezone }: Meanings = {}): Format {
  const line = new Cursor();
  const stamp = new Stamp(timezone);
  const structure = new ProtoWriter(256);

  /** RFC 5424 behind its version. */
  const modern = (record: LogRecord): boolean => {
    const { buf, bodyEnd, attributes: a } = record;
    a.int(VERSION, 1);
    if (buf[line.at] !== NIL) {
      if (!stamp.iso(buf, line.at, bodyEnd)) return false;
      record.seconds = stamp.seconds;
      record.nanos = stamp.nanos;
      line.at = stamp.end;
    } else line.at++;
    if (!line.skip(0x20)) return false;
    for (const key of [HOSTNAME, APPNAME, PROCID, MSGID]) {
      if (!line.word()) return false;
      if (!line.isNone()) a.text(key, buf, line.from, line.to);
    }
    if (!line.skip(NIL)) {
      const stop = structureEnd(buf, line.at, bodyEnd);
      if (stop < 0) return false;
      structure.reset();
      encodeStructure(structure, buf, line.at, stop);
      a.value(STRUCTURE, structure.buf, 0, structure.pos);
      line.at = stop;
    }
    if (line.at < bodyEnd && !line.skip(0x20)) return false;
    record.bodyStart = line.at;
    line.from = line.at;
    line.to = bodyEnd;
    if (line.begins(BOM)) record.bodyStart += BOM.length;
    return true;
  };

  return record => {
    const { buf, bodyStart, bodyEnd, attributes: a } = record;
    line.begin(buf, bodyStart, bodyEnd);
    if (line.skip(0x3c)) {
      const priority = line.until(0x3e) ? line.number() : -1;
      if (priority < 0 || priority > 191) return false;
      const severity = SYSLOG_SEVERITY[priority & 7]!;
      record.severity = severity.number;
      record.severityText = severity.bytes;
      a.int(FACILITY, priority >> 3);
      if (buf[line.at] === 0x31 && buf[line.at + 1] === 0x20) {
        line.at += 2;
        return modern(record);
      }
    }
    const timed =
      stamp.iso(buf, line.at, bodyEnd) || stamp.bsd(buf, line.at, bodyEnd, record.observedSeconds);
    if (!timed) return false;
    line.at = stamp.end;
    if (!line.skip(0x20) || !line.word()) return false;
    record.seconds = stamp.seconds;
    record.nanos = stamp.nanos;
    a.text(HOSTNAME, buf, line.from, line.to);
    record.bodyStart = line.at;
    const name = line.at;
    while (line.at < bodyEnd && line.at - name <= MAX_TAG && isTag(buf[line.at]!)) line.at++;
    const nameEnd = line.at;
    if (nameEnd === name) return true;
    const pid = line.skip(0x5b) && line.until(0x5d);
    if (!line.skip(0x3a)) return true;
    a.text(APPNAME, buf, name, nameEnd);
    if (pid) a.text(PROCID, buf, line.from, line.to);
    line.skip(0x20);
    record.bodyStart = line.at;
    return true;
  };
}

/** Printable, and none of `:` `[` and blank. */
const isTag = (byte: number): boolean => byte > 0x20 && byte !== 0x3a && byte !== 0x5b && byte !== 0x7f;
