// Death certificates: complete when told, told once, and kept.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import type { LastWord } from '../../../agent/core/certificate.ts';
import type { AgentEvent } from '../../../agent/core/collector.ts';
import type { Exit } from '../../../agent/core/daemon.ts';
import {
  type CertificateStore,
  createCertificateStore,
  readAll,
} from '../../../agent/identity/certificate-store.ts';
import { createCertificates } from '../../../agent/identity/certificates.ts';
import { createRecorder } from '../../../agent/identity/recorder.ts';
import type { Member } from '../../../agent/identity/roster.ts';
import { daemon } from './specs.ts';

const T0 = 1_700_000_000_000;
const SEGV: Exit = { reason: 'signal', code: 11, signal: 'SIGSEGV', coreDumped: true, source: 'netlink' };
const GONE: Exit = { reason: 'unknown' };

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'eudaemon-certificates-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** A clock that the test moves; what is due runs in order, and promises settle after each. */
function createTime() {
  let now = T0;
  let due: { at: number; run: () => void }[] = [];
  return {
    now: () => now,
    after(ms: number, run: () => void) {
      const timer = { at: now + ms, run };
      due.push(timer);
      return () => {
        due = due.filter(each => each !== timer);
      };
    },
    async pass(ms: number) {
      const end = now + ms;
      for (;;) {
        const [next] = due.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        if (!next) break;
        now = Math.max(now, next.at);
        due = due.filter(each => each !== next);
        next.run();
        await settled();
      }
      now = end;
    },
  };
}
const settled = () => new Promise(resolve => setImmediate(resolve));

function world(names = ['web', 'db']) {
  const time = createTime();
  const events: AgentEvent[] = [];
  const warnings: string[] = [];
  const words: LastWord[] = [];
  const recorder = createRecorder(
    names.map(name => daemon(name, { comm: name })),
    () => 0,
  );
  const stores: CertificateStore[] = [];
  const create = () => {
    const store = createCertificateStore(directory, { warn: message => void warnings.push(message) });
    stores.push(store);
    const made = createCertificates({
      events: { emit: event => void events.push(event) },
      clock: time,
      recorder,
      store,
      lastWords: async () => [...words],
      corePattern: () => '/var/crash/core.%p',
    });
    made.declare(names);
    return made;
  };
  const certificates = create();
  certificates.recover();
  const process = (pid: number, startedAt = time.now()): Member => ({
    pid,
    ppid: 1,
    startTicks: pid,
    comm: 'prog',
    startedAt: startedAt / 1000,
  });
  return {
    time,
    events,
    warnings,
    certificates,
    create,
    /** All of it is on the disk. */
    kept: () => Promise.all(stores.map(store => store.flush())),
    process,
    said: (body: string, at = time.now(), pid?: number) =>
      words.push({ at, severity: 'err', body, ...(pid && { pid }) }),
    die(name: string, member: Member, exit: Exit = SEGV) {
      certificates.ended(time.now(), name, member, exit, [
        { name: 'port', healthy: false, message: 'refused', since: T0 },
      ]);
    },
    rise: (name: string, member: Member) => certificates.began(time.now(), name, member, true),
  };
}

test('the last end is known until somebody comes up again, also to the next life of the agent', async () => {
  const w = world();
  expect(w.certificates.lastEnd('web')).toBeUndefined();
  w.die('web', w.process(5));
  expect(w.certificates.lastEnd('web')).toEqual({ ...SEGV, pid: 5, at: T0 });
  await w.time.pass(1000);
  w.rise('web', w.process(6));
  expect(w.certificates.lastEnd('web')).toBeUndefined();
  await w.time.pass(1000);
  w.die('web', w.process(6), { reason: 'exit', code: 0 });
  await w.time.pass(1000);
  await w.kept();
  const lastEnd = { reason: 'exit', code: 0, at: T0 + 2000 };
  for (const each of [w.certificates, w.create()]) expect(each.lastEnd('web')).toMatchObject(lastEnd);
});

