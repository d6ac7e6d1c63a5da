// What of processes stands as long as they do not run: read again when they have.

import { type Open, readOpen, rereadOpen } from './holdings.ts';
import type { Reader } from './read.ts';

export interface Standing {
  /** Text of /proc/PID/cgroup. */
  readonly cgroup: string;
  readonly open: Open;
}

interface Known extends Standing {
  readonly cpuTime: number;
  /** Unix ms. */
  readonly readAt: number;
}

/** Others may move a process to another group. */
const REREAD_MS = 60_000;

export function createStanding(reader: Reader): {
  /** `cpuTime` as `Reader.cpuTime` gave it; `now` in Unix ms. */
  of(pid: number, cpuTime: number, now: number): Standing;
  /** Ends a look; forgets who was not asked for in it. */
  end(): void;
} {
  let last: ReadonlyMap<number, Known> = new Map();
  let next = new Map<number, Known>();

  const read = (pid: number, cpuTime: number, readAt: number): Known => {
    const length = reader.file(pid, 'cgroup');
    const cgroup = reader.buf.toString('utf8', 0, Math.max(0, length));
    return { cgroup, open: readOpen(reader, pid), cpuTime, readAt };
  };

  return {
    of(pid, cpuTime, now) {
      const before = last.get(pid);
      const stands = before?.cpuTime === cpuTime && now - before.readAt < REREAD_MS;
      const known = stands
        ? { ...before, open: rereadOpen(reader, pid, before.open) }
        : read(pid, cpuTime, now);
      next.set(pid, known);
      return known;
    },
    end() {
      last = next;
      next = new Map();
    },
  };
}
