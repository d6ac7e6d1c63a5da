// Troubles of daemons on a clock of the test: what is told, when, and when it is over.
import { describe, expect, it } from 'vitest';
import type { Alert } from '../../../agent/core/alert.ts';
import type { AgentEvent } from '../../../agent/core/collector.ts';
import { createAlerts } from '../../../agent/identity/alerts.ts';
import type { DaemonStatus } from '../../../agent/identity/series.ts';

const T0 = 1_700_000_000_000;
const AFTER_MS = 60_000;
const KILLED = { reason: 'signal', code: 9, signal: 'SIGKILL', source: 'netlink', pid: 7, at: T0 } as const;

const status = (given: Partial<DaemonStatus> = {}): DaemonStatus => ({
  name: 'nginx',
  labels: {},
  up: true,
  state: 'healthy',
  since: T0,
  running: 1,
  startedAt: T0,
  instances: [],
  pids: [],
  restarts: 0,
  exits: { exit: 0, signal: 0, oom: 0, unknown: 0 },
  oomKills: 0,
  lastExit: undefined,
  checks: [],
  infos: [],
  expectations: [],
  ...given,
});
const failing = { name: 'web', healthy: false, message: 'connection refused', since: T0 };

function world(firing: readonly Alert[] = []) {
  let at = 0;
  let daemons: readonly DaemonStatus[] = [];
  const events: AgentEvent[] = [];
  const alerts = createAlerts({
    table: { snapshot: () => [...daemons] },
    events: { emit: event => void events.push(event) },
    clock: { now: () => T0 + at, elapsed: () => at },
    firing,
  });
  return {
    alerts,
    events,
    /** How the daemons stand after so many seconds; what is told then, as `name` or `over name`. */
    later(seconds: number, ...next: readonly Partial<DaemonStatus>[]): string[] {
      at += seconds * 1000;
      daemons = next.map(status);
      return alerts
        .judge(AFTER_MS)
        .map(({ name, endsAt }) => `${endsAt === undefined ? '' : 'over '}${name.replace('Eudaemon', '')}`);
    },
  };
}

