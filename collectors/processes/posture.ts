// How the main processes of daemons run. Asked of each once and again when it has settled, for a daemon drops its rights
// after it has begun; from then on when the kernel shows other rights of it, and now and then.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../../agent/core/errors.ts';
import { namesById, type Posture, readPosture } from '../../agent/core/posture.ts';
import type { Stat } from '../../agent/core/procstat.ts';

const SETTLE_MS = 5_000;
/** Fourteen files a process: without an occasion every fifth time that everything of it is read, once a minute. */
const REREAD_MS = 270_000;
const NAMES_MS = 60_000;
/** In one cycle; who comes later keeps what is known, and has its turn in the next. */
const READS_A_CYCLE = 64;

interface Known {
  readonly startTicks: number;
  readonly rights: number;
  readonly settled: boolean;
  readonly dueAt: number;
  readonly posture: Posture;
}

export interface Postures {
  /**
   * `rights` as `parseRights` gives them, `at` in monotonic ms. Undefined while many others have not been looked at
   * either.
   */
  of(stat: Stat, rights: number, at: number): Posture | undefined;
  /** Begins a cycle; whether one that is known, or should be, is due in it before its turn, whatever its rights are. */
  begin(at: number): boolean;
  forget(pid: number): void;
}

export function createPostures(root: string): Postures {
  const known = new Map<number, Known>();
  const proc = join(root, 'proc');
  const read = (path: string) => attempt(() => readFileSync(path, 'utf8'));
  const link = (path: string) => attempt(() => readlinkSync(path));
  /** Links of the first process; read once a cycle. */
  const first = new Map<string, string | undefined>();
  let users = new Map<number, string>();
  let groups = new Map<number, string>();
  let namesAt = -Infinity;
  let reads = 0;
  /** Of thousands of processes most run as the one before does: one object does for them. */
  let last: { readonly text: string; readonly posture: Posture } | undefined;
  /** When the next one has settled, or at once. */
  let dueAt = Infinity;

  const linkOfFirst = (name: string) => {
    if (!first.has(name)) first.set(name, link(`${proc}/1/${name}`));
    return first.get(name);
  };
  const look = (stat: Stat): Posture => {
    const posture = readPosture(
      {
        file: name => read(`${proc}/${stat.pid}/${name}`),
        link: name => link(`${proc}/${stat.pid}/${name}`),
        linkOfFirst,
        podLogs: () => attempt(() => readdirSync(join(root, 'var/log/pods'))) ?? [],
        user: uid => users.get(uid),
        group: gid => groups.get(gid),
      },
      stat,
    );
    const text = JSON.stringify(posture);
    if (text !== last?.text) last = { text, posture };
    return last.posture;
  };

  return {
    of(stat, rights, at) {
      const before = known.get(stat.pid);
      const same = before?.startTicks === stat.startTicks ? before : undefined;
      if (same && at < same.dueAt && same.rights === rights) {
        if (!same.settled) dueAt = Math.min(dueAt, same.dueAt);
        return same.posture;
      }
      if (reads++ >= READS_A_CYCLE) {
        dueAt = -Infinity;
        return same?.posture;
      }
      if (at - namesAt >= NAMES_MS) {
        namesAt = at;
        users = namesById(read(join(root, 'etc/passwd')) ?? '');
        groups = namesById(read(join(root, 'etc/group')) ?? '');
      }
      const posture = look(stat);
      const settled = same?.rights === rights;
      const next = at + (settled ? REREAD_MS : SETTLE_MS);
      known.set(stat.pid, { startTicks: stat.startTicks, rights, settled, dueAt: next, posture });
      if (!settled) dueAt = Math.min(dueAt, next);
      return posture;
    },
    begin(at) {
      reads = 0;
      first.clear();
      const due = at >= dueAt;
      if (due) dueAt = Infinity;
      return due;
    },
    forget: pid => void known.delete(pid),
  };
}
