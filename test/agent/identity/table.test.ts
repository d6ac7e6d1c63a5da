// The daemon table: series from the first sample, instances that come and go, expectations, checks and events.
import { describe, expect, it } from 'vitest';
import type { AgentEvent } from '../../../agent/core/collector.ts';
import {
  DAEMON_STATES,
  type DaemonSpec,
  type Exit,
  type ExpectSpec,
  type Instance,
  type ManagerWord,
} from '../../../agent/core/daemon.ts';
import { createLatest } from '../../../agent/core/meter.ts';
import { prometheusName } from '../../../agent/core/metric.ts';
import type { Posture } from '../../../agent/core/posture.ts';
import type { LastEnd, Witness } from '../../../agent/identity/certificates.ts';
import { exited } from '../../../agent/identity/events.ts';
import type { Roll } from '../../../agent/identity/rolls.ts';
import { createTable } from '../../../agent/identity/table.ts';
import type { Wish } from '../../../agent/identity/wishes.ts';
import { check, daemon } from './specs.ts';

const T0 = 1_700_000_000_000;

/** A table with one daemon `d` and a clock the test moves in seconds. */
function world(
  spec: Partial<DaemonSpec> = {},
  declared = [daemon('d', { comm: 'd' }, spec)],
  lastEnd?: LastEnd,
  roll?: Roll,
) {
  let at = T0;
  let elapsed = 0;
  const events: AgentEvent[] = [];
  const witness: Witness = {
    began() {},
    managed() {},
    lastEnd: () => lastEnd,
    hasEnded: (_, { pid }) => pid === lastEnd?.pid,
    ended: (at, daemon, { pid, comm, startedAt }, exit, checks) => {
      const process = { pid, program: comm, ...(startedAt && { startedAt: startedAt * 1000 }) };
      const samples = { at: [], cpu: [], memory: [], fds: [], fdUsage: [] };
      events.push(exited({ daemon, at, ...process, exit, checks, samples, logs: [], alsoDied: [] }));
    },
  };
  const wishes = new Map<string, Wish>();
  /** `at` by the monotonic clock, which was 0 at T0. */
  const logged: { at: number | undefined; limit: number | undefined } = { at: undefined, limit: undefined };
  const table = createTable({
    declared,
    events: { emit: event => void events.push(event) },
    witness,
    voices: { heardAt: () => logged.at, limit: () => logged.limit },
    wishes: {
      of: name => wishes.get(name),
      set: (name, wish) => void wishes.set(name, wish),
      drop: name => wishes.delete(name),
    },
    rolls: { last: () => roll },
    startedAt: T0,
    elapsed: () => elapsed,
  });
  const instance = (pid: number, rest: Partial<Instance> = {}): Instance => ({
    pid,
    ppid: 1,
    startTicks: pid,
    comm: 'd',
    state: 'S',
    claimed: true,
    startedAt: at / 1000,
    ...rest,
  });
  return {
    table,
    instance,
    after(seconds: number) {
      at += seconds * 1000;
      elapsed += seconds * 1000;
      return this;
    },
    /** Somebody sets the clock ahead by so much. */
    set(seconds: number) {
      at += seconds * 1000;
      return this;
    },
    look(...instances: Instance[]) {
      table.reports.processes(at, new Map([['d', instances]]));
      return this;
    },
    exited(process: Instance, exit: Exit) {
      table.reports.exited(at, 'd', process, exit);
      return this;
    },
    logged,
    /** The agent is told something about a daemon; undefined when it knows none such. */
    command: (path: string, query: Record<string, string>) =>
      table.commands(() => at)[path]!(new URLSearchParams(query)),
    manager(word: ManagerWord | undefined) {
      table.reports.managed(at, 'd', word);
      return this;
    },
    check(name: string, healthy: boolean, message = '', timedOut = false) {
      table.reports.check(at, 'd', name, healthy, message, timedOut);
      return this;
    },
    /** `name{label,…}` to value, of `d` without its name. */
    series(): Record<string, number> {
      const latest = createLatest();
      latest.begin();
      table.sample(latest, at);
      const found: Record<string, number> = {};
      for (const { desc, points } of latest.families())
        for (const { labels, value } of points)
          found[`${prometheusName(desc).replace('eudaemon_', '')}{${labels.join(',')}}`] = value;
      return found;
    },
    state: () => table.snapshot(at)[0]!.state,
    status: () => table.snapshot(at)[0]!,
    told: () => events.splice(0).map(({ name, body }) => `${name.replace('eudaemon.', '')}: ${body}`),
    events,
  };
}

