// The log of Redis and Valkey. Pure.
// `71:M 24 Nov 2026 15:30:14.123 * message`: pid, role (X sentinel, C child, S replica, M master), time, level; and
// `71:signal-handler (1795534214) message`, which has its time in Unix seconds.

import type { Meanings } from '../daemon.ts';
import { type LogRecord, utf8 } from '../record.ts';
import { Cursor } from './cursor.ts';
import type { Format } from './format.ts';
import { Levels } from './severity.ts';
import { Stamp } from './stamp.ts';

const PID = utf8('process.pid');
const ROLE = utf8('redis.role');
const ROLES: readonly number[] = [...utf8('XCSM')];
const HANDLER = utf8('signal-handler');

export function createRedis({ timezone }: Meanings = {}): Format {
  const line = new Cursor();
  const stamp = new Stamp(timezone);
  const levels = new Levels({ '.': 'debug', '-': 'info', '*': 'notice', '#': 'warning' });
  return record => {
    const { buf, bodyStart, bodyEnd, attributes: a } = record;
    line.begin(buf, bodyStart, bodyEnd);
    if (!line.until(0x3a) || line.number() < 0) return false;
    a.int(PID, line.number());
    if (!ROLES.includes(line.peek())) return handled(line, record);
    a.text(ROLE, buf, line.at, line.at + 1);
    line.at++;
    if (!line.skip(0x20)) return false;
    if (!stamp.dated(buf, line.at, bodyEnd) && !stamp.iso(buf, line.at, bodyEnd)) return false;
    line.at = stamp.end;
    if (!line.skip(0x20) || !line.word() || !levels.put(record, buf, line.from, line.to)) return false;
    record.seconds = stamp.seconds;
    record.nanos = stamp.nanos;
    record.bodyStart = line.at;
    return true;
  };
}

/** What the handler of a signal says, behind the pid. */
function handled(line: Cursor, record: LogRecord): boolean {
  if (!line.word() || !line.is(HANDLER)) return false;
  if (!line.skip(0x28) || !line.until(0x29) || line.number() < 0) return false;
  record.seconds = line.number();
  line.skip(0x20);
  record.bodyStart = line.at;
  return true;
}
