// Whether a process is still the one that was meant: its pid and its start time.

import { readFileSync } from 'node:fs';

/** What one read of /proc/PID/stat tells (proc_pid_stat(5)). */
interface Seen {
  readonly name: string;
  readonly state: string;
  /** Ticks after boot. */
  readonly start: string;
}

/** Undefined where there is no such process, or no /proc. */
export function look(pid: number, procRoot = '/proc'): Seen | undefined {
  try {
    const stat = readFileSync(`${procRoot}/${pid}/stat`, 'utf8');
    const end = stat.lastIndexOf(')');
    const fields = stat.slice(end + 2).split(' ');
    return { name: stat.slice(stat.indexOf('(') + 1, end), state: fields[0]!, start: fields[19]! };
  } catch {
    return undefined;
  }
}

export const startOf = (pid: number, procRoot = '/proc'): string | undefined => look(pid, procRoot)?.start;

/** A zombie is not. */
export const isAlive = ({ state }: Seen): boolean => !/[ZX]/.test(state);

/** Without a start time any process of that pid counts. One that has ended and waits for its parent does not. */
export function lives(pid: number, start: string, procRoot = '/proc'): boolean {
  const seen = look(pid, procRoot);
  if (seen) return isAlive(seen) && (start === '' || seen.start === start);
  if (start !== '') return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