describe('the event', () => {
  test('comes after five seconds, with all there is, and the time of death', async () => {
    const w = world();
    const web = w.process(5);
    await w.time.pass(60_000);
    w.said('last line');
    w.die('web', web);
    await w.time.pass(4999);
    expect(w.events).toEqual([]);
    await w.time.pass(1);
    expect(w.events).toHaveLength(1);
    expect(w.events[0]).toMatchObject({
      name: 'eudaemon.daemon.exited',
      daemon: 'web',
      severity: 17,
      at: T0 + 60_000,
      body: 'web[5] was killed by SIGSEGV after 1 min (core dumped); check port failing',
      attributes: {
        'process.pid': 5,
        'process.executable.name': 'prog',
        'process.creation.time': new Date(T0).toISOString(),
        'process.exit.time': new Date(T0 + 60_000).toISOString(),
        'process.uptime': 60,
        'eudaemon.exit.reason': 'signal',
        'eudaemon.exit.signal': 'SIGSEGV',
        'eudaemon.exit.signal_number': 11,
        'eudaemon.exit.oom': false,
        'eudaemon.exit.core_dumped': true,
        'eudaemon.exit.core_pattern': '/var/crash/core.%p',
        'eudaemon.exit.checks': [{ name: 'port', healthy: false, message: 'refused' }],
        'eudaemon.exit.logs': [{ severity: 'err', body: 'last line' }],
      },
    });
    await w.time.pass(60_000);
    expect(w.events).toHaveLength(1);
  });

  test('comes a second after the death when another took the place', async () => {
    const w = world();
    w.die('web', w.process(5));
    await w.time.pass(300);
    w.rise('web', w.process(6));
    await w.time.pass(699);
    expect(w.events).toEqual([]);
    await w.time.pass(1);
    expect(w.events[0]!.attributes).toMatchObject({
      'eudaemon.exit.restart.pid': 6,
      'eudaemon.exit.restart.seconds': 0.3,
    });
  });

  test('leaves out what the next life says, by its pid and by the time', async () => {
    const w = world();
    w.said('old');
    w.die('web', w.process(5));
    await w.time.pass(500);
    w.rise('web', w.process(6));
    w.said('new by pid', w.time.now(), 6);
    w.said('late, by the old pid', w.time.now() + 50, 5);
    w.said('new by time', w.time.now() + 1);
    await w.time.pass(5000);
    expect(w.certificates.of('web')[0]!.logs.map(({ body }) => body)).toEqual([
      'old',
      'late, by the old pid',
    ]);
  });

  test('names who died within ten seconds before, and the kept certificate who died after', async () => {
    const w = world();
    w.die('db', w.process(3), { reason: 'exit', code: 1, source: 'pidfd' });
    await w.time.pass(8000);
    w.die('web', w.process(5));
    await w.time.pass(5000);
    const [db, web] = w.events;
    expect(db!.attributes['eudaemon.exit.also_died']).toEqual([]);
    expect(web!.attributes['eudaemon.exit.also_died']).toEqual([
      { daemon: 'db', pid: 3, how: 'exited with status 1', seconds: -8 },
    ]);
    expect(w.certificates.of('db')[0]!.alsoDied).toMatchObject([{ daemon: 'web', pid: 5, at: T0 + 8000 }]);
  });

  test('of further ends within ten seconds is brief and at once', async () => {
    const w = world();
    w.die('web', w.process(5));
    await w.time.pass(1000);
    w.die('web', w.process(6), { reason: 'exit', code: 3 });
    expect(w.events).toHaveLength(1);
    expect(w.events[0]!.attributes).toMatchObject({ 'process.exit.code': 3, 'eudaemon.exit.brief': true });
    expect(w.events[0]!.attributes).not.toHaveProperty('eudaemon.exit.logs');
    await w.time.pass(10_000);
    w.die('web', w.process(7));
    await w.time.pass(5000);
    expect(w.events.map(({ attributes }) => attributes['process.pid'])).toEqual([6, 5, 7]);
    const [newest, first] = w.certificates.of('web');
    expect([newest!.pid, first!.pid]).toEqual([7, 5]);
    expect(first!.repeats).toMatchObject({ count: 1, lastExit: { code: 3 } });
  });

  test('when the end was not seen but found, it was before its successor began', async () => {
    const w = world();
    const old = w.process(5);
    await w.time.pass(10_000);
    w.die('web', old, GONE);
    w.rise('web', w.process(6, T0 + 4000));
    await w.time.pass(1000);
    expect(w.events[0]).toMatchObject({
      at: T0 + 4000,
      body: 'web[5] ended unseen after 4 s; check port failing; restarted at once',
    });
  });

  test('is told when the agent stops, once', async () => {
    const w = world();
    w.said('last line');
    w.die('web', w.process(5));
    await w.certificates.flush();
    expect(w.events).toHaveLength(1);
    expect(w.events[0]!.attributes['eudaemon.exit.logs']).toHaveLength(1);
    await w.time.pass(20_000);
    expect(w.events).toHaveLength(1);
  });

  test('goes on when the daemon is no longer declared, and is there when it is again', async () => {
    const w = world();
    w.die('web', w.process(5));
    await w.time.pass(60_000);
    w.rise('web', w.process(6));
    w.certificates.declare(['db']);
    await w.time.pass(60_000);
    await w.kept();
    w.certificates.declare(['web', 'db']);
    expect(w.certificates.of('web')).toMatchObject([{ pid: 5, restart: { pid: 6 } }]);
  });

  test('is told when the daemon is no longer declared', () => {
    const w = world();
    w.die('web', w.process(5));
    w.certificates.declare(['db']);
    expect(w.events).toHaveLength(1);
    expect(w.certificates.of('web')).toEqual([]);
  });
});