describe('a trouble', () => {
  it.each<[string, Partial<DaemonStatus>, string, string]>([
    [
      'absent',
      { state: 'absent', lastExit: { ...KILLED, at: T0 - 3_600_000 } },
      'DaemonDown',
      'nginx is not running; nginx[7] was killed by SIGKILL',
    ],
    ['never there', { state: 'absent' }, 'DaemonDown', 'nginx is not running'],
    ['crash_looping', { state: 'crash_looping' }, 'DaemonCrashLooping', 'nginx dies again and again'],
    ['hung', { state: 'hung', hangs: 'why', checks: [failing] }, 'DaemonHung', 'nginx runs, but hangs: why'],
    [
      'a check',
      { state: 'unhealthy', checks: [failing] },
      'HealthCheckFailing',
      'check web of nginx fails: connection refused',
    ],
    [
      'an expectation',
      { expectations: [{ name: 'memory', condition: '< 2GiB', met: false }] },
      'ExpectationUnmet',
      'nginx is expected to have memory < 2GiB, and has not',
    ],
  ])(
    '%s is told once when it has lasted, and over when it has been for as long',
    (_, given, name, summary) => {
      const { later, alerts, events } = world();
      expect(later(0, given)).toEqual([]);
      expect(later(59, given)).toEqual([]);
      expect(later(1, given)).toEqual([name]);
      expect(later(600, given)).toEqual([]);
      expect(alerts.firing).toMatchObject([{ daemon: 'nginx', summary, startsAt: T0 }]);
      expect(later(1, {})).toEqual([]);
      expect(later(59, {})).toEqual([]);
      expect(later(1, {})).toEqual([`over ${name}`]);
      expect(alerts.firing).toEqual([]);
      expect(events.map(({ name, daemon }) => [name, daemon])).toEqual([
        ['eudaemon.alert.fired', 'nginx'],
        ['eudaemon.alert.resolved', 'nginx'],
      ]);
    },
  );

  it('that does not last is none, and one that comes back meanwhile is the same', () => {
    const { later } = world();
    const down = { state: 'absent' } as const;
    expect([later(0, down), later(59, {}), later(60, down), later(59, down)].flat()).toEqual([]);
    expect(later(1, down)).toEqual(['DaemonDown']);
    expect([later(30, {}), later(59, down), later(59, {}), later(59, {})].flat()).toEqual([]);
    expect(later(1, {})).toEqual(['over DaemonDown']);
  });

  it('of two checks is two, under the labels of the daemon', () => {
    const { later, alerts } = world();
    const given = {
      labels: { team: 'web', check: 'a label of ours' },
      checks: [failing, { ...failing, name: 'port' }],
    };
    later(0, given);
    expect(later(60, given)).toEqual(['HealthCheckFailing', 'HealthCheckFailing']);
    expect(alerts.firing.map(({ labels }) => labels)).toEqual([
      { team: 'web', check: 'web' },
      { team: 'web', check: 'port' },
    ]);
    expect(later(1, { checks: [failing] })).toEqual([]);
    expect(later(60, { checks: [failing] })).toEqual(['over HealthCheckFailing']);
  });

  it('of one that is down is that it is down', () => {
    const { later } = world();
    const given = {
      state: 'absent',
      checks: [failing],
      expectations: [{ name: 'instances', condition: '>= 1', met: false }],
    } as const;
    later(0, given);
    expect(later(60, given)).toEqual(['DaemonDown']);
  });

  it('that cannot be told is none', () => {
    const { later } = world();
    const given = { expectations: [{ name: 'memory', condition: '< 2GiB', met: undefined }] };
    later(0, given);
    expect(later(600, given)).toEqual([]);
  });

  it('of one that is declared no more is over', () => {
    const { later } = world();
    later(0, { state: 'absent' });
    later(60, { state: 'absent' });
    later(1);
    expect(later(60)).toEqual(['over DaemonDown']);
  });

  it('that was told in the life before is not told again, and is over when it is', () => {
    const first = world();
    first.later(0, { state: 'absent' });
    first.later(60, { state: 'absent' });
    const { later } = world(structuredClone(first.alerts.firing));
    expect([later(0, { state: 'absent' }), later(600, { state: 'absent' })].flat()).toEqual([]);
    expect([later(1, {}), later(60, {})].flat()).toEqual(['over DaemonDown']);
  });
});

describe('an end', () => {
  const dead = (at: number, exit: object = KILLED) =>
    ({ state: 'starting', lastExit: { ...KILLED, ...exit, at: T0 + at * 1000 } }) as const;

  it('is told at once, and that it is past is no news', () => {
    const { later, alerts } = world();
    expect(later(1, dead(1))).toEqual(['DaemonDied']);
    expect(alerts.firing).toMatchObject([{ summary: 'nginx[7] was killed by SIGKILL', severity: 'warning' }]);
    expect(later(60, dead(1))).toEqual([]);
    expect(later(540, dead(1))).toEqual([]);
    expect(alerts.firing).toEqual([]);
    expect(later(60, {})).toEqual([]);
  });

  it('after another within ten minutes is the same news', () => {
    const { later } = world();
    expect(later(1, dead(1))).toEqual(['DaemonDied']);
    expect([later(599, dead(600)), later(599, dead(600))].flat()).toEqual([]);
    expect([later(1, dead(600)), later(1, dead(1201))].flat()).toEqual(['DaemonDied']);
  });

  it.each([
    ['with status 0', { reason: 'exit', code: 0, signal: undefined }],
    ['by SIGTERM', { code: 15, signal: 'SIGTERM' }],
  ])('%s is none', (_, exit) => expect(world().later(1, dead(1, exit))).toEqual([]));
});

describe('one that was stopped', () => {
  it('is told after a quarter of an hour', () => {
    const { later } = world();
    const given = { state: 'stopped', lastExit: KILLED } as const;
    expect([later(0, given), later(899, given)].flat()).toEqual([]);
    expect(later(1, given)).toEqual(['DaemonStopped']);
  });

  it('and is expected to be down is not', () => {
    const { later } = world();
    const given = { state: 'stopped', expectedDown: { since: T0 } } as const;
    expect([later(0, given), later(9000, given)].flat()).toEqual([]);
  });
});
