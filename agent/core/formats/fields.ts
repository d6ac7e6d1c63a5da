// Fields of structured lines become the record: time, severity and body by their usual names, the rest as attributes.
// Pure.

import type { Meanings } from '../daemon.ts';
import { type LogRecord, utf8 } from '../record.ts';
import { Keys, Role, rolesOf } from './keys.ts';
import type { JsonScanner } from './scan.ts';
import { Levels, severityOf, severityOfLevel } from './severity.ts';
import { Stamp } from './stamp.ts';

/** Puts fields into the record; a field whose role does not fit its value, or is taken, becomes an attribute. */
export class Fields {
  private readonly keys: Keys;
  private readonly stamp: Stamp;
  private readonly levels: Levels | undefined;
  private hasBody = false;

  /** `roles` other than those of `meanings` and the usual names are for lines that say what they mean elsewhere. */
  constructor(meanings: Meanings = {}, roles: Readonly<Record<string, number>> = rolesOf(meanings)) {
    this.keys = new Keys(roles);
    this.stamp = new Stamp(meanings.timezone);
    this.levels = meanings.severities && new Levels(meanings.severities);
  }

  begin(): void {
    this.hasBody = false;
  }

  /** Names the next field: bytes `start..end`. Returns its `Role`. */
  key(buf: Uint8Array, start: number, end: number): number {
    this.keys.find(buf, start, end);
    return this.keys.role;
  }

  /** Where the `n`th field's name ends, if it stands at `i` as it did in the line before; then it is named. */
  again(n: number, buf: Uint8Array, i: number): number {
    return this.keys.again(n, buf, i);
  }

  /** The field last named is the `n`th of its line. */
  follows(n: number): void {
    this.keys.follows(n);
  }

  get role(): number {
    return this.keys.role;
  }

  text(record: LogRecord, buf: Uint8Array, start: number, end: number): void {
    const { bytes } = this.keys;
    if (!this.hasRole(record, buf, start, end)) record.attributes.text(bytes, buf, start, end);
  }

  /** The number that the scanner has just read. */
  number(record: LogRecord, scan: JsonScanner): void {
    const { bytes, role } = this.keys;
    const { value, whole } = scan;
    if (role === Role.Time && this.time(record, this.count(scan))) return;
    if (role === Role.Severity && record.severity === 0) {
      if (this.levels !== undefined) {
        const level = utf8(String(value));
        if (this.levels.put(record, level, 0, level.length)) return;
      }
      record.severity = severityOfLevel(value);
      if (record.severity > 0) return;
    }
    if (scan.wide !== undefined) {
      const start = scan.any.pos;
      scan.encodeNumber();
      record.attributes.value(bytes, scan.any.buf, start, scan.any.pos);
    } else if (whole) record.attributes.int(bytes, value);
    else record.attributes.double(bytes, value);
  }

  bool(record: LogRecord, value: boolean): void {
    record.attributes.bool(this.keys.bytes, value);
  }

  /** An encoded AnyValue: bytes `start..end`. */
  value(record: LogRecord, buf: Uint8Array, start: number, end: number): void {
    record.attributes.value(this.keys.bytes, buf, start, end);
  }

  /** Whether the text was taken for what its field's role is. */
  private hasRole(record: LogRecord, buf: Uint8Array, start: number, end: number): boolean {
    const { keys, stamp } = this;
    switch (keys.role) {
      case Role.Body:
        if (this.hasBody) return false;
        this.hasBody = true;
        record.buf = buf;
        record.bodyStart = start;
        record.bodyEnd = end;
        return true;
      case Role.Time:
        return this.time(
          record,
          stamp.any(buf, start, end, record.observedSeconds) || stamp.count(buf, start, end),
        );
      case Role.Severity:
        if (record.severity > 0) return false;
        if (this.levels?.put(record, buf, start, end)) return true;
        record.severity = severityOf(buf, start, end);
        if (record.severity === 0) return false;
        keys.find(buf, start, end);
        record.severityText = keys.bytes;
        return true;
      default:
        return false;
    }
  }

  private count({ text, from, to, value }: JsonScanner): boolean {
    if (this.stamp.count(text, from, to)) return true;
    const spelled = utf8(String(value));
    return this.stamp.count(spelled, 0, spelled.length);
  }

  private time(record: LogRecord, valid: boolean): boolean {
    if (!valid || record.seconds > 0) return false;
    record.seconds = this.stamp.seconds;
    record.nanos = this.stamp.nanos;
    return true;
  }
}
