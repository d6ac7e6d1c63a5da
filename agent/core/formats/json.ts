// One JSON object a line: every member becomes a field of the record. Pure.

import { Fields } from './fields.ts';
import type { Format } from './format.ts';
import { Keys } from './keys.ts';
import { Found, JsonScanner } from './scan.ts';
import { Stamp } from './stamp.ts';

export function createJson(): Format {
  const scan = new JsonScanner();
  const fields = new Fields(new Keys(), new Stamp());
  return record => {
    scan.reset(record.buf, record.bodyEnd);
    fields.begin();
    let at = scan.space(record.bodyStart);
    if (scan.peek(at) !== 0x7b) return false;
    at = scan.space(at + 1);
    while (scan.peek(at) !== 0x7d) {
      at = scan.key(at);
      if (at < 0) return false;
      fields.key(scan.text, scan.from, scan.to);
      const byte = scan.peek(at);
      if (byte === 0x7b || byte === 0x5b) {
        const start = scan.any.pos;
        at = scan.encode(at);
        if (at >= 0) fields.value(record, scan.any.buf, start, scan.any.pos);
      } else {
        at = scan.scalar(at);
        if (at < 0) return false;
        if (scan.found === Found.Text) fields.text(record, scan.text, scan.from, scan.to);
        else if (scan.found === Found.Number) fields.number(record, scan.value, scan.whole);
        else if (scan.found === Found.Null) fields.value(record, scan.any.buf, 0, 0);
        else fields.bool(record, scan.found === Found.True);
      }
      if (at < 0) return false;
      at = scan.space(at);
      if (scan.peek(at) === 0x2c) {
        at = scan.space(at + 1);
        if (scan.peek(at) === 0x7d) return false;
      } else if (scan.peek(at) !== 0x7d) return false;
    }
    return scan.space(at + 1) === scan.end;
  };
}
