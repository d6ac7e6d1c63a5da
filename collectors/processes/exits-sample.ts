// Ends as looks notice them: who is missing has ended since; how is known of those that are still zombies.

import { exitOf } from '../../agent/core/exit.ts';
import { hasEnded, isSameProcess } from '../../agent/core/procstat.ts';
import type { ExitRoom, ExitSource } from './exits.ts';
import { type Kin, LAUNCH_MS } from './lineage.ts';

export function watchBySample({ told, look, zombie }: ExitRoom): ExitSource {
  let before: ReadonlyMap<number, Kin> = new Map();
  return {
    name: 'sample',
    awaited: false,
    seen(found, now) {
      if (found === before) return;
      for (const [pid, kin] of before) {
        if (!kin.claimed || found.get(pid)?.process.startTicks === kin.process.startTicks) continue;
        const stat = look(pid);
        // It lives, and is the daemon's no longer.
        if (stat && isSameProcess(stat, kin.process) && !hasEnded(stat)) continue;
        const status = zombie(kin.process);
        const exit = exitOf(status);
        const over = (exit.code ?? 0) === 0 ? handedOver(kin, before, found, now) : {};
        told.ended(kin, { ...exit, at: now, source: 'sample', ...over });
      }
      before = found;
    },
    close: async () => {},
  };
}

/** Whether a young one has left a child of its own in its place. */
export function handedOver(
  { process, daemon, startedAt }: Kin,
  before: ReadonlyMap<number, Kin>,
  after: ReadonlyMap<number, Kin>,
  now: number,
): { handedOver?: boolean } {
  if (now - startedAt > LAUNCH_MS) return {};
  for (const [pid, kin] of before) {
    if (kin.process.ppid !== process.pid || kin.daemon !== daemon) continue;
    if (after.get(pid)?.process.startTicks === kin.process.startTicks) return { handedOver: true };
  }
  return {};
}
