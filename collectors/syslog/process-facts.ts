// What /proc tells of a process that sent a message, believed only when it is old enough to have sent it.

import { readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createBegun } from '../../agent/core/begun.ts';
import type { ProcessFacts } from '../../agent/core/daemon.ts';
import { commOf, parseStat, TICKS_PER_SECOND } from '../../agent/core/procstat.ts';
import { createBoot } from '../../agent/native/boot.ts';

/** Where only `btime` tells when the machine began, it is in whole seconds. */
const START_SLACK_MS = 2000;

export interface ProcessReader {
  /** The process that had this pid at `at` (Unix ms); undefined when it has ended. */
  factsOf(pid: number, at: number): ProcessFacts | undefined;
  /** One that has ended, as far as it was seen to begin. */
  begunOf(pid: number, at: number): ProcessFacts | undefined;
  /** Name of its executable, or what it calls itself where that may not be read. */
  executableOf(facts: ProcessFacts): string;
}

/** `now` in Unix ms; `memory` of a `Begun`. */
export function createProcessReader(
  root: string,
  now: () => number,
  memory?: SharedArrayBuffer,
): ProcessReader {
  const begun = memory && createBegun(memory);
  const proc = (...parts: string[]) => join(root, 'proc', ...parts);
  const boot = createBoot(root, now);
  return {
    factsOf(pid, at) {
      try {
        const bytes = readFileSync(proc(`${pid}`, 'stat'));
        const facts = parseStat(bytes, bytes.length);
        const startedMs = boot() + ((facts?.startTicks ?? 0) * 1000) / TICKS_PER_SECOND;
        return startedMs > at + START_SLACK_MS ? undefined : facts;
      } catch {
        return undefined;
      }
    },
    begunOf(pid, at) {
      const beginning = begun?.of(pid, at);
      if (!beginning) return undefined;
      const { exe, ppid, terminal } = beginning;
      const began = { exe, uid: undefined, cgroup: undefined };
      return { pid, ppid, startTicks: 0, comm: commOf(basename(exe)), terminal, began };
    },
    executableOf({ pid, comm, began }) {
      if (began?.exe !== undefined) return basename(began.exe);
      try {
        return basename(readlinkSync(proc(`${pid}`, 'exe')).replace(/ \(deleted\)$/, ''));
      } catch {
        return comm;
      }
    },
  };
}