describe('who ran at the last look of the agent before', () => {
  const at = T0 - 60_000;
  const { instance } = world();
  const old = (pid: number, rest: Partial<Instance> = {}) =>
    instance(pid, { startedAt: (T0 - 100_000) / 1000, session: pid, ...rest });
  const next = (roll: Partial<Roll>, lastEnd?: LastEnd) =>
    world({}, undefined, lastEnd, { at, tops: [], leftOver: [], ...roll });

  it('and is gone has ended in between', () => {
    const w = next({ tops: [old(5)] }).look();
    expect(w.told()).toEqual(['daemon.exited: d[5] ended while no agent ran after 40 s to 1 min 40 s']);
    expect(w.series()).toMatchObject({
      'daemon_exits{d,unknown}': 1,
      'daemon_restarts{d}': 0,
      'daemon_state{d,absent}': 1,
    });
  });

  it('and has another in its place was restarted', () => {
    const w = next({ tops: [old(5)] }).look(instance(6));
    expect(w.told()).toEqual([
      'daemon.exited: d[5] ended while no agent ran after 40 s to 1 min 40 s',
      'daemon.started: d restarted as process 6',
    ]);
    expect(w.series()).toMatchObject({ 'daemon_restarts{d}': 1, 'daemon_up{d}': 1 });
  });

  it('and has ended by then is taken the place of, too', () => {
    const lastEnd = { reason: 'exit', code: 0, pid: 5, at: at - 10_000 } as const;
    const w = next({}, lastEnd).look(instance(6));
    expect(w.told()).toEqual(['daemon.started: d restarted as process 6']);
    expect(w.series()).toMatchObject({ 'daemon_restarts{d}': 1 });
  });

  it.each<[string, Partial<Roll>, LastEnd | undefined, Instance[], number]>([
    ['still runs', { tops: [old(5)] }, undefined, [old(5)], 1],
    ['was left over', { leftOver: [old(6)] }, undefined, [old(6)], 0],
    ['was told to have ended', { tops: [old(5)] }, { reason: 'oom', pid: 5, at }, [], 0],
    ['was there before one ended', { tops: [old(5)] }, { reason: 'oom', pid: 4, at: at + 1 }, [], 0],
    ['ran beside, of another match', { tops: [old(5)] }, undefined, [old(5), old(6)], 2],
  ])('and %s has not ended', (_, roll, lastEnd, instances, running) => {
    const w = next(roll, lastEnd).look(...instances);
    expect(w.told()).toEqual([]);
    expect(w.series()).toMatchObject({ 'daemon_exits{d,unknown}': 0, 'daemon_instances{d}': running });
  });

  it('and lives, but is none of its any more, has not ended', () => {
    const w = next({ tops: [old(5)] });
    w.table.reports.processes(T0, new Map([['d', [old(6)]]]), true, () => true);
    expect(w.told()).toEqual([]);
    expect(w.series()).toMatchObject({ 'daemon_instances{d}': 1 });
  });

  it('is taken the place of by one that begins before the first look, once', () => {
    const w = next({ tops: [old(5)] });
    w.table.reports.began(T0, 'd', instance(6));
    w.look(instance(6));
    expect(w.told()).toEqual([
      'daemon.started: d started as process 6',
      'daemon.exited: d[5] ended while no agent ran after 40 s to 1 min 40 s',
    ]);
    expect(w.series()).toMatchObject({ 'daemon_exits{d,unknown}': 1, 'daemon_instances{d}': 1 });
  });

  it('has left workers that are no instances', () => {
    const w = next({ tops: [old(5)] })
      .look(old(6, { session: 5 }))
      .look();
    expect(w.told()).toEqual([
      'daemon.exited: d[5] ended while no agent ran after 40 s to 1 min 40 s',
      'daemon.state_changed: d is absent, was healthy',
    ]);
  });

  it('was stopped when its pidfile is gone, which says nothing of one that has never run', () => {
    const word = { by: 'pidfile', stopped: true, says: 'd.pid is gone' } as const;
    expect(
      next({ tops: [old(5)] })
        .look()
        .manager(word)
        .state(),
    ).toBe('stopped');
    expect(next({}).look().manager(word).state()).toBe('absent');
  });

  it('is told by the table, once it has looked', () => {
    const w = world();
    expect(w.table.settle(T0).size).toBe(0);
    const top = old(5);
    expect(w.look(top).table.settle(T0)).toEqual(new Map([['d', { at: T0, tops: [top], leftOver: [] }]]));
  });
});

