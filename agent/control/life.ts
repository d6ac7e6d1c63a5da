// Whether a process is still the one that was meant: its pid and its start time.

import { readFileSync } from 'node:fs';
import { attempt, codeOf } from '../core/errors.ts';
import { hasEnded, parseStat, type Stat } from '../core/procstat.ts';

/** Undefined where there is no such process, or no /proc. */
export function look(pid: number, procRoot = '/proc'): Stat | undefined {
  const bytes = attempt(() => readFileSync(`${procRoot}/${pid}/stat`));
  return bytes && parseStat(bytes, bytes.length);
}

/** Ticks after boot, as text; empty where it cannot be told. */
export const startOf = (pid: number, procRoot = '/proc'): string =>
  String(look(pid, procRoot)?.startTicks ?? '');

/** Without a start time any process of that pid counts. One that has ended and waits for its parent does not. */
export function lives(pid: number, start: string, procRoot = '/proc'): boolean {
  const seen = look(pid, procRoot);
  if (seen) return !hasEnded(seen) && (start === '' || String(seen.startTicks) === start);
  if (start !== '') return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
