// `key=value key="quoted value"` lines, as Go and Heroku programs write them. Pure.

import { Fields } from './fields.ts';
import type { Format } from './format.ts';
import { Keys } from './keys.ts';
import { JsonScanner } from './scan.ts';
import { Stamp } from './stamp.ts';

/** Every word must be a pair: a line of prose with one `a=b` in it stays whole. */
export function createLogfmt(): Format {
  const scan = new JsonScanner();
  const fields = new Fields(new Keys(), new Stamp());
  return record => {
    const { buf, bodyEnd: end } = record;
    scan.reset(buf, end);
    fields.begin();
    let at = scan.space(record.bodyStart);
    if (at === end) return false;
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
  };
}
