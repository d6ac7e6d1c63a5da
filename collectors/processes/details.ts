// The sampler of what costs more and changes slower than CPU and memory: control groups, open files, sockets, and the
// proportional share of memory where that is asked for.

import type { Sampler, SamplerRoom } from '../../agent/core/collector.ts';
import type { Stat } from '../../agent/core/procstat.ts';
import { createBreath } from './breath.ts';
import * as family from './detail-descs.ts';
import { createGroups, GAUGES } from './groups.ts';
import { createLook } from './holdings.ts';
import type { ProcessesOptions } from './options.ts';
import { parsePss, parseStatus } from './parse.ts';
import { DENIED, type Reader } from './read.ts';
import { hasEnded, readStat } from './sample.ts';
import { createStanding, type Standing } from './standing.ts';
import { createTcpTables, TCP_STATES } from './tcp.ts';
import { createUndeclared } from './undeclared.ts';

/** What the shares of memory may cost in a look; who comes later keeps the figure it had, and is first in the next. */
const PSS_BUDGET_MS = 50;

/** Whose a process was when it was last seen. */
export interface Owned {
  readonly stat: Stat;
  readonly daemon: string;
  readonly cpuTime: number;
}

/**
 * `owned` gives the processes of daemons as the last look saw them, undefined before it. Nothing here needs rights but
 * for the open files and the shares of other users' processes.
 */
export function createDetails(
  options: ProcessesOptions,
  room: SamplerRoom,
  reader: Reader,
  owned: () => ReadonlyMap<number, Owned> | undefined = () => undefined,
): Sampler {
  const { root, daemons, now } = room;
  const groups = createGroups(root);
  const shares = createShares(reader);
  const standing = createStanding(reader);
  const tcp = createTcpTables(root);
  const undeclared = options.undeclared > 0 ? createUndeclared(options.undeclared) : undefined;

  return {
    name: room.name,
    everyMs: options.details_interval ?? 3 * options.interval,
    async sample(out, signal) {
      const breath = createBreath(now, signal);
      const at = now();
      const members = new Map<string, Map<number, Standing>>();
      for (const { name } of daemons.declared) members.set(name, new Map());
      const known = owned();
      for (const pid of known && !undeclared ? known.keys() : reader.pids()) {
        if (breath.due()) await breath.take();
        const before = known?.get(pid);
        const cpuTime = reader.cpuTime(pid);
        const stat = before?.cpuTime === cpuTime ? before.stat : readStat(reader, pid, before?.stat);
        if (!stat || hasEnded(stat)) continue;
        const same = before?.stat.startTicks === stat.startTicks;
        const daemon = same ? before.daemon : daemons.ofProcess(stat);
        const own = daemon === undefined ? undefined : members.get(daemon);
        if (own) own.set(pid, standing.of(pid, cpuTime, at));
        else if (daemon === undefined && undeclared) {
          const length = reader.file(pid, 'status');
          if (length >= 0) undeclared.add(stat, parseStatus(reader.buf, length).resident);
        }
      }
      standing.end();
      undeclared?.write(out, now());
      const look = createLook(root, tcp);
      for (const [daemon, processes] of members) {
        if (breath.due()) await breath.take();
        const { gauges, counters } = groups.of(daemon, processes);
        for (const gauge of GAUGES)
          if (gauges[gauge] !== undefined) out.set(family.GROUP[gauge], gauges[gauge], daemon);
        for (const [key, value] of counters) {
          const [name, ...labels] = key.split(',');
          out.set(family.COUNTERS[name!]!, value, daemon, ...labels);
        }
        if (processes.size > 0) {
          const holdings = look();
          for (const [pid, { open }] of processes) {
            holdings.add(pid, open);
            if (breath.due()) await breath.take();
          }
          const held = holdings.held();
          if (!held.denied) {
            out.set(family.DELETED, held.deletedBytes, daemon);
            if (held.deletedFree !== undefined) out.set(family.DELETED_FREE, held.deletedFree, daemon);
            for (const state of TCP_STATES) out.set(family.SOCKETS, held.sockets[state], daemon, state);
          }
        }
      }
      groups.keep(new Set(members.keys()));
      if (!options.pss) return;
      for (const [daemon, bytes] of shares(members, now)) out.set(family.PROPORTIONAL, bytes, daemon);
    },
  };
}

/** Proportional shares by daemon, within the budget; daemons not looked at this time follow first the next. */
function createShares(reader: Reader) {
  let known = new Map<string, number>();
  let behind: string[] = [];
  return (
    members: ReadonlyMap<string, ReadonlyMap<number, unknown>>,
    now: () => number,
  ): Map<string, number> => {
    const began = now();
    const order = [
      ...behind.filter(name => members.has(name)),
      ...[...members.keys()].filter(name => !behind.includes(name)),
    ];
    const next = new Map<string, number>();
    let done = 0;
    for (; done < order.length && now() - began < PSS_BUDGET_MS; done++) {
      const bytes = shareOf(reader, members.get(order[done]!)!);
      if (bytes !== undefined) next.set(order[done]!, bytes);
    }
    behind = order.slice(done);
    for (const name of behind) if (known.has(name)) next.set(name, known.get(name)!);
    known = next;
    return next;
  };
}

/** Undefined without processes, and when one may not be read. */
function shareOf(reader: Reader, pids: ReadonlyMap<number, unknown>): number | undefined {
  let sum = 0;
  for (const pid of pids.keys()) {
    const length = reader.file(pid, 'smaps_rollup');
    if (length >= 0) sum += parsePss(reader.buf, length);
    else if (length === DENIED) return undefined;
  }
  return pids.size === 0 || Number.isNaN(sum) ? undefined : sum;
}
