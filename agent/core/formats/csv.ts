// Lines of fields with a delimiter between them (RFC 4180): each becomes a field of the record by the name of its column.
// Pure.

import type { NamedFormat } from '../daemon.ts';
import { LogRecord, utf8 } from '../record.ts';
import { Fields } from './fields.ts';
import type { Format } from './format.ts';

const QUOTE = 0x22;
const NO_NAME = new Uint8Array(0);

export interface Csv {
  readonly format: Format;
  /** The columns of what follows are named in this line. */
  readonly header: (line: Uint8Array) => void;
}

/**
 * A line has one field a column; without columns any number, named `column1` and so on. A field in quotes may hold
 * delimiters, newlines and doubled quotes; an empty one without quotes is absent.
 */
export function createCsv(spec: NamedFormat): Csv {
  const delimiter = utf8(spec.delimiter ?? ',')[0]!;
  let columns = spec.columns?.map(name => utf8(name)) ?? (spec.header ? [] : undefined);
  let names = columns ?? [];
  let header: Uint8Array | undefined;
  const fields = new Fields(spec);
  let plain = new Uint8Array(1024);

  const format: Format = record => {
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

  return {
    format,
    header(line) {
      if (line === header) return;
      header = line;
      // A line as one without columns is read: what has no name is no attribute.
      columns = undefined;
      names = [];
      const record = new LogRecord();
      record.buf = line;
      record.bodyEnd = line.length;
      const isWhole = format(record);
      const { keys, bytes, starts, ends, size } = record.attributes;
      const named = new Map(
        keys
          .slice(0, size)
          .map((key, i) => [String.fromCharCode(...key), bytes[i]!.slice(starts[i]!, ends[i]!)]),
      );
      columns = isWhole ? names.map((_, i) => named.get(`column${i + 1}`) ?? NO_NAME) : [];
      names = columns;
    },
  };
}
