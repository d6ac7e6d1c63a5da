// How a process ended that its parent has not waited for: the kernel still has its status.

import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessFacts } from '../../agent/core/daemon.ts';
import { codeOf } from '../../agent/core/errors.ts';

/** As wait(2) gives it; undefined of what is no zombie, and where the agent has no right to know. */
export function zombieStatus(root: string, { pid, startTicks }: ProcessFacts): number | undefined {
  const directory = join(root, 'proc', String(pid));
  try {
    const status = parseZombie(readFileSync(join(directory, 'stat'), 'latin1'), startTicks);
    // Whom the kernel tells nothing reads 0, which would be a clean end; the same right lets it look for the program.
    return status !== undefined && isOurs(join(directory, 'exe')) ? status : undefined;
  } catch {
    return undefined;
  }
}

/** Fields 3, 22 and 52 of /proc/PID/stat, proc_pid_stat(5): state, start and status. */
export function parseZombie(stat: string, startTicks: number): number | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = Number.parseInt(fields[49] ?? '', 10);
  if (!/[ZX]/.test(fields[0]!) || Number(fields[19]) !== startTicks || Number.isNaN(status)) return undefined;
  return status;
}

/** Of a zombie there is no program: who may look is told so. */
function isOurs(link: string): boolean {
  try {
    readlinkSync(link);
    return true;
  } catch (error) {
    return codeOf(error) === 'ENOENT';
  }
}
