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

/**
 * `uptime()` in ms of CLOCK_MONOTONIC, the clock of the kernel's log. `samePids`: the log names processes as we do.
 */
export function createOom(root: string, samePids: boolean, now: () => number, uptime: () => number): Oom {
  const buf = Buffer.alloc(MAX_RECORD);
  /** By pid, when; Unix ms. */
  const kills = new Map<number, number>();
  const groups = new Map<number, { readonly file: string; readonly count: number }>();
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

  const note = (pid: number) => {
    const file = groups.get(pid)?.file ?? fileOf(pid);
    const count = file === undefined ? undefined : countIn(file);
    if (file !== undefined && count !== undefined) groups.set(pid, { file, count });
  };

  return {
    look(living) {
      if (log !== undefined) return;
      for (const [pid, { claimed }] of living) if (claimed) note(pid);
      for (const pid of groups.keys()) if (!living.has(pid)) groups.delete(pid);
    },
    killed(pid, startedAt) {
      if (log !== undefined) {
        readLog(log);
        const at = kills.get(pid);
        kills.delete(pid);
        return at !== undefined && at >= startedAt - TOLERANCE_MS;
      }
      const group = groups.get(pid);
      groups.delete(pid);
      return group !== undefined && (countIn(group.file) ?? 0) > group.count;
    },
    close() {
      if (log !== undefined) closeSync(log);
    },
  };
}

const openLog = (path: string): number | undefined =>
  attempt(() => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));

const read = (path: string): string | undefined => attempt(() => readFileSync(path, 'utf8'));
