// Fields of structured lines become the record: time, severity and body by their usual names, the rest as attributes.
// Pure.

import type { Meanings } from '../daemon.ts';
import { Kind, type LogRecord, utf8 } from '../record.ts';
import { isSame, Key, Keys, Role, rolesOf } from './keys.ts';
import { Levels, severityOf, severityOfLevel } from './severity.ts';
import { Stamp } from './stamp.ts';
import type { JsonValues } from './value.ts';

const NONE = new Key(new Uint8Array(0), Role.None);

/**
 * Puts fields into the record; a field whose role does not fit its value, or is taken, becomes an attribute. Of attributes of
 * one name the last stays, as in `JSON.parse()`, and none goes by a name that is the agent's.
 */
export class Fields {
  /** The key of the field that comes next. */
  named: Key = NONE;
  private readonly keys: Keys;
  private readonly stamp: Stamp;
  private readonly levels: Levels | undefined;
  /** The word of severity last read, and what it means: most lines have the one of the line before. */
  private level: Uint8Array = NONE.bytes;
  private severity = 0;
  private hasBody = false;
  /** Tells lines apart, which need no more than 30 bits for it. */
  private line = 0;

  /** `roles` other than those of `meanings` and the usual names are for lines that say what they mean elsewhere. */
  constructor(meanings: Meanings = {}, roles: Readonly<Record<string, number>> = rolesOf(meanings)) {
    this.keys = new Keys(roles);
    this.stamp = new Stamp(meanings.timezone);
    this.levels = meanings.severities && new Levels(meanings.severities);
  }

  begin(): void {
    this.hasBody = false;
    this.line = (this.line % 0x3fffffff) + 1;
  }

  /** Names the next field: bytes `start..end`. */
  key(buf: Uint8Array, start: number, end: number): void {
    this.named = this.keys.find(buf, start, end);
  }

  text(record: LogRecord, buf: Uint8Array, start: number, end: number): void {
    if (!this.hasRole(record, buf, start, end))
      record.attributes.text(this.attributeOf(record), buf, start, end);
  }

  /** The number that the scanner has just read. */
  number(record: LogRecord, scan: JsonValues): void {
    const { role } = this.named;
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
    const attribute = this.attributeOf(record);
    if (scan.wide !== undefined) {
      const start = scan.any.pos;
      scan.encodeNumber();
      record.attributes.value(attribute, scan.any.buf, start, scan.any.pos);
    } else if (whole) record.attributes.int(attribute, value);
    else record.attributes.double(attribute, value);
  }

  bool(record: LogRecord, value: boolean): void {
    record.attributes.bool(this.attributeOf(record), value);
  }

  /** An encoded AnyValue: bytes `start..end`. */
  value(record: LogRecord, buf: Uint8Array, start: number, end: number): void {
    record.attributes.value(this.attributeOf(record), buf, start, end);
  }

  /** The name of the attribute that comes next. */
  private attributeOf({ attributes }: LogRecord): Uint8Array {
    const { line } = this;
    const { attribute } = this.named;
    if (attribute.line === line) attributes.delete(attributes.find(attribute.bytes));
    attribute.line = line;
    return attribute.bytes;
  }

  /** Whether the text was taken for what its field's role is. */
  private hasRole(record: LogRecord, buf: Uint8Array, start: number, end: number): boolean {
    const { keys, named, stamp } = this;
    switch (named.role) {
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
        if (this.severity === 0 || !isSame(this.level, buf, start, end)) {
          const severity = severityOf(buf, start, end);
          if (severity === 0) return false;
          this.severity = severity;
          this.level = keys.find(buf, start, end).bytes;
        }
        record.severity = this.severity;
        record.severityText = this.level;
        return true;
      case Role.TraceId:
        return record.attributes.trace(Kind.TraceId, named.bytes, buf, start, end);
      case Role.SpanId:
        return record.attributes.trace(Kind.SpanId, named.bytes, buf, start, end);
      case Role.TraceFlags:
        return record.attributes.trace(Kind.TraceFlags, named.bytes, buf, start, end);
      default:
        return false;
    }
  }

  private count({ text, from, to, value }: JsonValues): boolean {
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