describe('series', () => {
  it('are all there before anything was seen', () => {
    const w = world({ expect: { memory: '< 2GiB', fd_usage: '< 80%', restarts: '< 3 in 10m' } });
    const states = Object.fromEntries(
      DAEMON_STATES.map(state => [`daemon_state{d,${state}}`, state === 'starting' ? 1 : 0]),
    );
    expect(w.series()).toEqual({
      ...states,
      'daemon_up{d}': 0,
      'daemon_instances{d}': 0,
      'daemon_restarts{d}': 0,
      'daemon_expected_down{d}': 0,
      'daemon_exits{d,exit}': 0,
      'daemon_exits{d,signal}': 0,
      'daemon_exits{d,oom}': 0,
      'daemon_exits{d,unknown}': 0,
      'daemon_oom_kills{d}': 0,
      'expectation_met{d,instances}': 0,
      'expectation_met{d,memory}': 1,
      'expectation_met{d,fd_usage}': 1,
      'expectation_met{d,restarts}': 1,
    });
    expect(w.told()).toEqual([]);
    expect(w.look().state()).toBe('absent');
  });

  it('tell of a daemon that runs', () => {
    const w = world();
    w.look(
      w.instance(5, { startedAt: 1000.5 }),
      w.instance(6, { startedAt: 2000 }),
      w.instance(7, { claimed: false, ppid: 6 }),
    );
    expect(w.series()).toMatchObject({
      'daemon_up{d}': 1,
      'daemon_instances{d}': 2,
      'daemon_start_time_seconds{d}': 1000.5,
      'daemon_state{d,healthy}': 1,
      'daemon_state{d,absent}': 0,
      'expectation_met{d,instances}': 1,
    });
  });

  it('lose the start time with the last instance, and nothing else', () => {
    const w = world();
    const before = Object.keys(w.look(w.instance(5)).series());
    const after = Object.keys(w.look().series());
    expect(before.filter(name => !after.includes(name))).toEqual(['daemon_start_time_seconds{d}']);
  });

  it('take no notice of daemons nobody declared', () => {
    const w = world();
    w.table.reports.check(T0, 'x', 'web', false, '');
    w.table.reports.exited(T0, 'x', w.instance(5), { reason: 'exit' });
    w.table.reports.processes(T0, new Map([['x', [w.instance(5)]]]));
    expect(w.table.snapshot(T0).map(({ name, up }) => [name, up])).toEqual([['d', false]]);
  });
});

describe('instances', () => {
  it('that were there before us have neither started nor restarted', () => {
    const w = world();
    w.look(w.instance(5, { startedAt: 1 }));
    expect(w.told()).toEqual([]);
    expect(w.status()).toMatchObject({ restarts: 0, since: T0 });
  });

  it('that come, go and come back are events and a restart', () => {
    const w = world();
    w.look();
    w.after(10).look(w.instance(5));
    w.after(10).look();
    expect(w.series()).toMatchObject({
      'daemon_up{d}': 0,
      'daemon_exits{d,unknown}': 1,
      'daemon_restarts{d}': 0,
    });
    w.after(10).look(w.instance(6));
    expect(w.series()).toMatchObject({
      'daemon_up{d}': 1,
      'daemon_exits{d,unknown}': 1,
      'daemon_restarts{d}': 1,
    });
    expect(w.told()).toEqual([
      'daemon.started: d started as process 5',
      'daemon.state_changed: d is healthy, was absent',
      'daemon.exited: d[5] ended unseen after 10 s',
      'daemon.state_changed: d is absent, was healthy',
      'daemon.started: d restarted as process 6',
      'daemon.state_changed: d is healthy, was absent',
    ]);
  });

  it('replaced between two looks are a restart, also behind the same pid', () => {
    const w = world();
    w.look(w.instance(5))
      .look(w.instance(6))
      .look(w.instance(6, { startTicks: 99 }));
    expect(w.status()).toMatchObject({ restarts: 2, up: true, exits: { unknown: 2 } });
  });

  it('added to others are no restart, and neither are those that stay', () => {
    const w = world();
    const [a, b] = [w.instance(5), w.instance(6)];
    w.look(a).look(a, b).look(b).look(b);
    expect(w.status()).toMatchObject({ restarts: 0, exits: { unknown: 1 } });
    w.look(b, w.instance(7));
    expect(w.status()).toMatchObject({ restarts: 1 });
  });

  it('left behind by their parent neither begin nor end as instances', () => {
    const w = world();
    const worker = w.instance(6, { ppid: 5, claimed: false });
    w.look(w.instance(5), worker);
    w.look({ ...worker, ppid: 1, claimed: true });
    expect(w.status()).toMatchObject({ restarts: 0, exits: { unknown: 1 }, up: true });
    w.look();
    expect(w.status()).toMatchObject({ restarts: 0, exits: { unknown: 1 }, up: false });
    w.look(w.instance(7));
    expect(w.status()).toMatchObject({ restarts: 1 });
  });
});