describe('the beginning of a process', () => {
  it.each([
    ['to the millisecond', T0 / 1000 - 1.0004, T0 - 1000],
    ['no later than its end', T0 / 1000 + 5, T0],
    ['of nothing', undefined, undefined],
  ])('%s', (_, told, startedAt) => {
    const w = world();
    w.die('web', {
      pid: 5,
      ppid: 1,
      startTicks: 7,
      comm: 'prog',
      ...(told !== undefined && { startedAt: told }),
    });
    expect(w.certificates.of('web')[0]!.startedAt).toBe(startedAt);
  });
});

describe('what is kept', () => {
  test('outlives the agent, and grows until the restart is known', async () => {
    const w = world();
    w.said('last line');
    w.die('web', w.process(5));
    await w.time.pass(60_000);
    w.rise('web', w.process(6));
    await w.time.pass(1000);
    await w.kept();
    const next = w.create();
    expect(next.of('web')).toEqual(w.certificates.of('web'));
    expect(next.of('web')[0]).toMatchObject({
      pid: 5,
      logs: [{ body: 'last line' }],
      restart: { pid: 6, at: T0 + 60_000 },
    });
    next.recover();
    expect(w.events).toHaveLength(1);
    expect(readAll(directory)).toEqual(next.of('web'));
  });

  test('an event that a killed agent could not tell is told by the next', async () => {
    const w = world();
    w.die('web', w.process(5));
    const next = w.create();
    expect(w.events).toEqual([]);
    next.recover();
    expect(w.events).toMatchObject([{ at: T0, body: expect.stringContaining('SIGSEGV') }]);
    await w.kept();
    w.create().recover();
    expect(w.events).toHaveLength(1);
  });

  test('is two of a daemon', async () => {
    const w = world();
    for (let pid = 1; pid <= 4; pid++) {
      w.die('web', w.process(pid));
      await w.time.pass(20_000);
    }
    await w.kept();
    expect(
      w
        .create()
        .of('web')
        .map(({ pid }) => pid),
    ).toEqual([4, 3]);
  });

  it.each([
    ['no JSON', '{"version":1'],
    ['another version', '{"version":2,"told":true,"certificates":[]}'],
    ['no list', '{"version":1,"told":true,"certificates":{}}'],
    ['no certificate', '{"version":1,"told":true,"certificates":[{"pid":1}]}'],
    ['null', '{"version":1,"told":true,"certificates":[null]}'],
  ])('%s in its file is told and left out', (_, text) => {
    writeFileSync(join(directory, 'web.json'), text);
    const w = world();
    expect(w.certificates.of('web')).toEqual([]);
    expect(w.warnings).toEqual([
      expect.stringMatching(/^cannot read certificates ".*web\.json": .*left out$/),
    ]);
  });

  test('names that are no file names', async () => {
    const w = world(['../a b', 'db']);
    w.die('../a b', w.process(1));
    await w.time.pass(6000);
    await w.kept();
    expect(JSON.parse(readFileSync(join(directory, '..%2Fa%20b.json'), 'utf8')).certificates).toHaveLength(1);
    expect(w.create().of('../a b')).toHaveLength(1);
  });

  test('a directory that cannot be written is told once', async () => {
    rmSync(directory, { recursive: true });
    writeFileSync(directory, '');
    const w = world();
    w.warnings.length = 0;
    w.die('web', w.process(5));
    await w.time.pass(30_000);
    expect(w.warnings).toEqual([expect.stringMatching(/^cannot write certificate ".*web\.json": /)]);
    expect(w.events).toHaveLength(1);
  });
});
