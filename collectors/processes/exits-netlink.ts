// Ends and beginnings as the kernel tells them; nobody who lived between two looks is missed.

import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { SamplerRoom } from '../../agent/core/collector.ts';
import { causeOf } from '../../agent/core/errors.ts';
import type { Desc } from '../../agent/core/metric.ts';
import { hasEnded } from '../../agent/core/procstat.ts';
import type { Native } from '../../agent/native/index.ts';
import { createPidfds } from '../../agent/native/pidfd.ts';
import { watchProcesses } from '../../agent/native/process-events.ts';
import type { ExitRoom, ExitSource } from './exits.ts';
import { createLineage, type Kin, SETTLE_MS } from './lineage.ts';

import { wantedOf } from './wanted.ts';

const OVERFLOWS: Desc = {
  name: 'eudaemon.process_events.overflows',
  type: 'counter',
  help: 'Times the kernel had more process events than room for them; a full look followed.',
};

/** Throws what keeps the kernel from telling. */
export function watchByEvents(
  native: Native,
  { told, now, elapsed, look, zombie }: ExitRoom,
  { root, daemons, log, meter, begun }: SamplerRoom,
  lost: () => void,
  watch: typeof watchProcesses = watchProcesses,
): ExitSource {
  const overflows = meter.instrument(OVERFLOWS).with();
  const pidfds = createPidfds(native);
  /** Of those that have lost their first thread: whose end is told by no event. */
  const lingering = new Map<number, number | undefined>();
  const lineage = createLineage(
    daemons,
    {
      look,
      lingers(pid) {
        const stat = look(pid);
        const lingers = stat?.state === 'Z' && !hasEnded(stat);
        if (lingers && !lingering.has(pid)) lingering.set(pid, pidfds.open(pid));
        return lingers;
      },
      outcome(process) {
        const fd = lingering.get(process.pid);
        lingering.delete(process.pid);
        if (fd === undefined) return zombie(process);
        const status = zombie(process) ?? pidfds.status(fd);
        pidfds.close(fd);
        return status;
      },
    },
    told,
  );
  const resolve = (path: string): string | undefined => {
    try {
      const real = realpathSync(join(root, path));
      return root !== '/' && real.startsWith(root) ? real.slice(root.length) : real;
    } catch {
      return undefined;
    }
  };
  let known: ReadonlyMap<number, Kin> | undefined;
  const wanted = () => wantedOf(daemons.declared, resolve);
  let timer: NodeJS.Timeout | undefined;
  const settle = () => {
    timer = undefined;
    lineage.settle(now());
    plan();
  };
  const plan = () => {
    if (lineage.unsettled) timer ??= setTimeout(settle, SETTLE_MS).unref();
  };

  const events = watch(
    native,
    root,
    wanted(),
    ({ events, overflow }) => {
      if (overflow) {
        overflows.add();
        log.warn('the kernel had more process events than room for them: looking at all processes instead');
      }
      lineage.take(events);
      plan();
      if (overflow) lost();
    },
    error => {
      log.error(`cannot read process events any more: ${causeOf(error)}; restart the agent`);
      lost();
    },
    begun,
  );

  return {
    name: 'netlink',
    awaited: true,
    begun: events.begun,
    seen(found) {
      events.want(wanted());
      if (found !== known) events.know(found.keys());
      known = found;
      lineage.seen(found, elapsed());
    },
    async close() {
      clearTimeout(timer);
      for (const fd of lingering.values()) if (fd !== undefined) pidfds.close(fd);
      await events.close();
    },
  };
}