describe('ends told by others', () => {
  it('count once, with their reason, at once', () => {
    const w = world();
    const five = w.instance(5);
    w.look(five).after(10);
    w.exited(five, { reason: 'signal', code: 9 });
    expect(w.series()).toMatchObject({ 'daemon_up{d}': 0, 'daemon_exits{d,signal}': 1 });
    w.exited(five, { reason: 'signal', code: 9 });
    w.look();
    expect(w.status()).toMatchObject({
      exits: { signal: 1, unknown: 0 },
      lastExit: { reason: 'signal', code: 9, pid: 5, at: T0 + 10_000 },
    });
    expect(w.told()).toEqual([
      'daemon.exited: d[5] was killed by signal 9 after 10 s',
      'daemon.state_changed: d is absent, was healthy',
    ]);
  });

  it('of children are of no account', () => {
    const w = world();
    const child = w.instance(6, { ppid: 5, claimed: false });
    w.look(w.instance(5), child).exited(child, { reason: 'signal', code: 11 });
    expect(w.status()).toMatchObject({ exits: { signal: 0 }, pids: [5, 6] });
  });

  it('of lives between two looks are restarts', () => {
    const w = world();
    const five = w.instance(5);
    w.look(five).exited(five, { reason: 'exit', code: 1 });
    for (const pid of [6, 7, 8]) w.exited(w.instance(pid), { reason: 'exit', code: 1 });
    expect(w.status()).toMatchObject({ restarts: 3, exits: { exit: 4 }, state: 'crash_looping' });
    w.look(w.instance(9));
    expect(w.status()).toMatchObject({ restarts: 4, exits: { exit: 4 } });
  });

  it.each([
    [{ reason: 'exit', code: 0 }, 'stopped', 'with status 0', 9],
    [{ reason: 'exit', code: 3 }, 'absent', 'with status 3', 17],
    [{ reason: 'signal', code: 15 }, 'stopped', 'by signal 15', 9],
    [{ reason: 'oom' }, 'absent', 'because memory ran out', 17],
  ] as [Exit, string, string, number][])('%j: %s', (exit, state, words, severity) => {
    const w = world();
    const five = w.instance(5);
    w.look(five).exited(five, exit);
    expect(w.state()).toBe(state);
    expect(w.events[0]).toMatchObject({ severity, body: expect.stringContaining(words) });
    expect(w.events[0]!.attributes).toMatchObject({ 'process.pid': 5, 'eudaemon.exit.reason': exit.reason });
  });
});

describe('an end told by an earlier life of the agent', () => {
  const ended = (exit: Exit) => world({}, undefined, { ...exit, pid: 5, at: T0 - 60_000 });

  it.each<[Exit, string]>([
    [{ reason: 'exit', code: 0 }, 'stopped'],
    [{ reason: 'signal', code: 15 }, 'stopped'],
    [{ reason: 'signal', code: 11 }, 'absent'],
  ])('%j: it is %s still, and who comes up takes the place', (exit, state) => {
    const w = ended(exit).look();
    expect(w.status()).toMatchObject({ state, lastExit: { pid: 5 }, exits: { exit: 0, signal: 0 } });
    w.after(10).look(w.instance(6));
    expect(w.status()).toMatchObject({ state: 'healthy', restarts: 1 });
  });

  it('is of the past when another runs', () => {
    const w = ended({ reason: 'exit', code: 0 });
    w.look(w.instance(6));
    expect(w.status()).toMatchObject({ state: 'healthy', restarts: 0 });
    w.look().look(w.instance(7));
    expect(w.status()).toMatchObject({ restarts: 1 });
  });
});

it('tells the labels of daemons that have some, also when their names change', () => {
  const w = world({ labels: { team: 'web' } });
  expect(w.series()).toMatchObject({ 'daemon_labels{d,web}': 1 });
  const latest = createLatest();
  const told = () => {
    latest.begin();
    w.table.sample(latest, T0);
    latest.end();
    const family = [...latest.families()].find(({ desc }) => desc.name === 'eudaemon.daemon.labels');
    return family && [family.desc.labels, [...family.points].map(({ labels }) => labels)];
  };
  const spec = (name: string, labels: Record<string, string>) => daemon(name, { comm: name }, { labels });
  w.table.declare([spec('a', { team: 'web', tier: '1' }), spec('b', { team: 'db' }), spec('c', {})]);
  expect(told()).toEqual([
    ['daemon', 'team', 'tier'],
    [
      ['a', 'web', '1'],
      ['b', 'db', ''],
    ],
  ]);
  w.table.declare([spec('b', { tier: '2' })]);
  expect(told()).toEqual([['daemon', 'tier'], [['b', '2']]]);
});

