// `key=value key="quoted value"` lines, as Go and Heroku programs write them. Pure.

import type { Meanings } from '../daemon.ts';
import type { LogRecord } from '../record.ts';
import { Fields } from './fields.ts';
import type { Format } from './format.ts';
import { Role } from './keys.ts';
import { JsonScanner } from './scan.ts';

/** A line begins with a pair: prose with one `a=b` in it stays whole. */
export function createLogfmt(meanings: Meanings = {}): Format {
  const scan = new JsonScanner();
  const fields = new Fields(meanings);
  return record => {
    scan.reset(record.buf, record.bodyEnd);
    fields.begin();
    const at = scan.space(record.bodyStart);
    return at < record.bodyEnd && readPairs(record, scan, fields, at, true);
  };
}

/**
 * Fields of pairs from `from` to the end of the scanner's text, which is the record's; false when there is anything else.
 * With `flags` a lone word behind the first is one, unless it seems to go on with a message that lacks its quotes.
 */
export function readPairs(
  record: LogRecord,
  scan: JsonScanner,
  fields: Fields,
  from: number,
  flags = false,
): boolean {
  const { buf } = record;
  const { end } = scan;
  let at = from;
  let isProse = true;
  while (at < end) {
    const key = at;
    while (at < end && buf[at] !== 0x3d && buf[at]! > 0x20 && buf[at] !== 0x22) at++;
    if (at === key) return false;
    const isFlag = scan.peek(at) !== 0x3d;
    if (isFlag && (isProse || scan.peek(at) === 0x22)) return false;
    fields.key(buf, key, at);
    if (!isFlag) at++;
    isProse = !flags;
    if (isFlag) fields.bool(record, true);
    else if (scan.peek(at) === 0x22) {
      at = scan.string(at);
      if (at < 0 || scan.peek(at) > 0x20) return false;
      fields.text(record, scan.text, scan.from, scan.to);
    } else {
      const start = at;
      while (at < end && buf[at]! > 0x20) at++;
      fields.text(record, buf, start, at);
      isProse ||= fields.named.role === Role.Body;
    }
    at = scan.space(at);
  }
  return true;
}
