// The sampler for hosts without /proc: on lists as ps(1) gives them, and beside the one of /proc on this host.
import { spawn } from 'node:child_process';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createPatterns } from '../../../agent/config/patterns.ts';
import type { SamplerRoom } from '../../../agent/core/collector.ts';
import type { Instance, MatchSpec } from '../../../agent/core/daemon.ts';
import { createLatest } from '../../../agent/core/meter.ts';
import { prometheusName } from '../../../agent/core/metric.ts';
import { createLookup } from '../../../agent/identity/lookup.ts';
import { create } from '../../../collectors/processes/index.ts';
import { createPortable, type Listed } from '../../../collectors/processes/portable.ts';
import { daemon } from '../../agent/identity/specs.ts';
import { have } from '../../tools.ts';

const NOW = Date.now();
/** The package starts a program for each process of the host, of which a busy one has thousands. */
const PATIENCE_MS = 600_000;

function world(match: MatchSpec, root: string, now = () => NOW) {
  const declared = [daemon('d', match)];
  const latest = createLatest();
  let instances: readonly Instance[] = [];
  const silent = () => {};
  const room = {
    name: 'processes',
    root,
    now,
    elapsed: now,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    daemons: createLookup({ declared, root, patterns: createPatterns(), now, elapsed: now }),
    reports: {
      processes: (_: number, all: ReadonlyMap<string, readonly Instance[]>) => {
        instances = all.get('d') ?? [];
      },
      managed: silent,
    },
  } as unknown as SamplerRoom;
  return {
    room,
    async look(sampler: ReturnType<typeof createPortable>) {
      latest.begin();
      await sampler.sample(latest, new AbortController().signal);
      latest.end();
      const series = [...latest.families()].flatMap(({ desc, points }) =>
        [...points].map(({ value }) => [prometheusName(desc).replace('eudaemon_daemon_', ''), value]),
      );
      return { instances, series: Object.fromEntries(series) as Record<string, number> };
    },
  };
}

const listed = (pid: number, rest: Partial<Listed> = {}): Listed => ({
  pid,
  parentPid: 1,
  name: 'd',
  command: '/usr/sbin/d',
  params: '',
  memRss: 10,
  memVsz: 100,
  started: '2026-11-24 15:30:14',
  state: 'sleeping',
  ...rest,
});

describe('a list of ps', () => {
  const looks = (match: MatchSpec, ...lists: Listed[][]) => {
    const w = world(match, '/nonexistent');
    let at = 0;
    const sampler = createPortable(1000, w.room, async () => lists[at++]!);
    return async () => w.look(sampler);
  };

  it('names tops and what is below them, in whatever order, without /proc', async () => {
    const look = looks({ comm: 'd' }, [
      listed(7, { parentPid: 6, name: 'job' }),
      listed(6, { parentPid: 5 }),
      listed(5),
      listed(8, { name: 'stranger' }),
      listed(9, { state: 'zombie' }),
    ]);
    const { instances, series } = await look();
    expect(instances.map(({ pid, claimed }) => [pid, claimed])).toEqual([
      [5, true],
      [6, false],
      [7, false],
    ]);
    expect(series).toEqual({ resident_memory_bytes: 30 * 1024, virtual_memory_bytes: 300 * 1024 });
    expect(instances[0]!.startedAt).toBe(new Date('2026-11-24T15:30:14').getTime() / 1000);
  });

  it('matches arguments as well', async () => {
    const look = looks({ cmdline: 'serve --port 7' }, [listed(5, { params: 'serve --port 7' }), listed(6)]);
    expect((await look()).instances.map(({ pid }) => pid)).toEqual([5]);
  });

  it('takes a start that wobbles for the same process, and one that moves for another', async () => {
    const at = (second: string) => [listed(5, { started: `2026-11-24 15:30:${second}` })];
    const look = looks({ comm: 'd' }, at('14'), at('15'), at('13'), at('40'));
    const ticks = [];
    for (let i = 0; i < 4; i++) ticks.push((await look()).instances[0]!.startTicks);
    expect(new Set(ticks.slice(0, 3)).size).toBe(1);
    expect(ticks[3]).not.toBe(ticks[0]);
  });

  it('takes a start for the same as far as a slow list may have moved it', async () => {
    let now = NOW;
    const w = world({ comm: 'd' }, '/nonexistent', () => now);
    /** What each list says, and how many seconds it takes. */
    const lists: [string, number][] = [
      ['20', 8],
      ['14', 0],
      ['24', 5],
      ['50', 1],
    ];
    const sampler = createPortable(1000, w.room, async () => {
      const [second, took] = lists.shift()!;
      now += took * 1000;
      return [listed(5, { started: `2026-11-24 15:30:${second}` })];
    });
    const ticks = [];
    for (let i = 0; i < 4; i++) ticks.push((await w.look(sampler)).instances[0]!.startTicks);
    expect(new Set(ticks.slice(0, 3)).size).toBe(1);
    expect(ticks[3]).not.toBe(ticks[0]);
  });

  it('tells of a daemon that does not run that it uses nothing', async () => {
    expect((await looks({ comm: 'd' }, [listed(8, { name: 'stranger' })])()).series).toEqual({
      resident_memory_bytes: 0,
      virtual_memory_bytes: 0,
    });
  });

  it.each([
    ['parents that are each other’s child', [listed(5, { parentPid: 6 }), listed(6, { parentPid: 5 })], 2],
    ['a start nobody can read', [listed(5, { started: 'Tue' })], 1],
    ['nothing', [], 0],
  ])('%s', async (_, list, count) => {
    expect((await looks({ comm: 'd' }, list)()).instances).toHaveLength(count);
  });
});

if (have('perl', 'ps'))
  it('agrees with /proc on this host: who, since when, and how large', { timeout: PATIENCE_MS }, async () => {
    // Another run of this test may be under way beside this one.
    const mark = `portable-${process.pid}`;
    const child = spawn('perl', ['-e', '$| = 1; fork; print "up\\n"; <STDIN>', mark]);
    onTestFinished(() => void child.stdin.end());
    // Both have begun, and do nothing more.
    let up = '';
    for await (const text of child.stdout) {
      up += text;
      if (up.length >= 6) break;
    }
    const match = { comm: 'perl', cmdline: ` ${mark}$` };
    const options = { interval: 1000, details_interval: 1000, pss: false, undeclared: 0 } as const;
    const one = world(match, '/');
    const [forced] = create({ ...options, source: 'portable', exits: 'sample' }, one.room);
    const asked = performance.now();
    const portable = await one.look(forced!);
    const lateS = (performance.now() - asked) / 1000;
    const other = world(match, '/');
    const [sampler] = create({ ...options, source: 'auto', exits: 'sample' }, other.room);
    const exact = await other.look(sampler!);
    expect(exact.instances).toHaveLength(2);
    const who = ({ instances }: typeof exact) =>
      instances
        .map(({ pid, ppid, comm, claimed }) => ({ pid, ppid, comm, claimed }))
        .sort((a, b) => a.pid - b.pid);
    expect(who(portable)).toEqual(who(exact));
    for (const { pid, startedAt } of exact.instances) {
      const late = portable.instances.find(each => each.pid === pid)!.startedAt - startedAt;
      expect(late).toBeGreaterThanOrEqual(-2);
      expect(late).toBeLessThanOrEqual(2 + lateS);
    }
    for (const name of ['resident_memory_bytes', 'virtual_memory_bytes'])
      expect(portable.series[name]! / exact.series[name]!).toBeCloseTo(1, 1);
    expect(portable.series).not.toHaveProperty('cpu_seconds');
  });