it('counts kills for want of memory of instances and of their children', () => {
  const w = world();
  const five = w.instance(5);
  w.look(five).exited(five, { reason: 'oom', code: 9 });
  w.table.reports.oomKilled('d');
  expect(w.series()).toMatchObject({ 'daemon_oom_kills{d}': 2, 'daemon_exits{d,oom}': 1 });
});

describe('states over time', () => {
  it('a young daemon whose check held and then fails is unhealthy, not starting', () => {
    const w = world({ health: [check('web')] });
    w.look(w.instance(5)).check('web', false);
    expect(w.state()).toBe('starting');
    w.after(1).check('web', true);
    w.after(1).check('web', false);
    expect(w.state()).toBe('unhealthy');
    w.after(1).look(w.instance(6));
    expect(w.state()).toBe('starting');
  });

  it('a daemon that keeps restarting loops until it has been stable', () => {
    const w = world();
    w.look(w.instance(5));
    for (const pid of [6, 7, 8]) w.after(10).look(w.instance(pid));
    expect(w.state()).toBe('crash_looping');
    w.after(119);
    expect(w.state()).toBe('crash_looping');
    w.after(1);
    expect(w.state()).toBe('healthy');
  });

  it('a daemon that its successors relieve, however often, was never gone', () => {
    const w = world();
    let last = w.instance(5, { startedAt: 1 });
    w.look(last);
    for (const pid of [6, 7, 8, 9]) {
      const next = w.after(5).instance(pid);
      w.table.reports.began(T0 + (pid - 5) * 5000, 'd', next);
      w.exited(last, { reason: 'exit', code: 0 });
      last = next;
    }
    expect(w.status()).toMatchObject({ state: 'healthy', restarts: 4 });
    expect(w.events.filter(({ name }) => name === 'eudaemon.daemon.state_changed')).toEqual([]);
  });

  it('a daemon that stands still is hung after half a minute, and well when it moves', () => {
    const w = world();
    const five = w.instance(5, { startedAt: 1 });
    w.look({ ...five, state: 'T' }).after(29);
    w.look({ ...five, state: 'D' }).set(3600);
    expect(w.state()).toBe('healthy');
    w.after(1);
    expect(w.status()).toMatchObject({
      state: 'hung',
      hangs: 'its main processes are in uninterruptible sleep',
    });
    w.look({ ...five, state: 'T' });
    expect(w.status().hangs).toBe('its main processes are stopped');
    w.look({ ...five, state: 'T' }, w.instance(6, { startedAt: 1, state: 'D' }));
    expect(w.status().hangs).toBe('its main processes are in uninterruptible sleep or stopped');
    w.look(five);
    expect(w.status()).not.toHaveProperty('hangs');
    expect(w.state()).toBe('healthy');
  });

  it('checks make it starting, healthy and unhealthy', () => {
    const w = world({ health: [check('web'), check('db')] });
    w.look(w.instance(5)).check('web', true);
    expect(w.state()).toBe('starting');
    w.check('db', true);
    expect(w.state()).toBe('healthy');
    w.after(60).check('db', false, 'refused');
    expect(w.state()).toBe('unhealthy');
    w.check('db', true, 'ok');
    expect(w.state()).toBe('healthy');
    expect(w.told()).toEqual([
      'daemon.state_changed: d is healthy, was starting',
      'check.changed: check db of d fails: refused',
      'daemon.state_changed: d is unhealthy, was healthy',
      'check.changed: check db of d holds: ok',
      'daemon.state_changed: d is healthy, was unhealthy',
    ]);
  });

  it('a check that speaks before processes were seen changes nothing, but is told when it fails', () => {
    const w = world({ health: [check('web')] });
    w.check('web', false, 'refused').look(w.instance(5, { startedAt: 1 }));
    expect(w.told()).toEqual(['check.changed: check web of d fails: refused']);
    expect(w.state()).toBe('unhealthy');
  });
});

