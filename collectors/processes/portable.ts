// Processes of hosts without /proc, by what systeminformation makes of ps(1): who runs, since when, and its memory. What
// it cannot tell exactly, such as CPU time, open files and I/O, is absent.

import type { Sampler, SamplerRoom } from '../../agent/core/collector.ts';
import type { Instance, ProcessFacts } from '../../agent/core/daemon.ts';
import { TICKS_PER_SECOND } from '../../agent/core/procstat.ts';
import { RESIDENT, VIRTUAL } from './descs.ts';

/** One process as the package lists it; memory in KiB, the start in local time. */
export interface Listed {
  readonly pid: number;
  readonly parentPid: number;
  readonly name: string;
  readonly command: string;
  readonly params: string;
  readonly memRss: number;
  readonly memVsz: number;
  readonly started: string;
  readonly state: string;
}

/** ps(1) counts back from now in whole seconds, so the same start may differ from look to look. */
const WOBBLE_S = 2;

/** As first listed, in Unix seconds; it may be later than the true one by as long as that list took. */
interface Start {
  readonly at: number;
  readonly lateS: number;
}
const STATES: Readonly<Record<string, string>> = {
  running: 'R',
  sleeping: 'S',
  blocked: 'D',
  zombie: 'Z',
  stopped: 'T',
};

/** The same reports as from /proc; `list` is the package's when left out. */
export function createPortable(
  everyMs: number,
  room: SamplerRoom,
  list: () => Promise<readonly Listed[]> = listAll,
): Sampler {
  const { daemons, reports } = room;
  let starts = new Map<number, Start>();

  /** `lateS`: how long the list took, on a busy host many seconds. */
  const startOf = ({ pid, started }: Listed, lateS: number): Start => {
    const at = Date.parse(started.replace(' ', 'T')) / 1000;
    const before = starts.get(pid);
    if (Number.isNaN(at)) return before ?? { at: 0, lateS };
    const isSame = before && Math.abs(at - before.at) <= WOBBLE_S + Math.max(lateS, before.lateS);
    return isSame ? before : { at, lateS };
  };

  return {
    name: room.name,
    everyMs,
    async sample(out, signal) {
      const asked = room.elapsed();
      const listed = parentsFirst((await list()).filter(({ state }) => state !== 'zombie'));
      const lateS = (room.elapsed() - asked) / 1000;
      signal.throwIfAborted();
      const seen = new Map<number, string>();
      const next = new Map<number, Start>();
      const instances = new Map<string, Instance[]>(daemons.declared.map(({ name }) => [name, []]));
      const sums = new Map(daemons.declared.map(({ name }) => [name, { resident: 0, virtual: 0 }]));
      for (const each of listed) {
        const start = startOf(each, lateS);
        next.set(each.pid, start);
        const startedAt = start.at;
        const process = {
          pid: each.pid,
          ppid: each.parentPid,
          startTicks: startedAt * TICKS_PER_SECOND,
          comm: each.name,
          cmdline: `${each.command} ${each.params}`.trim(),
        };
        const daemon = daemons.ofProcess(process);
        if (daemon === undefined) continue;
        seen.set(each.pid, daemon);
        const memory = each.memRss * 1024;
        instances.get(daemon)?.push({
          ...process,
          state: STATES[each.state] ?? 'S',
          claimed: seen.get(each.parentPid) !== daemon,
          startedAt,
          memory,
        });
        const sum = sums.get(daemon) ?? { resident: 0, virtual: 0 };
        sums.set(daemon, { resident: sum.resident + memory, virtual: sum.virtual + each.memVsz * 1024 });
      }
      starts = next;
      const lives = ({ pid, startTicks }: ProcessFacts) =>
        next.get(pid)?.at === startTicks / TICKS_PER_SECOND;
      reports.processes(room.now(), instances, false, lives);
      for (const [daemon, { resident, virtual }] of sums) {
        out.set(RESIDENT, resident, daemon);
        out.set(VIRTUAL, virtual, daemon);
      }
    },
  };
}

/** A child belongs to its parent's daemon, so the parent is asked first. */
function parentsFirst(listed: readonly Listed[]): Listed[] {
  const byPid = new Map(listed.map(each => [each.pid, each]));
  const ordered = new Set<Listed>();
  for (const each of listed) {
    const line: Listed[] = [];
    for (
      let above: Listed | undefined = each;
      above && !ordered.has(above) && !line.includes(above);
      above = byPid.get(above.parentPid)
    )
      line.unshift(above);
    for (const one of line) ordered.add(one);
  }
  return [...ordered];
}

async function listAll(): Promise<readonly Listed[]> {
  // Ten megabytes nobody needs whose host has a /proc.
  const { processes } = await import('systeminformation');
  return (await processes()).list;
}
