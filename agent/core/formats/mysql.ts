// The error log of MySQL and MariaDB. Pure.
// `2026-11-24T15:30:14.123456Z 7 [ERROR] [MY-000001] [Server] message` (MySQL 8, "Error Log Output Format"), and
// `2026-11-24  5:30:14 0 [Note] message` (MariaDB).

import type { Meanings } from '../daemon.ts';
import { utf8 } from '../record.ts';
import { Cursor } from './cursor.ts';
import type { Format } from './format.ts';
import { Levels } from './severity.ts';
import { Stamp } from './stamp.ts';

const THREAD = utf8('thread.id');
const CODE = utf8('mysql.error_code');
const SUBSYSTEM = utf8('mysql.subsystem');
const PREFIX = utf8('MY-');

export function createMysql({ timezone }: Meanings = {}): Format {
  const line = new Cursor();
  const stamp = new Stamp(timezone);
  const levels = new Levels({
    System: 'info',
    Note: 'notice',
    Warning: 'warning',
    ERROR: 'error',
    Error: 'error',
  });
  return record => {
    const { buf, bodyStart, bodyEnd, attributes: a } = record;
    if (!stamp.iso(buf, bodyStart, bodyEnd)) return false;
    line.begin(buf, stamp.end, bodyEnd);
    while (line.skip(0x20));
    if (!line.word() || line.number() < 0) return false;
    a.int(THREAD, line.number());
    if (!line.skip(0x5b) || !line.until(0x5d) || !levels.put(record, buf, line.from, line.to)) return false;
    while (line.skip(0x20));
    record.bodyStart = line.at;
    if (line.skip(0x5b) && line.until(0x5d) && line.begins(PREFIX)) {
      a.text(CODE, buf, line.from, line.to);
      line.skip(0x20);
      record.bodyStart = line.at;
      if (line.skip(0x5b) && line.until(0x5d)) {
        a.text(SUBSYSTEM, buf, line.from, line.to);
        line.skip(0x20);
        record.bodyStart = line.at;
      }
    }
    record.seconds = stamp.seconds;
    record.nanos = stamp.nanos;
    return true;
  };
}