describe('expectations', () => {
  const met = (w: ReturnType<typeof world>, name: string) =>
    w.status().expectations.find(expectation => expectation.name === name)?.met;

  it('of instances decide over up', () => {
    const w = world({ expect: { instances: '>= 2' } });
    w.look(w.instance(5, { startedAt: 1 }));
    expect([w.status().up, met(w, 'instances'), w.state()]).toEqual([false, false, 'unhealthy']);
    w.look(w.instance(5, { startedAt: 1 }), w.instance(6));
    expect([w.status().up, met(w, 'instances'), w.state()]).toEqual([true, true, 'healthy']);
  });

  it('of memory add up, of fds take the worst, of what is unknown say nothing', () => {
    const w = world({ expect: { memory: '< 1000B', fd_usage: '<= 50%' } });
    w.look(
      w.instance(5, { memory: 600, fdUsage: 0.5 }),
      w.instance(6, { memory: 399, fdUsage: 0.1, claimed: false }),
    );
    expect([met(w, 'memory'), met(w, 'fd_usage')]).toEqual([true, true]);
    w.look(
      w.instance(5, { memory: 600, fdUsage: 0.5 }),
      w.instance(6, { memory: 400, fdUsage: 0.51, claimed: false }),
    );
    expect([met(w, 'memory'), met(w, 'fd_usage')]).toEqual([false, false]);
    w.look(w.instance(5, { memory: 600 }), w.instance(6, { fdUsage: 0.9, claimed: false }));
    expect([met(w, 'memory'), met(w, 'fd_usage')]).toEqual([undefined, undefined]);
    expect(Object.keys(w.series()).filter(name => name.startsWith('expectation'))).toEqual([
      'expectation_met{d,instances}',
    ]);
  });

  it('of restarts look back as far as they say', () => {
    const w = world({ expect: { restarts: '< 2 in 10m' } });
    w.look(w.instance(5)).look(w.instance(6));
    expect(met(w, 'restarts')).toBe(true);
    w.after(60).look(w.instance(7));
    expect(met(w, 'restarts')).toBe(false);
    w.after(540);
    expect(met(w, 'restarts')).toBe(true);
  });

  it('without a window count all restarts', () => {
    const w = world({ expect: { restarts: '< 1' } });
    w.look(w.instance(5)).look(w.instance(6)).after(86_400);
    expect(met(w, 'restarts')).toBe(false);
  });
});

describe('demands of how it runs', () => {
  const POSTURE: Posture = {
    user: 'www-data',
    groups: [],
    capabilities: ['CAP_NET_BIND_SERVICE'],
    noNewPrivs: true,
    seccomp: 'filter',
    label: undefined,
    confinement: 'none',
    namespaces: [],
    container: undefined,
    pod: undefined,
    chroot: undefined,
    terminal: false,
    session: 1,
    limits: {},
  };
  it.each<[ExpectSpec, Partial<Posture>, boolean | undefined]>([
    [{ user: '!= root' }, {}, true],
    [{ user: '!= root' }, { user: 'root' }, false],
    [{ user: '!=root' }, { user: undefined }, undefined],
    [{ user: '== www-data' }, {}, true],
    [{ user: 'www-data' }, {}, true],
    [{ user: 'nobody' }, {}, false],
    [{ seccomp: 'on' }, {}, true],
    [{ seccomp: 'on' }, { seccomp: 'off' }, false],
    [{ seccomp: 'off' }, { seccomp: 'off' }, true],
    [{ seccomp: 'on' }, { seccomp: undefined }, undefined],
    [{ no_new_privs: 'on' }, {}, true],
    [{ no_new_privs: 'on' }, { noNewPrivs: false }, false],
    [{ no_new_privs: 'off' }, { noNewPrivs: undefined }, undefined],
    [{ confinement: 'on' }, {}, false],
    [{ confinement: 'on' }, { confinement: 'selinux' }, true],
    [{ terminal: 'off' }, {}, true],
    [{ terminal: 'off' }, { terminal: true }, false],
    [{ capabilities: 'none' }, {}, false],
    [{ capabilities: 'none' }, { capabilities: [] }, true],
    [{ capabilities: ['CAP_NET_BIND_SERVICE', 'CAP_CHOWN'] }, {}, true],
    [{ capabilities: ['CAP_CHOWN'] }, {}, false],
    [{ capabilities: 'none' }, { capabilities: undefined }, undefined],
  ])('%j of %j is %s', (expectation, posture, expected) => {
    const w = world({ expect: expectation });
    w.look(w.instance(5, { posture: { ...POSTURE, ...posture } }));
    const [name] = Object.keys(expectation);
    expect(w.status().expectations.find(each => each.name === name)?.met).toBe(expected);
    const { [`expectation_met{d,${name}}`]: series } = w.series();
    expect(series).toBe(expected === undefined ? undefined : Number(expected));
  });

  it('hold of every main process, and are unknown without one', () => {
    const w = world({ expect: { user: '!= root' } });
    const met = () => w.status().expectations.find(({ name }) => name === 'user')?.met;
    expect(met()).toBeUndefined();
    w.look(w.instance(5, { posture: POSTURE }), w.instance(6, { posture: { ...POSTURE, user: 'root' } }));
    expect(met()).toBe(false);
    w.look(w.instance(5, { posture: POSTURE }), w.instance(7));
    expect(met()).toBeUndefined();
    expect(w.series()['daemon_info{d,www-data,some,filter,on,none}']).toBe(1);
  });
});

