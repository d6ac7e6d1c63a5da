// The sampler of what costs more and changes slower than CPU and memory: control groups, open files, sockets, and the
// proportional share of memory where that is asked for.

import type { Sampler, SamplerRoom } from '../../agent/core/collector.ts';
import { hasEnded } from '../../agent/core/procstat.ts';
import { type Breath, createBreath } from './breath.ts';
import * as family from './detail-descs.ts';
import { createGroups, GAUGES } from './groups.ts';
import { createHoldings } from './holdings.ts';
import type { Seen } from './look.ts';
import { detailsInterval, type ProcessesOptions } from './options.ts';
import { parsePss } from './parse.ts';
import { DENIED, type Reader } from './read.ts';
import { readMemory, readStat } from './sample.ts';
import { createTcpSockets, TCP_STATES } from './tcp.ts';
import { createUndeclared, type Undeclared } from './undeclared.ts';

/** What the shares of memory may cost in a look; who comes later keeps the figure it had, and is first in the next. */
const PSS_BUDGET_MS = 50;

/** `look` gives the processes of daemons as they were last seen; nothing of them is read again but what others change. */
export function createDetails(
  options: Pick<ProcessesOptions, 'interval' | 'details_interval' | 'pss' | 'undeclared'>,
  room: Pick<SamplerRoom, 'name' | 'root' | 'daemons' | 'elapsed'>,
  reader: Reader,
  look: () => Promise<ReadonlyMap<number, Seen>>,
): Sampler {
  const { root, daemons, elapsed } = room;
  const groups = createGroups(root);
  const tcp = createTcpSockets(root);
  const shares = createShares(reader);
  const undeclared = options.undeclared > 0 ? createUndeclared(options.undeclared) : undefined;

  /** Processes that the look has found to be of no daemon. */
  const countOthers = (counts: Undeclared, seen: ReadonlyMap<number, Seen>, breath: Breath) =>
    breath.each(reader.pids(), pid => {
      const stat = seen.has(pid) ? undefined : readStat(reader, pid);
      if (!stat || hasEnded(stat) || daemons.ofProcess(stat) !== undefined) return;
      const memory = readMemory(reader, pid, false);
      if (memory) counts.add(stat, memory.resident);
    });

  return {
    name: room.name,
    everyMs: detailsInterval(options),
    async sample(out, signal) {
      const seen = await look();
      const breath = createBreath(elapsed, signal);
      const members = new Map<string, Seen[]>();
      for (const { name } of daemons.declared) members.set(name, []);
      for (const each of seen.values()) if (!hasEnded(each.stat)) members.get(each.daemon)?.push(each);
      if (undeclared) await countOthers(undeclared, seen, breath);
      undeclared?.write(out, elapsed());
      await breath.each([...members], ([daemon, processes]) => {
        const { gauges, counters } = groups.of(daemon, processes);
        for (const gauge of GAUGES)
          if (gauges[gauge] !== undefined) out.set(family.GROUP[gauge], gauges[gauge], daemon);
        for (const [key, value] of counters) {
          const [name, ...labels] = key.split(',');
          out.set(family.COUNTERS[name!]!, value, daemon, ...labels);
        }
      });
      tcp.begin(elapsed());
      for (const [daemon, processes] of members) {
        const holdings = createHoldings(root, tcp, reader.targetOf);
        await breath.each(processes, ({ stat, figures }) => holdings.add(stat.pid, figures.details.open));
        const held = holdings.held();
        if (held.denied) continue;
        out.set(family.DELETED, held.deletedBytes, daemon);
        if (held.deletedFree !== undefined) out.set(family.DELETED_FREE, held.deletedFree, daemon);
        for (const state of TCP_STATES) out.set(family.SOCKETS, held.sockets[state], daemon, state);
      }
      groups.keep(new Set(members.keys()));
      if (!options.pss) return;
      for (const [daemon, bytes] of shares(members, elapsed)) out.set(family.PROPORTIONAL, bytes, daemon);
    },
  };
}

/** Proportional shares by daemon, within the budget; daemons not looked at this time follow first the next. */
function createShares(reader: Reader) {
  let known = new Map<string, number>();
  let behind: string[] = [];
  return (members: ReadonlyMap<string, readonly Seen[]>, elapsed: () => number): Map<string, number> => {
    const began = elapsed();
    const order = [
      ...behind.filter(name => members.has(name)),
      ...[...members.keys()].filter(name => !behind.includes(name)),
    ];
    const next = new Map<string, number>();
    let done = 0;
    for (; done < order.length && elapsed() - began < PSS_BUDGET_MS; done++) {
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
function shareOf(reader: Reader, processes: readonly Seen[]): number | undefined {
  let sum = 0;
  for (const { stat } of processes) {
    const length = reader.file(stat.pid, 'smaps_rollup');
    if (length >= 0) sum += parsePss(reader.buf, length);
    else if (length === DENIED) return undefined;
  }
  return processes.length === 0 || Number.isNaN(sum) ? undefined : sum;
}
