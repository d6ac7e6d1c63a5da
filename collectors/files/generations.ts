// What rotation calls the files of a log, and in which order they were written.

import { basename } from 'node:path';
import { unpacked } from './discover.ts';
import type { Seen } from './file.ts';

/** What tells the age of a file. */
type Aged = Pick<Seen, 'path' | 'id' | 'mtime'>;

const NUMBERED = /^[-._~][\dTWZ:._+-]*\d[\dTWZ:._+-]*$|^[-._~](?:old|prev|bak|save)$|^~$/i;

/** Dates such as 2024-01-02T030405, 20240102 and 02-Jan-2024, as a directory or before the name of a log. */
const DATED =
  /^(?:\d{4}[-._]?\d\d[-._]?\d\d(?:[-._T][\dTZ:._+-]*\d)?|\d\d[-._](?:\d\d|[A-Z][a-z]{2})[-._]\d{4})(?=[-._~]|$)/;
export const isDate = (name: string): boolean => DATED.exec(name)?.[0] === name;

/** What multilog, s6-log and svlogd make of `current`. */
const LABELLED = /^@[\da-f]{24}(?:\.[a-z]+)?$/;

const NUMBER = /^[-._~](\d{1,4})$/;
const SEPARATORS = '.-_~';

/** Whether `name` is how logrotate and its like call a rotated `base`, compressed or not. */
export const isRotationOf = (name: string, base: string): boolean => basesOf(name).includes(base);

/**
 * Of which `name` is a rotation: `app.log.1`, `app.log-20240102`, `app.log.old`, `app.1.log`, `app-20240102.log`,
 * `2024-01-02-app.log`, `@400000006593f2f10bebc200.s`.
 */
export function basesOf(name: string): string[] {
  const whole = unpacked(name);
  const dot = whole.lastIndexOf('.');
  const bases: string[] = LABELLED.test(whole) ? ['current'] : [];
  const date = DATED.exec(whole)?.[0];
  if (date !== undefined && date !== whole) bases.push(whole.slice(date.length + 1));
  for (let i = 1; i < whole.length; i++) {
    if (!SEPARATORS.includes(whole[i]!)) continue;
    if (NUMBERED.test(whole.slice(i))) bases.push(whole.slice(0, i));
    if (i < dot && NUMBERED.test(whole.slice(i, dot))) bases.push(whole.slice(0, i) + whole.slice(dot));
  }
  return bases;
}

/** What rotation put into the name of `base`; empty where it is no such name. */
function markOf(name: string, base: string): string {
  if (name.startsWith(base)) return name.slice(base.length);
  const dot = base.lastIndexOf('.');
  const stem = base.slice(0, dot);
  const isOne = dot > 0 && name.startsWith(stem) && name.endsWith(base.slice(dot));
  return isOne ? name.slice(stem.length, name.length - base.length + dot) : '';
}

/**
 * Which of two rotations of `base` comes first, as for `sort()`. One that was there through all the life of the other was
 * emptied when that copy of it was made, or was written to although it had been moved away: their numbers tell.
 */
export function compareAge(a: Aged, b: Aged, base: string): number {
  const written = a.mtime - b.mtime;
  const born = bornAt(a) - bornAt(b);
  if (written * born >= 0) return written || born || a.id.birth - b.id.birth;
  return numberOf(b, base) - numberOf(a, base) || written;
}

/** A file that keeps the times of another, as a compressed one does, is as old as that. */
const bornAt = ({ id, mtime }: Aged): number => Math.min(id.birth, mtime);

/** NaN where its name has none. */
const numberOf = ({ path }: Aged, base: string): number =>
  Number(NUMBER.exec(markOf(unpacked(basename(path)), base))?.[1]);

/** The names that `name` may be a rotation or copy of: it without its last parts, longest first. */
export function originalsOf(name: string): string[] {
  const names: string[] = [];
  for (let i = name.length - 1; i > 0; i--) if (SEPARATORS.includes(name[i]!)) names.push(name.slice(0, i));
  return names;
}
