// What /proc tells of a process that sent a message, believed only when it is old enough to have sent it.

import { readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createBegun } from '../../agent/core/begun.ts';
import type { ProcessFacts } from '../../agent/core/daemon.ts';
import { parseStat, TICKS_PER_SECOND } from '../../agent/core/procstat.ts';

/** The boot time is in whole seconds. */
const START_SLACK_MS = 2000;

export interface ProcessReader {
  /** The process that had this pid at `at` (Unix ms); undefined when it has ended. */
  factsOf(pid: number, at: number): ProcessFacts | undefined;
  /** One that has ended, as far as it was seen to begin. */
  begunOf(pid: number, at: number): ProcessFacts | undefined;
  /** Name of its executable, or what it calls itself where that may not be read. */
  executableOf(facts: ProcessFacts): string;
}

/** What /proc has of a name. */
const COMM_CHARACTERS = 15;

export function createProcessReader(root: string, memory?: SharedArrayBuffer): ProcessReader {
  const begun = memory && createBegun(memory);
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
    begunOf(pid, at) {
      const exe = begun?.exeOf(pid, at);
      if (exe === undefined) return undefined;
      const comm = basename(exe).slice(0, COMM_CHARACTERS);
      return { pid, ppid: 0, startTicks: 0, comm, began: { exe, uid: undefined, cgroup: undefined } };
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
