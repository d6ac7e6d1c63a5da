// One JSON object a line: every member becomes a field of the record. Pure.

import type { Meanings } from '../daemon.ts';
import type { LogRecord } from '../record.ts';
import { Fields } from './fields.ts';
import type { Format } from './format.ts';
import { Key, Role } from './keys.ts';
import { Found } from './scan.ts';
import { JsonValues } from './value.ts';

/** Longer paths of keys than this are cut; none that has a role is. */
const MAX_PATH = 1024;

/**
 * A field within an object goes by the keys on the way to it, joined by dots: `log.level` is found in
 * `{"log":{"level":…}}` as well as in `{"log.level":…}`. Objects without such a field stay whole.
 */
export function createJson(meanings: Meanings = {}): Format {
  const scan = new JsonValues();
  const fields = new Fields(meanings);
  const path = new Uint8Array(MAX_PATH);
  const start = new Key(new Uint8Array(0), Role.None);

  /** Names the field whose key was read last, below the first `prefix` bytes of the path. */
  function name(prefix: number): void {
    if (prefix === 0) {
      fields.key(scan.text, scan.from, scan.to);
      return;
    }
    const size = Math.min(scan.to - scan.from, MAX_PATH - prefix);
    path.set(scan.text.subarray(scan.from, scan.from + size), prefix);
    fields.key(path, 0, prefix + size);
  }

  /** The path to what is within the field named last; its length. */
  function descend(): number {
    const { bytes } = fields.named;
    const size = Math.min(bytes.length, MAX_PATH - 1);
    path.set(bytes.subarray(0, size));
    path[size] = 0x2e;
    return size + 1;
  }

  function value(record: LogRecord, i: number): number {
    const byte = scan.peek(i);
    if (byte === 0x22) {
      const at = scan.string(i);
      if (at >= 0) fields.text(record, scan.text, scan.from, scan.to);
      return at;
    }
    if (byte === 0x7b || byte === 0x5b) {
      const start = scan.any.pos;
      const at = scan.encode(i);
      if (at >= 0) fields.value(record, scan.any.buf, start, scan.any.pos);
      return at;
    }
    const at = scan.scalar(i);
    if (at < 0) return -1;
    if (scan.found === Found.Number) fields.number(record, scan);
    else if (scan.found === Found.Null) fields.value(record, scan.any.buf, 0, 0);
    else fields.bool(record, scan.found === Found.True);
    return at;
  }

  /**
   * The gap before the value of a member at `i`: the brace or comma, the key and its colon; names the field. `i` itself
   * where no member follows `before`.
   */
  function gap(i: number, prefix: number, before: Key): number {
    if (prefix === 0 && before.next?.stands(scan.words, i, scan.end)) {
      fields.named = before.next;
      return scan.space(i + before.next.length);
    }
    const at = scan.key(scan.space(i + 1));
    if (at < 0) return -1;
    name(prefix);
    // One with escapes is not written as it is.
    if (prefix === 0 && scan.text === scan.buf) fields.named.follows(before, scan.words, i, at);
    return at;
  }

  /** The members of the object at `i`; the place behind it, -1 when it is none. */
  function members(record: LogRecord, i: number, prefix: number): number {
    if (scan.peek(i) !== 0x7b) return -1;
    const first = scan.space(i + 1);
    if (scan.peek(first) === 0x7d) return first + 1;
    let at = i;
    let before = start;
    do {
      at = gap(at, prefix, before);
      if (at < 0) return -1;
      before = fields.named;
      const isParent = before.role === Role.Parent && scan.peek(at) === 0x7b;
      at = isParent ? members(record, at, descend()) : value(record, at);
      if (at < 0) return -1;
      at = scan.space(at);
    } while (scan.peek(at) === 0x2c);
    return scan.peek(at) === 0x7d ? at + 1 : -1;
  }

  return record => {
    scan.reset(record.buf, record.bodyEnd);
    fields.begin();
    const end = members(record, scan.space(record.bodyStart), 0);
    return end >= 0 && scan.space(end) === scan.end;
  };
}
