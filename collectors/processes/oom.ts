// Whether the kernel killed a process because memory ran out: by its log, which names the process, or where that may not
// be read by the count of kills in the process's control group.

import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, codeOf } from '../../agent/core/errors.ts';
import { parseGroupMounts, parseGroupPaths, parseKeyed } from './parse-group.ts';
import { parseKill } from './parse-kmsg.ts';

export interface Oom {
  /** Remembers what the groups of the tops among these count, which are all that live, and forgets all others. */
  look(living: ReadonlyMap<number, { readonly claimed: boolean }>): void;
  /** Whether it was what ended a process by SIGKILL; `startedAt` in Unix ms. Asked once. */
  killed(pid: number, startedAt: number): boolean;
  close(): void;
}

const MAX_RECORD = 8192;
const MAX_KILLS = 256;
/** Between the clocks of the log and of start times. */
const TOLERANCE_MS = 1000;
/** In so many looks each process is asked once for its group: it may be moved. */
const ASKED_AGAIN = 60;

/**
 * `uptime()` in ms of CLOCK_MONOTONIC, the clock of the kernel's log. `samePids`: the log names processes as we do.
 */
export function createOom(root: string, samePids: boolean, now: () => number, uptime: () => number): Oom {
  const buf = Buffer.alloc(MAX_RECORD);
  /** By pid, when; Unix ms. */
  const kills = new Map<number, number>();
  /** By pid, the file in which its group counts kills; undefined for one in none. */
  const groups = new Map<number, string | undefined>();
  /** What these files said in the last look. */
  let counts = new Map<string, number | undefined>();
  let looks = 0;
  const log = samePids ? openLog(join(root, 'dev/kmsg')) : undefined;
  let mounts: ReadonlyMap<string, string> | undefined;

  /** Reads what has been logged since the last time. */
  const readLog = (fd: number) => {
    for (;;) {
      let length: number;
      try {
        length = readSync(fd, buf, 0, MAX_RECORD, null);
      } catch (error) {
        // Overwritten before we came: go on with the oldest there is.
        if (codeOf(error) === 'EPIPE') continue;
        return;
      }
      if (length <= 0) return;
      const kill = parseKill(buf.toString('latin1', 0, length));
      if (!kill) continue;
      if (kills.size >= MAX_KILLS) kills.delete(kills.keys().next().value!);
      kills.set(kill.pid, now() - uptime() + kill.at);
    }
  };

  const fileOf = (pid: number): string | undefined => {
    mounts ??= parseGroupMounts(
      read(join(root, 'proc/1/mounts')) ?? read(join(root, 'proc/self/mounts')) ?? '',
    );
    for (const [controller, path] of parseGroupPaths(read(join(root, 'proc', String(pid), 'cgroup')) ?? '')) {
      const mount = mounts.get(controller);
      if (mount === undefined || path === '/' || path.startsWith('/..')) continue;
      if (controller === 'memory') return join(root, mount, path, 'memory.oom_control');
      if (controller === '') return join(root, mount, path, 'memory.events');
    }
    return undefined;
  };
  const countIn = (file: string): number | undefined => parseKeyed(read(file) ?? '').get('oom_kill');

  if (log !== undefined) readLog(log);
  kills.clear();

  return {
    look(living) {
      if (log !== undefined) return;
      looks++;
      for (const pid of groups.keys()) if (!living.has(pid)) groups.delete(pid);
      for (const [pid, { claimed }] of living)
        if (claimed && (!groups.has(pid) || (pid + looks) % ASKED_AGAIN === 0)) groups.set(pid, fileOf(pid));
      counts = new Map();
      for (const file of groups.values())
        if (file !== undefined && !counts.has(file)) counts.set(file, countIn(file));
    },
    killed(pid, startedAt) {
      if (log !== undefined) {
        readLog(log);
        const at = kills.get(pid);
        kills.delete(pid);
        return at !== undefined && at >= startedAt - TOLERANCE_MS;
      }
      const file = groups.get(pid);
      groups.delete(pid);
      return file !== undefined && (countIn(file) ?? 0) > (counts.get(file) ?? Infinity);
    },
    close() {
      if (log !== undefined) closeSync(log);
    },
  };
}

const openLog = (path: string): number | undefined =>
  attempt(() => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));

const read = (path: string): string | undefined => attempt(() => readFileSync(path, 'utf8'));
