// `key=value key="quoted value"` lines, as Go and Heroku programs write them. Pure.

import type { Meanings } from '../daemon.ts';
import type { LogRecord } from '../record.ts';
import { Fields } from './fields.ts';
import type { Format } from './format.ts';
import { JsonScanner } from './scan.ts';

/** Every word must be a pair: a line of prose with one `a=b` in it stays whole. */
export function createLogfmt(meanings: Meanings = {}): Format {
  const scan = new JsonScanner();
  const fields = new Fields(meanings);
  return record => {
    scan.reset(record.buf, record.bodyEnd);
    fields.begin();
    const at = scan.space(record.bodyStart);
    return at < record.bodyEnd && readPairs(record, scan, fields, at);
  };
}

/** Fields of pairs from `from` to the end of the scanner's text, which is the record's; false when there is anything else. */
export function readPairs(record: LogRecord, scan: JsonScanner, fields: Fields, from: number): boolean {
  const { buf } = record;
  const { end } = scan;
  let at = from;
  while (at < end) {
    const key = at;
    while (at < end && buf[at] !== 0x3d && buf[at]! > 0x20 && buf[at] !== 0x22) at++;
    if (at === key || scan.peek(at) !== 0x3d) return false;
    fields.key(buf, key, at++);
    if (scan.peek(at) === 0x22) {
      at = scan.string(at);
      if (at < 0 || scan.peek(at) > 0x20) return false;
      fields.text(record, scan.text, scan.from, scan.to);
    } else {
      const start = at;
      while (at < end && buf[at]! > 0x20) at++;
      fields.text(record, buf, start, at);
    }
    at = scan.space(at);
  }
  return true;
}
