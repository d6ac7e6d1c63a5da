// The flight recorder: what it remembers of samplers' figures, and when daemons run out of what they have.
import { describe, expect, it, test } from 'vitest';
import { createLatest } from '../../../agent/core/meter.ts';
import type { Desc } from '../../../agent/core/metric.ts';
import { createRecorder } from '../../../agent/identity/recorder.ts';
import { createRing } from '../../../agent/identity/ring.ts';
import { figure } from '../../figure.ts';
import { daemon } from './specs.ts';

const T0 = 1_700_000_000_000;
const MiB = 2 ** 20;
const desc = (name: string, ...labels: string[]): Desc => ({ name, type: 'gauge', help: '', labels });
const FAMILIES = {
  user: desc('eudaemon.daemon.cpu', 'daemon', 'mode'),
  memory: desc('eudaemon.daemon.resident_memory', 'daemon'),
  private: desc('eudaemon.daemon.anonymous_memory', 'daemon'),
  fds: desc('eudaemon.daemon.open_fds', 'daemon'),
  share: desc('eudaemon.daemon.max_fds_ratio', 'daemon'),
  deleted: desc('eudaemon.daemon.deleted_open', 'daemon'),
  limit: desc('eudaemon.daemon.cgroup_memory_limit', 'daemon'),
  free: desc('eudaemon.daemon.deleted_open_free', 'daemon'),
  available: desc('system.memory.linux.available'),
};
type Figures = Partial<Record<keyof typeof FAMILIES, number>>;

function world(expected: { memory?: string } = {}) {
  let epoch = T0;
  const recorder = createRecorder([daemon('d', { comm: 'd' }, { expect: expected })], () => epoch);
  const samplers = [createLatest(), createLatest()];
  let at = 0;
  const told = (sampler: number, figures: Figures) => {
    const latest = samplers[sampler]!;
    latest.begin();
    for (const [key, value] of Object.entries(figures)) {
      const of = FAMILIES[key as keyof Figures];
      if (key === 'available') latest.set(of, value);
      else if (key === 'user') for (const mode of ['user', 'system']) latest.set(of, value / 2, 'd', mode);
      else latest.set(of, value, 'd');
    }
    latest.end();
    recorder.take(at, latest.families());
  };
  return {
    recorder,
    /** `n` cycles, `stepMs` apart, of processes. */
    cycles(n: number, figures: (i: number) => Figures, stepMs = 10_000) {
      for (let i = 0; i < n; i++, at += stepMs) told(0, { memory: 1, private: 1, ...figures(i) });
      return this;
    },
    details(figures: Figures) {
      told(1, figures);
      return this;
    },
    gone() {
      told(0, { memory: 0, private: 0, fds: 0, share: 0 });
      return this;
    },
    now: () => epoch + at,
    /** Somebody sets the clock ahead by so much. */
    set(ms: number) {
      epoch += ms;
      return this;
    },
    left: () => recorder.exhaustion('d'),
  };
}

describe('time until exhaustion', () => {
  it.each<[string, Figures, (i: number) => Figures, string | undefined, Record<string, number>]>([
    ['fds', {}, i => ({ share: 0.1 + i / 1000 }), undefined, { fds: (0.9 - 0.058) / 0.0001 }],
    ['fds beyond the limit', {}, i => ({ share: 1.2 + i / 1000 }), undefined, { fds: 0 }],
    ['no memory limit', {}, i => ({ private: i * MiB }), undefined, {}],
    [
      'memory of the host',
      { available: 600 * MiB },
      i => ({ private: i * MiB }),
      undefined,
      { memory: 6000 },
    ],
    [
      'memory of the control group',
      { available: 6000 * MiB, limit: 100 * MiB },
      i => ({ private: i * MiB }),
      undefined,
      { memory: 420 },
    ],
    ['memory expected', {}, i => ({ memory: i * MiB }), '< 158MiB', { memory: 1000 }],
    ['memory expected to be more', {}, i => ({ memory: i * MiB }), '> 158MiB', {}],
    ['caches of the group', { limit: 100 * MiB }, i => ({ memory: i * MiB }), undefined, {}],
    ['no figure', {}, () => ({ share: Number.NaN }), undefined, {}],
    ['a week and more', { available: 2 ** 50 }, i => ({ private: i }), undefined, {}],
  ])('%s', (_, details, figures, memory, expected) => {
    const w = world({ memory }).details(details).cycles(60, figures);
    const left = w.left();
    expect(Object.keys(left)).toEqual(Object.keys(expected));
    for (const [resource, seconds] of Object.entries(expected))
      expect(left[resource as keyof typeof left]! / (seconds || 1)).toBeCloseTo(seconds && 1, 1);
  });

  test('disk, by files that are deleted and grow', () => {
    const w = world();
    for (let i = 0; i < 40; i++)
      w.details({ deleted: i * 3 * MiB, free: 1000 * MiB - i * 3 * MiB }).cycles(3, () => ({}));
    expect(w.left().disk! / 8830).toBeCloseTo(1, 1);
    const latest = createLatest();
    latest.begin();
    w.recorder.sample(latest);
    expect(figure(latest, 'eudaemon_daemon_exhaustion_seconds', { daemon: 'd', resource: 'disk' })).toBe(
      w.left().disk,
    );
    expect(
      figure(latest, 'eudaemon_daemon_exhaustion_seconds', { daemon: 'd', resource: 'fds' }),
    ).toBeUndefined();
  });

  test('a leak too slow for minutes shows in hours', () => {
    const w = world().cycles(720, i => ({ share: Math.floor(i / 60) / 100 }));
    expect(w.left().fds).toBeGreaterThan(40_000);
    expect(w.left().fds).toBeLessThan(65_000);
  });

  test('who breathes in the rhythm of an hour does not run out', () => {
    const w = world();
    for (let i = 0; i < 8; i++) w.cycles(90, i => ({ share: 0.1 + i / 120 }));
    expect(w.left()).toEqual({});
  });

  test('a new life starts from nothing, and the dead need nothing', () => {
    const w = world().cycles(60, i => ({ share: i / 100 }));
    expect(w.left().fds).toBeGreaterThan(0);
    expect(w.gone().left()).toEqual({});
    w.recorder.began('d', w.now());
    expect(w.cycles(3, i => ({ share: i / 100 })).left()).toEqual({});
    expect(w.cycles(30, i => ({ share: 0.03 + i / 100 })).left().fds).toBeGreaterThan(0);
  });

  test('a limit that is taken away is none', () => {
    const w = world()
      .details({ limit: 100 * MiB })
      .cycles(60, i => ({ private: i * MiB }));
    expect(w.left().memory).toBeGreaterThan(0);
    expect(
      w
        .details({})
        .cycles(1, () => ({ private: 60 * MiB }))
        .left(),
    ).toEqual({});
  });

  test('a daemon that is no longer declared, and one that is anew', () => {
    const w = world().cycles(60, i => ({ share: i / 100 }));
    w.recorder.declare([]);
    expect(w.cycles(1, () => ({ share: 0.6 })).left()).toEqual({});
    w.recorder.declare([daemon('d', { comm: 'd' })]);
    expect(w.recorder.samples('d', 0).at).toEqual([]);
  });
});

