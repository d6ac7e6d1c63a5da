// Attribute keys that come out of log lines: each spelling is kept once, and may have a meaning. Pure.

import type { Meanings } from '../daemon.ts';
import { utf8 } from '../record.ts';

/** What a field is to the record. */
export const Role = {
  None: 0,
  Time: 1,
  Severity: 2,
  Body: 3,
  /** An object within which one of these is found. */
  Parent: 4,
  TraceId: 5,
  SpanId: 6,
  TraceFlags: 7,
} as const;

/** Usual names of the fields that say when, how bad and what, and within which trace. */
const COMMON: Readonly<Record<string, number>> = {
  time: Role.Time,
  timestamp: Role.Time,
  '@timestamp': Role.Time,
  '@t': Role.Time,
  ts: Role.Time,
  Timestamp: Role.Time,
  asctime: Role.Time,
  datetime: Role.Time,
  level: Role.Severity,
  severity: Role.Severity,
  lvl: Role.Severity,
  levelname: Role.Severity,
  level_name: Role.Severity,
  log_level: Role.Severity,
  loglevel: Role.Severity,
  Level: Role.Severity,
  LogLevel: Role.Severity,
  severityText: Role.Severity,
  severity_text: Role.Severity,
  '@level': Role.Severity,
  '@l': Role.Severity,
  'log.level': Role.Severity,
  msg: Role.Body,
  message: Role.Body,
  Message: Role.Body,
  '@message': Role.Body,
  '@m': Role.Body,
  trace_id: Role.TraceId,
  traceId: Role.TraceId,
  traceid: Role.TraceId,
  TraceId: Role.TraceId,
  'trace.id': Role.TraceId,
  '@tr': Role.TraceId,
  span_id: Role.SpanId,
  spanId: Role.SpanId,
  spanid: Role.SpanId,
  SpanId: Role.SpanId,
  'span.id': Role.SpanId,
  '@sp': Role.SpanId,
  trace_flags: Role.TraceFlags,
  traceFlags: Role.TraceFlags,
  TraceFlags: Role.TraceFlags,
  'trace.flags': Role.TraceFlags,
};

/** The usual names, but for roles that a configuration gives to names of its own. */
export function rolesOf({ time, severity, body }: Meanings): Readonly<Record<string, number>> {
  const named = Object.entries({ [Role.Time]: time, [Role.Severity]: severity, [Role.Body]: body });
  const roles: Record<string, number> = { ...COMMON };
  for (const [role, name] of named) {
    if (name === undefined) continue;
    for (const key of Object.keys(roles)) if (roles[key] === Number(role)) delete roles[key];
  }
  for (const [role, name] of named) if (name !== undefined) roles[name] = Number(role);
  for (const key of Object.keys(roles))
    for (let dot = key.indexOf('.'); dot > 0; dot = key.indexOf('.', dot + 1))
      roles[key.slice(0, dot)] ??= Role.Parent;
  return roles;
}

/** What only the agent says of a record. */
const RESERVED = new Set([
  'log.record.uid',
  'log.record.original',
  'log.file.path',
  'log.file.name',
  'log.iostream',
  'eudaemon.parse_error',
  'eudaemon.truncated',
]);
const decoder = new TextDecoder();

/** The attribute that a field becomes which may not go by its own name. */
export const setApart = (name: Uint8Array): Uint8Array => utf8(`parsed.${decoder.decode(name)}`);

/** A key. In lines of one program it stands behind the same key, written alike, so that most need not be read. */
export class Key {
  readonly bytes: Uint8Array;
  /** The one whose name its field goes by: another where its own is the agent's. */
  attribute: Key = this;
  readonly role: number;
  /** The number of the line it last became an attribute of. */
  line = 0;
  /** The one that last stood behind it. */
  next: Key | undefined;
  /** Bytes of what last stood between the value before and its own; 0 when it was too long to be kept. */
  length = 0;
  /** Those bytes four at a time, the last four of them last. */
  private readonly gap: Int32Array;

  constructor(bytes: Uint8Array, role: number) {
    this.bytes = bytes;
    this.role = role;
    this.gap = new Int32Array(Math.ceil((bytes.length + MAX_BLANKS) / 4));
  }

  /** Whether the same stands at `i` of a text that ends at `end`. */
  stands(text: DataView, i: number, end: number): boolean {
    const { gap, length } = this;
    if (length === 0 || i + length > end) return false;
    const last = length - 4;
    for (let k = 0, at = 0; ; k++) {
      if (text.getInt32(i + at) !== gap[k]) return false;
      if (at === last) return true;
      at = at + 4 < last ? at + 4 : last;
    }
  }

  /** It stood behind `before`, and bytes `from..to` of the text, at least four, between the values. */
  follows(before: Key, text: DataView, from: number, to: number): void {
    before.next = this;
    this.length = to - from <= this.gap.length * 4 ? to - from : 0;
    for (let k = 0; 4 * k < this.length; k++)
      this.gap[k] = text.getInt32(from + Math.min(4 * k, this.length - 4));
  }
}

/** A table of keys. Beyond its size new keys are made each time, so that no input can make it grow. */
export class Keys {
  private readonly slots: (Key | undefined)[] = new Array(SIZE);
  private count = 0;

  constructor(roles: Readonly<Record<string, number>>) {
    for (const [name, role] of Object.entries(roles)) {
      const bytes = utf8(name);
      this.slots[this.slotOf(bytes, 0, bytes.length)] = new Key(bytes, role);
      this.count++;
    }
  }

  /** The key that is bytes `start..end`. */
  find(buf: Uint8Array, start: number, end: number): Key {
    const slot = this.slotOf(buf, start, end);
    const known = this.slots[slot];
    if (known !== undefined) return known;
    const key = new Key(new Uint8Array(buf.subarray(start, end)), Role.None);
    if (this.count < SIZE / 2 && key.bytes.length <= MAX_BYTES) {
      this.slots[slot] = key;
      this.count++;
    }
    if (RESERVED.has(decoder.decode(key.bytes))) {
      const apart = setApart(key.bytes);
      key.attribute = this.find(apart, 0, apart.length);
    }
    return key;
  }

  /** The role of a key that was named from the start; `None` for others. */
  roleOf(buf: Uint8Array, start: number, end: number): number {
    return this.slots[this.slotOf(buf, start, end)]?.role ?? Role.None;
  }

  private slotOf(buf: Uint8Array, start: number, end: number): number {
    let hash = 0x811c9dc5;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ buf[i]!, 0x01000193);
    for (let slot = (hash ^ (hash >>> 15)) & (SIZE - 1); ; slot = (slot + 1) & (SIZE - 1)) {
      const known = this.slots[slot];
      if (known === undefined || isSame(known.bytes, buf, start, end)) return slot;
    }
  }
}

const SIZE = 2048;
const MAX_BYTES = 128;
/** A comma, a colon, quotes and what blanks a program puts between them. */
const MAX_BLANKS = 8;

/** Whether bytes `start..end` are those of `known`. */
export function isSame(known: Uint8Array, buf: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let i = 0; i < known.length; i++) if (known[i] !== buf[start + i]) return false;
  return true;
}
