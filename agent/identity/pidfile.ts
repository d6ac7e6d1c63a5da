// Whether a pidfile speaks of a process. A stale one, whose pid has gone to another process, speaks of none.

import { readFileSync, statfsSync, statSync } from 'node:fs';
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

interface Named {
  readonly pid: number;
  readonly writtenAt: number;
  readonly inode: number;
}

/** `isVolatile` tells whether a file is in memory alone, so that it cannot be from before the boot. */
export function createPidfile(
  root: string,
  path: string,
  now: () => number,
  isVolatile: (path: string) => boolean = isInMemory,
): (process: ProcessFacts) => boolean {
  const file = join(root, path);
  let readAt = -Infinity;
  let named: Named | undefined;
  /** Start of the process that the file was found to speak of: setting the clock makes it no other. */
  let spokenOf: number | undefined;

  const refresh = (at: number) => {
    if (Math.abs(at - readAt) < FRESH_MS) return;
    readAt = at;
    const before = named;
    named = readNamed(file);
    const isSame = named?.inode === before?.inode && named?.writtenAt === before?.writtenAt;
    if (!isSame || named?.pid !== before?.pid) spokenOf = undefined;
  };

  const speaksOf = ({ startTicks }: ProcessFacts, { writtenAt }: Named, at: number): boolean => {
    const boot = bootOf(root, at);
    if (boot === undefined) return false;
    const began = boot + (startTicks / TICKS_PER_SECOND) * 1000;
    if (began <= writtenAt + TOLERANCE_MS) return true;
    // The clock was set since, and the two times are of different ones.
    return writtenAt + TOLERANCE_MS < boot && isVolatile(file);
  };

  return process => {
    const at = now();
    refresh(at);
    if (named?.pid !== process.pid) return false;
    if (spokenOf === process.startTicks) return true;
    if (!speaksOf(process, named, at)) return false;
    spokenOf = process.startTicks;
    return true;
  };
}

/** Undefined when there is none, or it names nobody. */
function readNamed(file: string): Named | undefined {
  try {
    const stat = statSync(file);
    // Opening a FIFO would wait for its writer.
    if (!stat.isFile() || stat.size > MAX_SIZE) return undefined;
    const pid = parsePidfile(readFileSync(file, 'latin1'));
    return pid === undefined ? undefined : { pid, writtenAt: stat.mtimeMs, inode: stat.ino };
  } catch {
    return undefined;
  }
}

/** linux/magic.h: tmpfs, ramfs. */
const IN_MEMORY = new Set([0x01021994, 0x858458f6]);

function isInMemory(path: string): boolean {
  try {
    return IN_MEMORY.has(statfsSync(path).type);
  } catch {
    return false;
  }
}

/** Unix ms. From the uptime, not `btime`: it is in the clock of the start ticks in every time namespace. */
function bootOf(root: string, at: number): number | undefined {
  try {
    const uptime = parseUptime(readFileSync(join(root, 'proc/uptime'), 'latin1'));
    return uptime === undefined ? undefined : at - uptime * 1000;
  } catch {
    return undefined;
  }
}