describe('samples', () => {
  test('cores between two, gaps as null, no more than asked for', () => {
    const w = world().cycles(5, i => ({ user: i * 5, memory: 7, fds: i === 2 ? Number.NaN : 3, share: 0.5 }));
    expect(w.recorder.samples('d', T0)).toEqual({
      at: [0, 1, 2, 3, 4].map(i => T0 + i * 10_000),
      cpu: [null, 0.5, 0.5, 0.5, 0.5],
      memory: [7, 7, 7, 7, 7],
      fds: [3, 3, null, 3, 3],
      fdUsage: [0.5, 0.5, 0.5, 0.5, 0.5],
    });
    expect(w.recorder.samples('d', T0 + 30_000).at).toHaveLength(2);
    expect(w.recorder.samples('nobody', 0).at).toEqual([]);
  });

  test.each([3_600_000, -3_600_000])('go on when the clock is set by %i ms, by which they are told', ms => {
    const w = world().cycles(3, i => ({ user: i * 5 }));
    w.set(ms).cycles(2, i => ({ user: 15 + i * 5 }));
    expect(w.recorder.samples('d', T0 + ms)).toMatchObject({
      at: [0, 1, 2, 3, 4].map(i => T0 + ms + i * 10_000),
      cpu: [null, 0.5, 0.5, 0.5, 0.5],
    });
    expect(w.recorder.cpu('d', w.now() - 30_000)).toBe(0.5);
  });

  test('a fast sampler does not shorten the memory, and the newest stays', () => {
    const w = world().cycles(3600, i => ({ fds: i }), 1000);
    const { at, fds } = w.recorder.samples('d', T0 + 3_000_000);
    expect(at.length).toBeGreaterThan(115);
    expect(fds.at(-1)).toBe(3599);
    expect(w.recorder.samples('d', 0).at).toHaveLength(128);
  });

  test('a counter that fell back gives no cores', () => {
    const w = world().cycles(2, i => ({ user: 10 - i }));
    expect(w.recorder.samples('d', 0).cpu).toEqual([null, 0]);
    expect(w.recorder.cpu('d', 0)).toBe(0);
  });

  test('cores in use now are those between the latest two', () => {
    const w = world();
    expect(w.recorder.cpu('d', 0)).toBeUndefined();
    w.cycles(1, () => ({ user: 1 }));
    expect(w.recorder.cpu('d', 0)).toBeUndefined();
    w.cycles(4, i => ({ user: i * i }));
    expect(w.recorder.cpu('d', 0)).toBe(0.5);
    expect(w.recorder.cpu('d', 0)).toBe(w.recorder.samples('d', 0).cpu.at(-1));
    expect(w.recorder.cpu('d', T0 + 86_400_000)).toBeUndefined();
    expect(w.recorder.cpu('nobody', 0)).toBeUndefined();
  });
});

describe('ring', () => {
  test('against a list, whatever is pushed', () => {
    const ring = createRing(4, 1, 10);
    const times = new Float64Array(4);
    const values = new Float64Array(4);
    const read = (since = 0) => {
      const n = ring.read(0, since, times, values);
      return Array.from({ length: n }, (_, i) => [times[i]! * 1000, values[i]!]);
    };
    expect(read()).toEqual([]);
    expect(ring.begin(0)).toBe(Infinity);
    for (const time of [0, 4, 8, 12, 13, 30, 40]) ring.push(time, [time * 2]);
    expect(read().map(([time]) => time)).toEqual([0, 12, 30, 40]);
    ring.push(50, [Number.NaN]);
    expect(read().map(([time]) => time)).toEqual([12, 30, 40]);
    expect(read(30)).toEqual([
      [30, 60],
      [40, 80],
    ]);
    expect(ring.begin(13)).toBe(30);
  });
});
