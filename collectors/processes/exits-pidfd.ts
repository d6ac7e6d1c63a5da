// Ends of known processes by their descriptors, a tenth of a second late at most. Who begins is seen by the next look,
// which follows every end at once.

import { exitOf } from '../../agent/core/exit.ts';
import type { Native } from '../../agent/native/index.ts';
import { createPidfds } from '../../agent/native/pidfd.ts';
import type { ExitRoom, ExitSource } from './exits.ts';
import { handedOver } from './exits-sample.ts';
import type { Kin } from './lineage.ts';

const TICK_MS = 100;
/** Without the right to read it of a zombie, its status is told when its parent has waited for it, or never. */
const REAP_MS = 2000;
/** Descriptors cost the agent its own limit of them. */
const MAX_WATCHED = 512;

interface Watched {
  readonly kin: Kin;
  readonly fd: number;
  /** In Unix ms, and until when by the monotonic clock its status is waited for. */
  ended: { readonly at: number; readonly patience: number } | undefined;
}

/** Undefined where the kernel has no such descriptors. */
export function watchByPidfd(native: Native, room: ExitRoom): ExitSource | undefined {
  const { told, now, elapsed, look, zombie, lookSoon } = room;
  const pidfds = createPidfds(native);
  const own = pidfds.open(process.pid);
  if (own === undefined) return undefined;
  pidfds.close(own);
  const watched = new Map<number, Watched>();
  let found: ReadonlyMap<number, Kin> = new Map();

  const open = (pid: number, kin: Kin) => {
    if (watched.size >= MAX_WATCHED) return;
    const fd = pidfds.open(pid);
    if (fd === undefined) return;
    // Somebody else may have got the number between the look and now.
    if (look(pid)?.startTicks === kin.process.startTicks) watched.set(pid, { kin, fd, ended: undefined });
    else pidfds.close(fd);
  };

  const living = (): ReadonlyMap<number, Kin> =>
    new Map([...found].filter(([pid, { process }]) => look(pid)?.startTicks === process.startTicks));

  const tick = () => {
    const fds = new Map(Array.from(watched, ([pid, { fd }]) => [fd, pid]));
    for (const fd of pidfds.ended([...fds.keys()])) {
      const pid = fds.get(fd)!;
      const each = watched.get(pid)!;
      each.ended ??= { at: now(), patience: elapsed() + REAP_MS };
      const status = pidfds.status(fd) ?? zombie(each.kin.process);
      if (status === undefined && elapsed() < each.ended.patience) continue;
      watched.delete(pid);
      pidfds.close(fd);
      const { kin, ended } = each;
      const { at } = ended;
      const exit = exitOf(status);
      const over = (exit.code ?? 0) === 0 ? handedOver(kin, found, living(), at) : {};
      told.ended(kin, { ...exit, at, source: 'pidfd', ...over });
      lookSoon();
    }
  };
  const timer = setInterval(tick, TICK_MS);
  timer.unref();

  return {
    name: 'pidfd',
    awaited: true,
    seen(next) {
      found = next;
      for (const [pid, kin] of next) {
        if (kin.claimed && !watched.has(pid)) open(pid, kin);
      }
    },
    async close() {
      clearInterval(timer);
      for (const { fd } of watched.values()) pidfds.close(fd);
    },
  };
}
