// One JSON object a line: every member becomes a field of the record. Pure.

import type { Meanings } from '../daemon.ts';
import type { LogRecord } from '../record.ts';
import { Fields } from './fields.ts';
import type { Format } from './format.ts';
import { Role } from './keys.ts';
import { Found, JsonScanner } from './scan.ts';

/** Longer paths of keys than this are cut; none that has a role is. */
const MAX_PATH = 1024;

/**
 * A field within an object goes by the keys on the way to it, joined by dots: `log.level` is found in
 * `{"log":{"level":…}}` as well as in `{"log.level":…}`. Objects without such a field stay whole.
 */
export function createJson(meanings: Meanings = {}): Format {
  const scan = new JsonScanner();
  const fields = new Fields(meanings);
  const path = new Uint8Array(MAX_PATH);

  /** Names the field whose key was read last, below the first `prefix` bytes of the path; returns its role. */
  function name(prefix: number): number {
    if (prefix === 0) return fields.key(scan.text, scan.from, scan.to);
    const size = Math.min(scan.to - scan.from, MAX_PATH - prefix);
    path.set(scan.text.subarray(scan.from, scan.from + size), prefix);
    return fields.key(path, 0, prefix + size);
  }

  /** The path to what is within the field whose key was read last; its length. */
  function descend(prefix: number): number {
    const size = Math.min(scan.to - scan.from, MAX_PATH - prefix - 1);
    path.set(scan.text.subarray(scan.from, scan.from + size), prefix);
    path[prefix + size] = 0x2e;
    return prefix + size + 1;
  }

  function value(record: LogRecord, i: number): number {
    const byte = scan.peek(i);
    if (byte === 0x7b || byte === 0x5b) {
      const start = scan.any.pos;
      const at = scan.encode(i);
      if (at >= 0) fields.value(record, scan.any.buf, start, scan.any.pos);
      return at;
    }
    const at = scan.scalar(i);
    if (at < 0) return -1;
    if (scan.found === Found.Text) fields.text(record, scan.text, scan.from, scan.to);
    else if (scan.found === Found.Number) fields.number(record, scan);
    else if (scan.found === Found.Null) fields.value(record, scan.any.buf, 0, 0);
    else fields.bool(record, scan.found === Found.True);
    return at;
  }

  /** The key of the `n`th member of an object, and its colon; names the field. */
  function key(buf: Uint8Array, i: number, prefix: number, n: number): number {
    const isOuter = prefix === 0;
    if (isOuter && scan.peek(i) === 0x22) {
      const quote = fields.again(n, buf, i + 1);
      if (quote > 0 && scan.peek(quote) === 0x22) return scan.colon(quote + 1);
    }
    const at = scan.key(i);
    // Within a parent its key is asked for again; one with escapes is not written as it is.
    if (at >= 0 && name(prefix) !== Role.Parent && isOuter && scan.text === buf) fields.follows(n);
    return at;
  }

  /** The members of the object at `i`; the place behind it, -1 when it is none. */
  function members(record: LogRecord, i: number, prefix: number): number {
    if (scan.peek(i) !== 0x7b) return -1;
    let at = scan.space(i + 1);
    for (let n = 0; scan.peek(at) !== 0x7d; n++) {
      at = key(record.buf, at, prefix, n);
      if (at < 0) return -1;
      const isParent = fields.role === Role.Parent && scan.peek(at) === 0x7b;
      at = isParent ? members(record, at, descend(prefix)) : value(record, at);
      if (at < 0) return -1;
      at = scan.space(at);
      if (scan.peek(at) === 0x2c) {
        at = scan.space(at + 1);
        if (scan.peek(at) === 0x7d) return -1;
      } else if (scan.peek(at) !== 0x7d) return -1;
    }
    return at + 1;
  }

  return record => {
    scan.reset(record.buf, record.bodyEnd);
    fields.begin();
    const end = members(record, scan.space(record.bodyStart), 0);
    return end >= 0 && scan.space(end) === scan.end;
  };
}
