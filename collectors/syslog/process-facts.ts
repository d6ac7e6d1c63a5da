// What /proc tells of a process that sent a message, believed only when it is old enough to have sent it.

import { readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ProcessFacts } from '../../agent/core/daemon.ts';
import { parseStat, TICKS_PER_SECOND } from '../../agent/core/procstat.ts';

/** The boot time is in whole seconds. */
const START_SLACK_MS = 2000;

export interface ProcessReader {
  /** The process that had this pid at `at` (Unix ms); undefined when it has ended. */
  factsOf(pid: number, at: number): ProcessFacts | undefined;
  /** Name of its executable, or what it calls itself where that may not be read. */
  executableOf(facts: ProcessFacts): string;
}

export function createProcessReader(root: string): ProcessReader {
  const proc = (...parts: string[]) => join(root, 'proc', ...parts);
  let bootMs: number | undefined;
  return {
    factsOf(pid, at) {
      try {
        const bytes = readFileSync(proc(`${pid}`, 'stat'));
        const facts = parseStat(bytes, bytes.length);
        bootMs ??= Number(/^btime (\d+)/m.exec(readFileSync(proc('stat'), 'latin1'))?.[1] ?? 0) * 1000;
        const startedMs = bootMs + ((facts?.startTicks ?? 0) * 1000) / TICKS_PER_SECOND;
        return startedMs > at + START_SLACK_MS ? undefined : facts;
      } catch {
        return undefined;
      }
    },
    executableOf({ pid, comm }) {
      try {
        return basename(readlinkSync(proc(`${pid}`, 'exe')).replace(/ \(deleted\)$/, ''));
      } catch {
        return comm;
      }
    },
  };
}