it('a new configuration keeps what is known of those that stay', () => {
  const w = world({ health: [check('web'), check('db')] });
  w.look(w.instance(5)).check('web', true).check('db', false);
  w.look(w.instance(6));
  w.table.declare([
    daemon('new', { comm: 'n' }),
    daemon(
      'd',
      { comm: 'd' },
      { health: [check('web')], expect: { instances: '>= 3' }, labels: { team: 'a' } },
    ),
  ]);
  expect(w.table.snapshot(T0)).toMatchObject([
    { name: 'new', up: false, restarts: 0 },
    { name: 'd', up: false, restarts: 1, labels: { team: 'a' }, checks: [{ name: 'web', healthy: true }] },
  ]);
});

describe('on purpose', () => {
  const DOWN = '/-/expect-down';
  const UP = '/-/expect-up';

  it('is what somebody has told, until it has come up again', () => {
    const w = world();
    w.look(w.instance(5)).after(60);
    expect(w.command(DOWN, { daemon: 'd', reason: 'upgrade' })).toMatchObject({ state: 'healthy' });
    w.exited(w.instance(5), { reason: 'signal', code: 11 });
    expect(w.status()).toMatchObject({ state: 'stopped', expectedDown: { reason: 'upgrade' } });
    expect(w.series()).toMatchObject({ 'daemon_expected_down{d}': 1, 'daemon_state{d,stopped}': 1 });
    expect(w.look(w.instance(6)).status().expectedDown).toBeUndefined();
    w.exited(w.instance(6), { reason: 'signal', code: 11 });
    expect(w.state()).toBe('absent');
  });

  it('may be for a time, whatever comes up meanwhile, and be taken back', () => {
    const w = world();
    w.look();
    w.command(DOWN, { daemon: 'd', for: '3600000' });
    expect(w.look(w.instance(5)).status().expectedDown).toMatchObject({ until: T0 + 3_600_000 });
    w.exited(w.instance(5), { reason: 'signal', code: 9 });
    expect(w.state()).toBe('stopped');
    expect(w.command(UP, { daemon: 'd' })).toMatchObject({ state: 'absent' });
  });

  it('is told of declared daemons only', () => {
    expect(world().command(DOWN, { daemon: 'x' })).toBeUndefined();
    expect(world().command(UP, {})).toBeUndefined();
  });

  it('is what its manager says', () => {
    const w = world();
    w.look(w.instance(5)).after(60);
    w.exited(w.instance(5), { reason: 'unknown' });
    expect(w.state()).toBe('absent');
    w.manager({ by: 'systemd', stopped: true, says: 'inactive (dead)' });
    expect(w.status()).toMatchObject({ state: 'stopped', manager: 'systemd: inactive (dead)' });
    w.manager({ by: 'systemd', stopped: false, says: 'failed (failed)' });
    expect(w.state()).toBe('absent');
  });

  it.each<[Exit, string]>([
    [{ reason: 'signal', code: 15, signal: 'SIGTERM' }, 'healthy'],
    [{ reason: 'exit', code: 0 }, 'healthy'],
    [{ reason: 'exit', code: 143 }, 'crash_looping'],
    [{ reason: 'signal', code: 9, signal: 'SIGKILL' }, 'crash_looping'],
  ])('are restarts after a while by %j: %s', (exit, state) => {
    const w = world();
    w.look();
    for (let pid = 1; pid <= 5; pid++) {
      w.look(w.instance(pid)).after(15);
      w.exited(w.instance(pid, { startedAt: 0 }), exit);
    }
    w.look(w.instance(9));
    expect(w.status()).toMatchObject({ state, restarts: 5 });
  });
});

describe('a crash loop', () => {
  it('counts every life, told or seen, and says when the next begins', () => {
    const w = world();
    w.look();
    for (let pid = 1; pid <= 4; pid++) {
      w.table.reports.began(T0 + pid * 20_000, 'd', w.instance(pid, { startedAt: T0 / 1000 + pid * 20 }));
      w.table.reports.exited(T0 + pid * 20_000 + 500, 'd', w.instance(pid), {
        reason: 'exit',
        code: 3,
        at: T0 + pid * 20_000 + 500,
      });
    }
    w.after(81);
    expect(w.status()).toMatchObject({
      state: 'crash_looping',
      restarts: 3,
      exits: { exit: 4, unknown: 0 },
      nextStartAt: T0 + 4 * 20_000 + 500 + 19_500,
    });
  });
});

