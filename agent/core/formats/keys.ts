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
} as const;

/** Usual names of the fields that say when, how bad and what. */
const COMMON: Readonly<Record<string, number>> = {
  time: Role.Time,
  timestamp: Role.Time,
  '@timestamp': Role.Time,
  '@t': Role.Time,
  ts: Role.Time,
  asctime: Role.Time,
  datetime: Role.Time,
  level: Role.Severity,
  severity: Role.Severity,
  lvl: Role.Severity,
  levelname: Role.Severity,
  level_name: Role.Severity,
  log_level: Role.Severity,
  loglevel: Role.Severity,
  severityText: Role.Severity,
  severity_text: Role.Severity,
  '@level': Role.Severity,
  '@l': Role.Severity,
  'log.level': Role.Severity,
  msg: Role.Body,
  message: Role.Body,
  '@message': Role.Body,
  '@m': Role.Body,
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

/** A table of keys. Beyond its size new keys are copied each time, so that no input can make it grow. */
export class Keys {
  /** The key last found, and its role. */
  bytes: Uint8Array = EMPTY;
  role: number = Role.None;
  private readonly slots: (Uint8Array | undefined)[] = new Array(SIZE);
  private readonly roles = new Uint8Array(SIZE);
  private count = 0;
  private slot = 0;
  private readonly order: number[] = [];

  constructor(roles: Readonly<Record<string, number>>) {
    for (const [key, role] of Object.entries(roles)) {
      const bytes = utf8(key);
      const slot = this.slotOf(bytes, 0, bytes.length);
      this.slots[slot] = bytes;
      this.roles[slot] = role;
      this.count++;
    }
  }

  /** Sets `bytes` and `role` for the key that is bytes `start..end`. */
  find(buf: Uint8Array, start: number, end: number): void {
    const slot = this.slotOf(buf, start, end);
    let bytes = this.slots[slot];
    if (bytes === undefined) {
      bytes = new Uint8Array(buf.subarray(start, end));
      if (this.count < SIZE / 2 && bytes.length <= MAX_BYTES) {
        this.slots[slot] = bytes;
        this.count++;
      }
    }
    this.bytes = bytes;
    this.role = this.roles[slot]!;
    this.slot = slot;
  }

  /**
   * Where the `n`th key of the text before ends, if it stands at `i` again: then it is found. -1 when it does not. One
   * program names its fields in one order, so this saves reading most keys.
   */
  again(n: number, buf: Uint8Array, i: number): number {
    const slot = this.order[n];
    if (slot === undefined) return -1;
    const known = this.slots[slot]!;
    for (let k = 0; k < known.length; k++) if (known[k] !== buf[i + k]) return -1;
    this.bytes = known;
    this.role = this.roles[slot]!;
    return i + known.length;
  }

  /** The key last found is the `n`th of its text; only for keys that are written as they are. */
  follows(n: number): void {
    if (n < MAX_ORDER && this.slots[this.slot] === this.bytes) this.order[n] = this.slot;
  }

  /** The role of a key that was named from the start; `None` for others. */
  roleOf(buf: Uint8Array, start: number, end: number): number {
    return this.roles[this.slotOf(buf, start, end)]!;
  }

  private slotOf(buf: Uint8Array, start: number, end: number): number {
    let hash = 0x811c9dc5;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ buf[i]!, 0x01000193);
    for (let slot = (hash ^ (hash >>> 15)) & (SIZE - 1); ; slot = (slot + 1) & (SIZE - 1)) {
      const known = this.slots[slot];
      if (known === undefined || equal(known, buf, start, end)) return slot;
    }
  }
}

const EMPTY = new Uint8Array(0);
const SIZE = 2048;
const MAX_BYTES = 128;
const MAX_ORDER = 64;

function equal(known: Uint8Array, buf: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let i = 0; i < known.length; i++) if (known[i] !== buf[start + i]) return false;
  return true;
}
