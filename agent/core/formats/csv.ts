// Lines of fields with a delimiter between them (RFC 4180): each becomes a field of the record by the name of its column.
// Pure.

import type { NamedFormat } from '../daemon.ts';
import { utf8 } from '../record.ts';
import { Fields } from './fields.ts';
import type { Format } from './format.ts';

const QUOTE = 0x22;

/**
 * A line has one field a column; without columns any number, named `column1` and so on. A field in quotes may hold
 * delimiters, newlines and doubled quotes; an empty one without quotes is absent.
 */
export function createCsv(spec: NamedFormat): Format {
  const delimiter = utf8(spec.delimiter ?? ',')[0]!;
  const columns = spec.columns?.map(name => utf8(name));
  const names = columns ?? [];
  const fields = new Fields(spec);
  let plain = new Uint8Array(1024);

  return record => {
    const { buf, bodyStart, bodyEnd: end } = record;
    if (bodyStart === end) return false;
    if (plain.length < end - bodyStart) plain = new Uint8Array(2 * (end - bodyStart));
    fields.begin();
    let used = 0;
    let at = bodyStart;
    for (let column = 0; ; column++) {
      if (columns !== undefined && column >= columns.length) return false;
      let text: Uint8Array = buf;
      let from = at;
      let to: number;
      if (buf[at] === QUOTE && at < end) {
        text = plain;
        from = used;
        for (at++; ; at++) {
          if (at >= end) return false;
          if (buf[at] === QUOTE && (++at >= end || buf[at] !== QUOTE)) break;
          plain[used++] = buf[at]!;
        }
        to = used;
        if (at < end && buf[at] !== delimiter) return false;
      } else {
        while (at < end && buf[at] !== delimiter) at++;
        to = at;
      }
      if (column === names.length) names.push(utf8(`column${column + 1}`));
      const name = names[column]!;
      if (name.length > 0 && (to > from || text === plain)) {
        fields.key(name, 0, name.length);
        fields.text(record, text, from, to);
      }
      if (at >= end) return columns === undefined || column === columns.length - 1;
      at++;
    }
  };
}
