// Whether a process is still the one that was meant: its pid and its start time.

import { readFileSync } from 'node:fs';

/** State and start time in ticks since boot: fields 3 and 22 of /proc/PID/stat (proc(5)); undefined where there is none. */
function look(pid: number, procRoot: string): { state: string; start: string } | undefined {
  try {
    const stat = readFileSync(`${procRoot}/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0]!, start: fields[19]! };
  } catch {
    return undefined;
  }
}

/** Whether the process goes by that name (comm); where there is no /proc it cannot be told, and is believed. */
export function isCalled(pid: number, name: string, procRoot = '/proc'): boolean {
  try {
    return readFileSync(`${procRoot}/${pid}/comm`, 'utf8').trim() === name;
  } catch {
    return true;
  }
}

export const startOf = (pid: number, procRoot = '/proc'): string | undefined => look(pid, procRoot)?.start;

/** Without a start time any process of that pid counts. One that has ended and waits for its parent does not. */
export function lives(pid: number, start: string, procRoot = '/proc'): boolean {
  const seen = look(pid, procRoot);
  if (seen) return !/[ZX]/.test(seen.state) && (start === '' || seen.start === start);
  if (start !== '') return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
