// Whether a pidfile speaks of a process. A stale one, whose pid has gone to another process, speaks of none.

import { readFileSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessFacts } from '../core/daemon.ts';
import { attempt } from '../core/errors.ts';
import { IN_MEMORY } from '../core/filesystem.ts';
import { MAX_PIDFILE, parsePidfile } from '../core/pidfile.ts';
import { TICKS_PER_SECOND } from '../core/procstat.ts';

const FRESH_MS = 1000;
/** More than clocks and their rounding explain. */
const TOLERANCE_MS = 2000;

interface Named {
  readonly pid: number;
  readonly writtenAt: number;
  readonly inode: number;
}

/** `now` and `boot`, when the machine began, in Unix ms; `elapsed` in monotonic ms. */
export function createPidfile(
  path: string,
  host: {
    readonly root: string;
    readonly now: () => number;
    readonly elapsed: () => number;
    readonly boot: () => number;
    /** Whether a file is in memory alone, so that it cannot be from before the boot. */
    readonly isVolatile?: (path: string) => boolean;
  },
): (process: ProcessFacts) => boolean {
  const { root, now, elapsed, boot, isVolatile = isInMemory } = host;
  const file = join(root, path);
  let readAt = -Infinity;
  let named: Named | undefined;
  /** Start of the process that the file was found to speak of: setting the clock makes it no other. */
  let spokenOf: number | undefined;

  const refresh = () => {
    const at = elapsed();
    if (at - readAt < FRESH_MS) return;
    readAt = at;
    const before = named;
    named = readNamed(file);
    const isSame = named?.inode === before?.inode && named?.writtenAt === before?.writtenAt;
    if (!isSame || named?.pid !== before?.pid) spokenOf = undefined;
  };

  /**
   * A daemon writes its pidfile after it has begun; what began later than the file was written has only inherited the
   * number. The clock may have been set since it was written, though, so it is compared with each clock of which there is
   * a trace: how it is set now, how it was when /proc was mounted, at boot, and how it was when somebody first looked at
   * the process, which is when its directory came to be.
   */
  const isOf = ({ pid, startTicks }: ProcessFacts, { writtenAt }: Named): boolean => {
    const booted = attempt(boot);
    if (booted === undefined) return false;
    const sinceBoot = (startTicks / TICKS_PER_SECOND) * 1000;
    const began = booted + sinceBoot;
    if (writtenAt >= began - TOLERANCE_MS) return true;
    const age = now() - began;
    const within = (first: number, last: number) =>
      writtenAt >= first - TOLERANCE_MS && writtenAt <= last + TOLERANCE_MS;
    const mounted = changedAt(join(root, 'proc')) + sinceBoot;
    if (within(mounted, mounted + age)) return true;
    const seen = changedAt(join(root, 'proc', String(pid)));
    if (seen < began - TOLERANCE_MS && within(seen - age, seen + age)) return true;
    return writtenAt < booted - TOLERANCE_MS && isVolatile(file);
  };

  return process => {
    refresh();
    if (named?.pid !== process.pid) return false;
    if (spokenOf === process.startTicks) return true;
    if (!isOf(process, named)) return false;
    spokenOf = process.startTicks;
    return true;
  };
}

/** Undefined when there is none, or it names nobody. */
const readNamed = (file: string): Named | undefined =>
  attempt(() => {
    const stat = statSync(file);
    // Opening a FIFO would wait for its writer.
    if (!stat.isFile() || stat.size > MAX_PIDFILE) return undefined;
    const pid = parsePidfile(readFileSync(file, 'latin1'));
    return pid === undefined ? undefined : { pid, writtenAt: stat.mtimeMs, inode: stat.ino };
  });

/** NaN when it is gone. */
const changedAt = (path: string): number => attempt(() => statSync(path).mtimeMs) ?? Number.NaN;

const isInMemory = (path: string): boolean => IN_MEMORY.has(attempt(() => statfsSync(path).type) ?? 0);