it('a crash loop that a polite signal ends is stopped, once nobody has started it again', () => {
  const w = world();
  w.look();
  for (let pid = 1; pid <= 4; pid++) {
    w.after(1).look(w.instance(pid));
    w.exited(w.instance(pid), pid < 4 ? { reason: 'exit', code: 3 } : { reason: 'signal', code: 15 });
  }
  expect(w.state()).toBe('crash_looping');
  w.after(7);
  expect(w.state()).toBe('crash_looping');
  w.after(1);
  expect(w.state()).toBe('stopped');
  w.look(w.instance(9));
  expect(w.state()).toBe('crash_looping');
});

it('a crash loop is neither ended nor begun by setting the clock', () => {
  const w = world({ expect: { restarts: '< 3 in 10m' } });
  const crash = (pid: number) => {
    const process = w.instance(pid);
    w.after(1).look(process).after(1).exited(process, { reason: 'signal', code: 11, signal: 'SIGSEGV' });
  };
  w.look(w.instance(1));
  for (const pid of [2, 3, 4, 5]) crash(pid);
  expect(w.state()).toBe('crash_looping');
  expect(w.set(3600).series()).toMatchObject({ 'expectation_met{d,restarts}': 0 });
  expect(w.state()).toBe('crash_looping');
});

describe('silence', () => {
  it('is hung while it runs, an unmet expectation, and an event; a word ends it', () => {
    const w = world({ logs: { identifiers: [], files: [], parse: 'none', expect_every: 60_000 } });
    w.logged.limit = 60_000;
    w.look(w.instance(5)).after(60);
    expect(w.state()).toBe('healthy');
    expect(w.series()).toMatchObject({ 'expectation_met{d,log_every}': 1 });
    w.told();
    w.after(1);
    expect(w.state()).toBe('hung');
    expect(w.series()).toMatchObject({ 'expectation_met{d,log_every}': 0 });
    expect(w.told()).toEqual([
      'check.changed: check log_every of d fails: nothing logged for 61s, expected within 1m',
      'daemon.state_changed: d is hung, was healthy: nothing logged for 61s, expected within 1m',
    ]);
    w.logged.at = 61_000;
    expect(w.state()).toBe('healthy');
    expect(w.told()).toEqual([
      'check.changed: check log_every of d holds',
      'daemon.state_changed: d is healthy, was hung',
    ]);
  });

  it('is no matter of the clock, which somebody may set', () => {
    const w = world({ logs: { identifiers: [], files: [], parse: 'none', expect_every: 60_000 } });
    w.logged.limit = 60_000;
    w.look(w.instance(5, { startedAt: 1 })).after(50);
    expect(w.set(3600).state()).toBe('healthy');
    expect(w.set(-7200).after(11).state()).toBe('hung');
  });

  it('of a daemon that is declared only now begins now', () => {
    const w = world({}, []);
    w.logged.limit = 60_000;
    w.after(3600).table.declare([daemon('d', { comm: 'd' })]);
    w.look(w.instance(5, { startedAt: T0 / 1000 }));
    expect(w.state()).toBe('healthy');
    expect(w.after(61).state()).toBe('hung');
  });

  it('is no news of a daemon that does not run', () => {
    const w = world({ logs: { identifiers: [], files: [], parse: 'none', expect_every: 60_000 } });
    w.logged.limit = 60_000;
    w.look().after(120);
    expect(w.state()).toBe('absent');
    expect(w.told()).toEqual([]);
  });

  it('is not told before a rhythm is known', () => {
    const w = world({ logs: { identifiers: [], files: [], parse: 'none', expect_every: 'learn' } });
    w.look(w.instance(5)).after(3600);
    expect(w.status().expectations.at(-1)).toEqual({
      name: 'log_every',
      condition: '? (learned)',
      met: undefined,
    });
    expect(w.state()).toBe('healthy');
  });
});

describe('checks without an answer', () => {
  it('mean hung when none of the failing gives one', () => {
    const w = world({ health: [check('a'), check('b')] });
    w.look(w.instance(5)).after(60).check('a', false, 'no answer within 2000 ms', true).check('b', true);
    expect(w.status()).toMatchObject({ state: 'hung', hangs: 'check a: no answer within 2000 ms' });
    expect(w.check('b', false, 'connection refused').state()).toBe('unhealthy');
  });
});
