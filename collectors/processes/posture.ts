// How the main processes of daemons run; asked anew now and then, for a daemon drops its rights after it has begun.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { namesById, type Posture, readPosture } from '../../agent/core/posture.ts';
import type { Stat } from '../../agent/core/procstat.ts';

/** It is asked again after this, and then after twice as long each time, up to REREAD_MS: fifteen files a process. */
const SETTLE_MS = 5_000;
const REREAD_MS = 300_000;
const NAMES_MS = 60_000;
/** In one cycle; who comes later keeps what is known, and has its turn in the next. */
const READS_A_CYCLE = 256;

interface Known {
  readonly startTicks: number;
  readonly firstAt: number;
  readonly readAt: number;
  readonly posture: Posture;
}

export interface Postures {
  /** Undefined while many others have not been looked at either. */
  of(stat: Stat, now: number): Posture | undefined;
  /** Ends a cycle; forgets all but these pids. */
  keep(pids: ReadonlySet<number>): void;
}

export function createPostures(root: string): Postures {
  let known = new Map<number, Known>();
  const read = (path: string) => attempt(() => readFileSync(join(root, path), 'utf8'));
  const link = (path: string) => attempt(() => readlinkSync(join(root, path)));
  let users = new Map<number, string>();
  let groups = new Map<number, string>();
  let namesAt = -Infinity;
  let reads = 0;

  return {
    of(stat, now) {
      const before = known.get(stat.pid);
      const same = before?.startTicks === stat.startTicks ? before : undefined;
      if (same && now - same.readAt < Math.min(REREAD_MS, Math.max(SETTLE_MS, same.readAt - same.firstAt)))
        return same.posture;
      if (reads++ >= READS_A_CYCLE) return same?.posture;
      if (now - namesAt >= NAMES_MS) {
        namesAt = now;
        users = namesById(read('etc/passwd') ?? '');
        groups = namesById(read('etc/group') ?? '');
      }
      const posture = readPosture(
        {
          file: name => read(`proc/${stat.pid}/${name}`),
          link: name => link(`proc/${stat.pid}/${name}`),
          linkOfFirst: name => link(`proc/1/${name}`),
          podLogs: () => attempt(() => readdirSync(join(root, 'var/log/pods'))) ?? [],
          user: uid => users.get(uid),
          group: gid => groups.get(gid),
        },
        stat,
      );
      known.set(stat.pid, {
        startTicks: stat.startTicks,
        firstAt: same?.firstAt ?? now,
        readAt: now,
        posture,
      });
      return posture;
    },
    keep(pids) {
      reads = 0;
      known = new Map([...known].filter(([pid]) => pids.has(pid)));
    },
  };
}

function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
