// Whether a pidfile speaks of a process. A stale one, whose pid has gone to another process, speaks of none.

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessFacts } from '../core/daemon.ts';
import { TICKS_PER_SECOND } from '../core/procstat.ts';
import { parsePidfile, parseUptime } from './parse.ts';

const FRESH_MS = 1000;
const MAX_SIZE = 4096;
/**
 * A daemon's pidfile is written after its process began. A process that began later than the file was last written,
 * by more than clocks and their rounding explain, has only inherited the number.
 */
const TOLERANCE_MS = 2000;

export function createPidfile(
  root: string,
  path: string,
  now: () => number,
): (process: ProcessFacts) => boolean {
  const file = join(root, path);
  let readAt = -Infinity;
  let named: { pid: number; writtenAt: number } | undefined;

  const refresh = (at: number) => {
    if (at - readAt < FRESH_MS) return;
    readAt = at;
    named = undefined;
    try {
      const stat = statSync(file);
      // Opening a FIFO would wait for its writer.
      if (!stat.isFile() || stat.size > MAX_SIZE) return;
      const pid = parsePidfile(readFileSync(file, 'latin1'));
      if (pid !== undefined) named = { pid, writtenAt: stat.mtimeMs };
    } catch {
      // No pidfile, no pid.
    }
  };

  return process => {
    const at = now();
    refresh(at);
    if (named?.pid !== process.pid) return false;
    const began = startOf(root, process, at);
    return began !== undefined && began <= named.writtenAt + TOLERANCE_MS;
  };
}

/** Unix ms. From the uptime, not the boot time: it is in the clock of the start ticks in every time namespace. */
function startOf(root: string, process: ProcessFacts, at: number): number | undefined {
  try {
    const uptime = parseUptime(readFileSync(join(root, 'proc/uptime'), 'latin1'));
    if (uptime === undefined) return undefined;
    return at - (uptime - process.startTicks / TICKS_PER_SECOND) * 1000;
  } catch {
    return undefined;
  }
}
