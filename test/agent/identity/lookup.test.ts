// Who is it? Every key of a match, alone and together, on a host of files and on this one.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPatterns } from '../../../agent/config/patterns.ts';
import { systemClock } from '../../../agent/core/clock.ts';
import type { DaemonSpec, MatchSpec } from '../../../agent/core/daemon.ts';
import type { Log } from '../../../agent/core/log.ts';
import { parseStat } from '../../../agent/core/procstat.ts';
import { createLookup } from '../../../agent/identity/lookup.ts';
import { createPidfile } from '../../../agent/identity/pidfile.ts';
import { createBoot } from '../../../agent/native/boot.ts';
import { BOOT, createHost, type FakeHost, type FakeProcess, statOf } from '../../procfs.ts';
import { have } from '../../tools.ts';
import { daemon } from './specs.ts';

const patterns = createPatterns();
let host: FakeHost;
beforeEach(() => {
  host = createHost();
});
afterEach(() => host.close());

const lookup = (...declared: DaemonSpec[]) =>
  createLookup({ declared, root: host.root, patterns, now: host.now, elapsed: host.elapsed });
const facts = (process: FakeProcess) => {
  const bytes = Buffer.from(statOf(process));
  return parseStat(bytes, bytes.length)!;
};

const ID = '0123456789abcdef'.repeat(4);
const NGINX: FakeProcess = {
  pid: 500,
  comm: 'nginx',
  start: 100,
  exe: '/usr/sbin/nginx',
  cmdline: ['nginx: master process', '/usr/sbin/nginx', '-g', 'daemon off;'],
  uid: 33,
  cgroup: `12:cpu:/\n0::/system.slice/nginx.service/${ID}\n`,
  fds: ['/dev/null', 'socket:[4711]'],
};

/** Whether NGINX fits. */
const MATCHES: [match: MatchSpec, fits: boolean][] = [
  [{ exe: '/usr/sbin/nginx' }, true],
  [{ exe: '/usr/bin/nginx' }, false],
  [{ exe: '/sbin/nginx' }, true],
  [{ exe: 'nginx' }, false],
  [{ comm: 'nginx' }, true],
  [{ comm: 'ngin' }, false],
  [{ cmdline: 'master process' }, true],
  [{ cmdline: '^nginx.*daemon off;$' }, true],
  [{ cmdline: '^/usr' }, false],
  [{ user: 'www-data' }, true],
  [{ user: '33' }, true],
  [{ user: 'root' }, false],
  [{ user: 'nobody' }, false],
  [{ systemd_unit: 'nginx.service' }, true],
  [{ systemd_unit: 'nginx' }, true],
  [{ systemd_unit: 'system.slice' }, false],
  [{ cgroup: '/system.slice/' }, true],
  [{ cgroup: '/system.slice/nginx.service' }, true],
  [{ cgroup: '/system.slice/ngin' }, false],
  [{ container: ID }, true],
  [{ container: ID.slice(0, 12) }, true],
  [{ container: ID.slice(1, 13) }, false],
  [{ port: 80 }, true],
  [{ port: 81 }, false],
  [{ port: 443 }, false],
  [{ pidfile: '/run/nginx.pid' }, true],
  [{ pidfile: '/run/other.pid' }, false],
  [{ pidfile: '/run/absent.pid' }, false],
  [{ pidfile: '/run' }, false],
  [{ exe: '/usr/sbin/nginx', user: 'www-data', port: 80, pidfile: '/run/nginx.pid' }, true],
  [{ exe: '/usr/sbin/nginx', user: 'root', port: 80, pidfile: '/run/nginx.pid' }, false],
  [{ exe: '/usr/sbin/nginx', port: 81 }, false],
  [{ comm: 'apache2', pidfile: '/run/nginx.pid' }, false],
];

const LISTENS = `  sl  local_address rem_address   st\n   0: 00000000:0050 00000000:0000 0A 0:0 00:0 0 0 0 4711 1\n   1: 00000000:01BB 00000000:0000 0A 0:0 00:0 0 0 0 4712 1\n`;

describe('a match', () => {
  beforeEach(() => {
    host.write('etc/passwd', 'root:x:0:0::/:\nwww-data:x:33:33::/:\n');
    host.write('usr/sbin/nginx', '');
    symlinkSync('usr/sbin', `${host.root}/sbin`);
    host.write('proc/net/tcp', LISTENS);
    host.write('run/nginx.pid', '500\n', (BOOT + 101) * 1000);
    host.write('run/other.pid', '501\n');
    host.run(NGINX);
  });

  it.each(MATCHES)('%j fits: %s', (match, fits) => {
    expect(lookup(daemon('d', match)).ofProcess(facts(NGINX))).toBe(fits ? 'd' : undefined);
  });

  it('fits the program that a link leads to by now', () => {
    const [old, next] = [NGINX, { ...NGINX, pid: 502, start: 200, exe: '/opt/2/nginx' }];
    host.write('opt/2/nginx', '');
    symlinkSync('usr/sbin', `${host.root}/current`);
    const { ofProcess } = lookup(daemon('d', { exe: '/current/nginx' }));
    expect(ofProcess(facts(old))).toBe('d');
    rmSync(`${host.root}/current`);
    symlinkSync('opt/2', `${host.root}/current`);
    host.tick(1000);
    host.run(next);
    expect([old, next].map(each => ofProcess(facts(each)))).toEqual(['d', 'd']);
  });

  it('fits a program that was replaced under a running process', () => {
    host.run({ ...NGINX, exe: '/usr/sbin/nginx (deleted)' });
    expect(lookup(daemon('d', { exe: '/usr/sbin/nginx' })).ofProcess(facts(NGINX))).toBe('d');
  });

  it('fits no process that is gone', () => {
    host.kill(500);
    expect(lookup(daemon('d', { exe: '/usr/sbin/nginx' })).ofProcess(facts(NGINX))).toBeUndefined();
  });

  it('fits names as the kernel cuts them', () => {
    const process = { ...NGINX, comm: 'a-name-of-fifte' };
    expect(lookup(daemon('d', { comm: 'a-name-of-fifteen-or-more' })).ofProcess(facts(process))).toBe('d');
  });

  it('takes the first of several daemons', () => {
    const both = [daemon('a', { comm: 'nginx' }), daemon('b', { exe: '/usr/sbin/nginx' })];
    expect(lookup(...both).ofProcess(facts(NGINX))).toBe('a');
    expect(lookup(...both.reverse()).ofProcess(facts(NGINX))).toBe('b');
  });
});

describe('answers of a lookup', () => {
  const PARENT: FakeProcess = { pid: 500, comm: 'd' };
  /** Whether those of children stand when the parent has become this one a minute later. */
  const stand = (match: MatchSpec, then: Partial<FakeProcess>) => {
    const one = lookup(daemon('d', match));
    host.run(PARENT);
    one.ofProcess(facts(PARENT));
    host.tick(1000);
    one.ofProcess(facts(PARENT));
    const { answers } = one;
    const next = { ...PARENT, ...then };
    host.run(next);
    host.tick(60_000);
    one.ofProcess(facts(next));
    one.ofProcess(facts({ pid: 900, comm: 'another' }));
    return answers !== undefined && one.answers === answers;
  };

  it.each<[what: string, match: MatchSpec, then: Partial<FakeProcess>, stand: boolean]>([
    ['stand while it is what it was', { comm: 'd' }, {}, true],
    ['stand while it is of nobody still', { comm: 'x' }, { comm: 'e' }, true],
    ['fall when its program is another', { comm: 'd' }, { comm: 'e' }, false],
    ['fall when it has come to fit', { user: '33' }, { uid: 33 }, false],
    ['fall when it has another parent', { comm: 'd' }, { ppid: 7 }, false],
    ['fall when it is at a terminal', { comm: 'd' }, { terminal: 7 }, false],
    ['fall at any time by a pidfile', { pidfile: '/run/d.pid' }, {}, false],
    ['fall at any time by a port', { comm: 'd', port: 80 }, {}, false],
  ])('%s', (_, match, then, expected) => expect(stand(match, then)).toBe(expected));

  it('fall when the daemons change', () => {
    const one = lookup(daemon('d', { comm: 'd' }));
    const { answers } = one;
    one.declare([daemon('e', { comm: 'd' })]);
    expect(one.answers).not.toBe(answers);
  });
});

describe('a pidfile', () => {
  const written = [
    [-90, false],
    [-2.5, false],
    [-1.5, true],
    [0, true],
    [3600, true],
  ] as const;
  it.each(written)('written %s s after the process began speaks of it: %s', (after, speaks) => {
    host.run(NGINX);
    host.write('run/d.pid', '500\n', (BOOT + 100 + after) * 1000);
    expect(lookup(daemon('d', { pidfile: '/run/d.pid' })).ofPid(500)).toBe(speaks ? 'd' : undefined);
  });

  it('may come later than its process, and go to another', () => {
    const { ofPid } = lookup(daemon('d', { pidfile: '/run/d.pid' }));
    host.run(NGINX);
    expect(ofPid(500)).toBeUndefined();
    host.write('run/d.pid', '500\n', host.now());
    host.tick(1000);
    expect(ofPid(500)).toBe('d');
    host.run({ pid: 600, start: 200 });
    host.write('run/d.pid', '600\n', host.now());
    host.tick(1000);
    expect([ofPid(500), ofPid(600)]).toEqual([undefined, 'd']);
  });
});

describe('a pidfile where the clock is set', () => {
  const DAY = 86_400;
  /** Of the process, 100 s after the boot, by the clock as it is now; the other began later. */
  const BEGAN = BOOT + 100;
  const OTHER: FakeProcess = { ...NGINX, start: 150 };
  const named = (writtenAt: number, isVolatile = false) => {
    host.run(NGINX);
    host.write('run/d.pid', '500\n', writtenAt * 1000);
    return createPidfile('/run/d.pid', {
      ...host,
      boot: createBoot(host.root, host.now, host.elapsed),
      isVolatile: () => isVolatile,
    });
  };
  /** When a directory came to be, by the clock of then. */
  const date = (path: string, at: number) => utimesSync(join(host.root, path), at, at);

  it.each([[3600], [-3600]])('by %i s, goes on speaking of whom it spoke', seconds => {
    const speaks = named(BEGAN + 1);
    expect(speaks(facts(NGINX))).toBe(true);
    host.set(seconds * 1000);
    host.tick(1000);
    expect(speaks(facts(NGINX))).toBe(true);
  });

  it('speaks of no other process of that number', () => {
    const speaks = named(BEGAN + 1);
    expect([speaks(facts(NGINX)), speaks(facts(OTHER))]).toEqual([true, false]);
    host.set(3_600_000);
    expect(speaks(facts(OTHER))).toBe(false);
  });

  it.each([
    ['when its process had begun, it speaks', 1, true],
    ['long after its process had begun, it speaks', 9000, true],
    ['before its process began, it is stale', -10, false],
    ['in another boot, long before, it is stale', -7 * DAY, false],
    ['in another boot, whose clock was right, it is stale', 7 * DAY, false],
  ])('ahead since the boot: written %s', (_, after, speaks) => {
    const ofIt = named(BEGAN - 30 * DAY + after);
    date('proc', BOOT - 30 * DAY);
    expect(ofIt(facts(NGINX))).toBe(speaks);
  });

  it.each([
    ['when its process had begun, it speaks', 1, true],
    ['long after its process had begun, it speaks', 9000, true],
    ['in another boot, long before, it is stale', -7 * DAY, false],
    ['in another boot, whose clock was right, it is stale', 7 * DAY, false],
  ])('ahead since somebody looked at the process: written %s', (_, after, speaks) => {
    const ofIt = named(BEGAN - 30 * DAY + after);
    date('proc', 0);
    date('proc/500', BEGAN - 30 * DAY + 20);
    expect(ofIt(facts(NGINX))).toBe(speaks);
  });

  it('ahead, of which there is no trace on a disk, is stale', () => {
    expect(named(BEGAN - 30 * DAY + 1)(facts(NGINX))).toBe(false);
  });

  it('not at all, is stale however long its process has lived', () => {
    const ofIt = named(BEGAN - 10);
    date('proc', BOOT);
    date('proc/500', BEGAN + 1);
    expect(ofIt(facts(NGINX))).toBe(false);
  });

  it('back, speaks', () => expect(named(BEGAN + 30 * DAY)(facts(NGINX))).toBe(true));

  it.each([
    ['in memory and from before the boot, it was written by another clock', BOOT - 3600, true, true],
    ['in memory and from after the boot, it is judged by its time', BOOT + 50, true, false],
    ['on a disk and from before the boot, it is of another boot', BOOT - 3600, false, false],
  ])('%s', (_, writtenAt, isVolatile, speaks) =>
    expect(named(writtenAt, isVolatile)(facts(NGINX))).toBe(speaks),
  );

  it('speaks of nobody where /proc does not tell when the machine began', () => {
    const ofIt = named(BEGAN + 1);
    host.remove('proc/uptime');
    host.remove('proc/stat');
    expect(ofIt(facts(NGINX))).toBe(false);
  });
});

describe('a port', () => {
  it('may be taken later, and by another process', () => {
    const { ofPid } = lookup(daemon('d', { port: 80 }));
    host.run(NGINX);
    expect(ofPid(500)).toBeUndefined();
    host.write('proc/1/net/tcp6', LISTENS.replace('00000000:0050', '00000000000000000000000000000000:0050'));
    host.tick(1000);
    expect(ofPid(500)).toBe('d');
    host.kill(500);
    host.run({ pid: 600, fds: ['socket:[4713]'] });
    host.write('proc/1/net/tcp6', LISTENS.replace('4711', '4713'));
    host.tick(1000);
    expect(ofPid(600)).toBe('d');
  });

  it.each([7_200_000, -7_200_000])('is looked for once a second, also when the clock is set by %i ms', ms => {
    const { ofPid } = lookup(daemon('d', { port: 80 }));
    host.run(NGINX);
    expect(ofPid(500)).toBeUndefined();
    host.write('proc/1/net/tcp6', LISTENS.replace('00000000:0050', '00000000000000000000000000000000:0050'));
    host.set(ms);
    host.tick(999);
    expect(ofPid(500)).toBeUndefined();
    host.tick(1);
    expect(ofPid(500)).toBe('d');
  });

  it('is found beyond one read of the table', () => {
    const filler = `${'x'.repeat(150)}\n`.repeat(4000);
    host.run(NGINX);
    host.write('proc/net/tcp', filler + LISTENS);
    expect(lookup(daemon('d', { port: 80 })).ofPid(500)).toBe('d');
  });
});

describe('children', () => {
  it('belong to their nearest claimed ancestor', () => {
    host.run({ pid: 1, ppid: 0, comm: 'init' });
    host.run({ pid: 10, comm: 'super' });
    host.run({ pid: 11, ppid: 10, comm: 'sh', start: 1 });
    host.run({ pid: 12, ppid: 11, comm: 'worker', start: 2 });
    host.run({ pid: 13, ppid: 12, comm: 'job', start: 3 });
    host.run({ pid: 20, comm: 'stranger' });
    const { ofPid } = lookup(daemon('super', { comm: 'super' }), daemon('worker', { comm: 'worker' }));
    expect([1, 10, 11, 12, 13, 20].map(ofPid)).toEqual([
      undefined,
      'super',
      'super',
      'worker',
      'worker',
      undefined,
    ]);
  });

  it('at a terminal are not of the daemon that let them in, unless it runs there itself', () => {
    const [pts0, pts1] = [0x8800, 0x8801];
    host.run({ pid: 10, comm: 'sshd' });
    host.run({ pid: 11, ppid: 10, comm: 'sshd-session', start: 1 });
    host.run({ pid: 12, ppid: 11, comm: 'bash', terminal: pts0, start: 2 });
    host.run({ pid: 13, ppid: 12, comm: 'logger', terminal: pts0, start: 3 });
    host.run({ pid: 14, ppid: 12, comm: 'devd', terminal: pts0, start: 3 });
    host.run({ pid: 15, ppid: 14, comm: 'worker', terminal: pts0, start: 4 });
    host.run({ pid: 16, ppid: 14, comm: 'job', start: 4 });
    host.run({ pid: 17, ppid: 14, comm: 'shell', terminal: pts1, start: 4 });
    host.run({ pid: 18, ppid: 11, comm: 'sftp-server', start: 2 });
    const { ofPid } = lookup(daemon('sshd', { comm: 'sshd' }), daemon('devd', { comm: 'devd' }));
    expect([10, 11, 12, 13, 14, 15, 16, 17, 18].map(ofPid)).toEqual([
      'sshd',
      'sshd',
      undefined,
      undefined,
      'devd',
      'devd',
      'devd',
      undefined,
      'sshd',
    ]);
  });

  it('that a login gave a session of their own are not of the daemon that let them in', () => {
    host.run({ pid: 10, comm: 'sshd', start: 1 });
    host.run({ pid: 11, ppid: 10, comm: 'sshd-session', start: 2 });
    host.run({ pid: 12, ppid: 11, session: 11, comm: 'sshd-session', start: 3 });
    host.run({ pid: 13, ppid: 12, comm: 'sh', start: 4 });
    host.run({ pid: 14, ppid: 13, session: 13, comm: 'rsync', start: 5 });
    host.run({ pid: 15, ppid: 11, session: 11, comm: 'keys', start: 5 });
    host.run({ pid: 16, ppid: 13, comm: 'd', start: 5 });
    host.run({ pid: 17, ppid: 16, comm: 'worker', start: 5 });
    const { ofPid } = lookup(daemon('sshd', { comm: 'sshd' }), daemon('d', { comm: 'd' }));
    expect([10, 11, 12, 13, 14, 15, 16, 17].map(ofPid)).toEqual([
      ...['sshd', 'sshd', 'sshd', undefined, undefined, 'sshd', 'd', 'd'],
    ]);
  });

  it('that open a terminal later are looked at anew', () => {
    host.run({ pid: 10, comm: 'sshd' });
    host.run({ pid: 12, ppid: 10, comm: 'sshd-session', start: 2 });
    const { ofPid } = lookup(daemon('sshd', { comm: 'sshd' }));
    expect(ofPid(12)).toBe('sshd');
    host.run({ pid: 12, ppid: 10, comm: 'sshd-session', start: 2, terminal: 0x8800 });
    host.tick(1000);
    expect(ofPid(12)).toBeUndefined();
  });

  it('that have nobody, or each other, are nobody’s', () => {
    host.run({ pid: 30, ppid: 31 });
    host.run({ pid: 31, ppid: 30 });
    host.run({ pid: 32, ppid: 99 });
    const { ofPid } = lookup(daemon('d', { comm: 'x' }));
    expect([30, 31, 32].map(ofPid)).toEqual([undefined, undefined, undefined]);
  });

  it('that have ended are of the parent they had, though that has ended, too', () => {
    host.run({ pid: 10, comm: 'super', start: 1 });
    const { ofPid, ofProcess } = lookup(daemon('super', { comm: 'super' }));
    expect(ofPid(10)).toBe('super');
    host.kill(10);
    host.tick(1000);
    expect(ofProcess({ pid: 11, ppid: 10, comm: 'logger', startTicks: 0 })).toBe('super');
  });

  it('lose a parent whose pid has gone to another process', () => {
    host.run({ pid: 10, comm: 'super', start: 1 });
    host.run({ pid: 11, ppid: 10, comm: 'sh', start: 2 });
    const { ofPid } = lookup(daemon('super', { comm: 'super' }));
    expect(ofPid(11)).toBe('super');
    host.run({ pid: 10, comm: 'other', start: 3 });
    host.tick(1000);
    expect(ofPid(11)).toBeUndefined();
  });
});

describe('a pid', () => {
  it('is remembered when its process has just gone', () => {
    const { ofPid } = lookup(daemon('nginx', { comm: 'nginx' }));
    host.run(NGINX);
    host.run({ pid: 501, ppid: 500, comm: 'sh', start: 200 });
    expect([ofPid(500), ofPid(501)]).toEqual(['nginx', 'nginx']);
    host.kill(500);
    host.kill(501);
    host.tick(5000);
    expect([ofPid(500), ofPid(501)]).toEqual(['nginx', 'nginx']);
  });

  it('that was only seen as a parent is known as well', () => {
    const { ofPid } = lookup(daemon('nginx', { comm: 'nginx' }));
    host.run(NGINX);
    host.run({ pid: 501, ppid: 500, comm: 'sh', start: 200 });
    expect(ofPid(501)).toBe('nginx');
    expect(ofPid(500)).toBe('nginx');
    host.kill(500);
    expect(ofPid(500)).toBe('nginx');
  });

  it('is somebody else when another process has it, a second later at most', () => {
    const { ofPid } = lookup(daemon('nginx', { comm: 'nginx' }));
    host.run(NGINX);
    expect(ofPid(500)).toBe('nginx');
    host.run({ ...NGINX, comm: 'other', start: 200 });
    host.tick(1000);
    expect(ofPid(500)).toBeUndefined();
  });

  it('is looked at once a second at most', () => {
    const { ofPid } = lookup(daemon('nginx', { comm: 'nginx' }));
    expect(ofPid(500)).toBeUndefined();
    host.run(NGINX);
    host.tick(999);
    expect(ofPid(500)).toBeUndefined();
    host.tick(1);
    expect(ofPid(500)).toBe('nginx');
  });

  it.each([0, -1, 4_194_305])('%s is nobody', pid => {
    expect(lookup(daemon('d', { user: '0' })).ofPid(pid)).toBeUndefined();
  });

  it('of another pid namespace or behind a file that is no stat is nobody', () => {
    host.write('proc/700/stat', 'garbage');
    expect(lookup(daemon('d', { user: '0' })).ofPid(700)).toBeUndefined();
  });
});

describe('a process that execs', () => {
  it('is examined again when its name changes', () => {
    const { ofProcess } = lookup(daemon('nginx', { exe: '/usr/sbin/nginx' }));
    host.run({ ...NGINX, comm: 'sh', exe: '/bin/sh' });
    expect(ofProcess(facts({ ...NGINX, comm: 'sh' }))).toBeUndefined();
    host.run(NGINX);
    expect(ofProcess(facts(NGINX))).toBe('nginx');
  });

  it('is examined again soon after it was first seen, as long as it may still start, and then within a minute', () => {
    const { ofProcess } = lookup(daemon('app', { cmdline: 'app\\.py' }));
    const python = { pid: 480, comm: 'python3', start: 100 };
    host.run({ ...python, cmdline: ['python3', 'launch.py'] });
    expect(ofProcess(facts(python))).toBeUndefined();
    host.run({ ...python, cmdline: ['python3', 'app.py'] });
    host.tick(1000);
    expect(ofProcess(facts(python))).toBe('app');
    host.run({ ...python, cmdline: ['python3', 'launch.py'] });
    host.tick(19_000);
    expect(ofProcess(facts(python))).toBeUndefined();
    host.run({ ...python, cmdline: ['title of app.py'] });
    host.tick(10_000);
    expect(ofProcess(facts(python))).toBe('app');
    host.run({ ...python, cmdline: ['python3', 'other.py'] });
    host.tick(44_000);
    expect(ofProcess(facts(python))).toBe('app');
    host.tick(1000);
    expect(ofProcess(facts(python))).toBeUndefined();
  });

  it('is examined again at once when its stack begins elsewhere', () => {
    const { ofProcess } = lookup(daemon('app', { cmdline: 'app\\.py' }));
    const ofStack = (stack: number) => ofProcess(facts({ pid: 480, comm: 'python3', start: 100, stack }));
    host.run({ pid: 480, comm: 'python3', start: 100, cmdline: ['python3', 'launch.py'] });
    expect(ofStack(7)).toBeUndefined();
    host.run({ pid: 480, comm: 'python3', start: 100, cmdline: ['python3', 'app.py'] });
    expect([ofStack(7), ofStack(0), ofStack(8)]).toEqual([undefined, undefined, 'app']);
  });

  it('is examined in its turn, where many were seen together', () => {
    const { ofProcess } = lookup(daemon('app', { cmdline: 'app\\.py' }));
    const all = Array.from({ length: 60 }, (_, i) => ({ pid: 500 + i, comm: 'python3', start: 100 }));
    const isApp = (process: (typeof all)[number]) => ofProcess(facts(process)) === 'app';
    for (const process of all) host.run({ ...process, cmdline: ['python3', 'app.py'] });
    for (const ms of [0, 30_000]) {
      host.tick(ms);
      expect(all.filter(isApp)).toEqual(all);
    }
    for (const process of all) host.run({ ...process, cmdline: ['python3', 'other.py'] });
    for (let left = all.length - 1; left >= 0; left--) {
      host.tick(750);
      expect(all.filter(isApp)).toHaveLength(left);
    }
  });

  it('is not held to an answer that came of a passing fault', () => {
    const { ofProcess } = lookup(daemon('app', { cmdline: 'app' }));
    const app = { pid: 500, comm: 'app', cmdline: ['app'] };
    host.run(app);
    host.remove('proc/500/cmdline');
    mkdirSync(`${host.root}/proc/500/cmdline`);
    expect(ofProcess(facts(app))).toBeUndefined();
    host.tick(1000);
    expect(ofProcess(facts(app))).toBeUndefined();
    host.run(app);
    host.tick(1000);
    expect(ofProcess(facts(app))).toBe('app');
  });
});

describe('a program that goes on', () => {
  const app = () => ({ pid: 500, comm: 'app', start: 100, stack: 7, exe: `${host.root}/opt/app` });
  const moved = () => {
    renameSync(`${host.root}/opt/app`, `${host.root}/opt/app.old`);
    host.write('opt/app', 'new');
    return { ...app(), exe: `${host.root}/opt/app.old` };
  };
  beforeEach(() => host.write('opt/app', ''));

  it.each<[string, () => MatchSpec, () => FakeProcess]>([
    ['its file is moved aside', () => ({ exe: app().exe }), moved],
    ['it takes another name', () => ({ comm: 'app' }), () => ({ ...app(), comm: 'app: ready' })],
    ['it takes another title', () => ({ cmdline: '^app' }), () => ({ ...app(), cmdline: ['ready'] })],
  ])('is who it was when %s', (_, match, change) => {
    const { ofPid } = lookup(daemon('d', match()));
    host.run({ ...app(), cmdline: ['app'] });
    expect(ofPid(500)).toBe('d');
    host.run(change());
    for (let seconds = 0; seconds < 180; seconds++) {
      host.tick(1000);
      expect(ofPid(500)).toBe('d');
    }
  });

  it.each<[string, () => FakeProcess]>([
    ['is another program', () => ({ ...app(), comm: 'b', exe: `${host.root}/opt/b` })],
    ['is the same anew', () => ({ ...app(), comm: 'b', stack: 8 })],
    ['is of another process', () => ({ ...app(), comm: 'b', start: 200 })],
    ['is not told', () => ({ pid: 500, comm: 'b', start: 100, stack: 7 })],
  ])('what %s is judged by what it is now', (_, change) => {
    host.write('opt/b', '');
    const { ofPid } = lookup(daemon('d', { comm: 'app' }));
    host.run(app());
    expect(ofPid(500)).toBe('d');
    host.run(change());
    host.tick(1000);
    expect(ofPid(500)).toBeUndefined();
  });

  it('is whoever it has become, where that is declared', () => {
    const { ofPid } = lookup(daemon('d', { comm: 'app' }), daemon('e', { comm: 'b' }));
    host.run(app());
    expect(ofPid(500)).toBe('d');
    host.run({ ...app(), comm: 'b' });
    host.tick(1000);
    expect(ofPid(500)).toBe('e');
  });

  it('is who it was under other declarations as well, as long as its own is the same', () => {
    const { ofPid, declare } = lookup(daemon('d', { exe: app().exe }));
    host.run(app());
    expect(ofPid(500)).toBe('d');
    host.run(moved());
    declare([daemon('other', { comm: 'other' }), daemon('d', { exe: app().exe })]);
    expect(ofPid(500)).toBe('d');
    declare([daemon('d', { exe: '/opt/elsewhere' })]);
    expect(ofPid(500)).toBeUndefined();
  });
});

describe('a process whose first thread has ended', () => {
  it('is told by the others', () => {
    const match = { exe: '/usr/sbin/app', cmdline: '^app -d$' };
    host.run({ pid: 500, comm: 'app', state: 'Z', threads: 2 });
    host.write('proc/500/task/500/cmdline', '');
    host.write('proc/500/task/501/cmdline', 'app\0-d\0');
    symlinkSync('/usr/sbin/app', `${host.root}/proc/500/task/501/exe`);
    expect(lookup(daemon('d', match)).ofPid(500)).toBe('d');
  });
});

describe('tags and files', () => {
  const { ofIdentifier, ofFile } = createLookup({
    declared: [
      daemon(
        'nginx',
        { comm: 'nginx' },
        { logs: { identifiers: ['nginx', 'web'], files: ['/var/log/nginx/*.log'], parse: 'none' } },
      ),
      daemon(
        'other',
        { comm: 'o' },
        { logs: { identifiers: ['web'], files: ['/var/log/**'], parse: 'none' } },
      ),
    ],
    root: '/',
    patterns,
    now: () => 0,
    elapsed: () => 0,
  });
  it.each([
    ['nginx', 'nginx'],
    ['web', 'nginx'],
    ['Nginx', undefined],
    ['', undefined],
  ])('the tag %j is of %s', (tag, name) => expect(ofIdentifier(tag)).toBe(name));
  it.each([
    ['/var/log/nginx/access.log', 'nginx'],
    ['/var/log/nginx/old/access.log', 'other'],
    ['/srv/x.log', undefined],
  ])('the file %s is of %s', (path, name) => expect(ofFile(path)).toBe(name));
});

describe('this host', () => {
  const here = (...declared: DaemonSpec[]) => createLookup({ declared, root: '/', patterns, ...systemClock });

  it('tells our own children by what they run, and still when they have gone', async () => {
    const child = spawn('sleep', ['987.125'], { stdio: 'ignore' });
    await once(child, 'spawn');
    const { ofPid } = here(
      daemon('sleeper', { comm: 'sleep', cmdline: '987\\.125', user: String(process.geteuid!()) }),
    );
    expect(ofPid(child.pid!)).toBe('sleeper');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(ofPid(child.pid!)).toBe('sleeper');
    expect(ofPid(process.pid)).toBeUndefined();
  });

  it('tells who listens on a port', async () => {
    const server = createServer().listen(0, '::');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    expect(here(daemon('us', { port })).ofPid(process.pid)).toBe('us');
    expect(here(daemon('us', { port, exe: '/nowhere' })).ofPid(process.pid)).toBeUndefined();
    server.close();
  });

  if (have('root'))
    it('says once that it may not see who listens on a port', async () => {
      const program = `const s = require('net').createServer().listen(0, '127.0.0.1', () => console.log(s.address().port))`;
      const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'ignore'] });
      const port = Number(String((await once(child.stdout, 'data'))[0]));
      const warnings: string[] = [];
      const log = { warn: (text: string) => void warnings.push(text) } as unknown as Log;
      process.seteuid!(65_534);
      try {
        const declared = [daemon('a', { port }), daemon('b', { port, user: 'root' })];
        const { ofPid } = createLookup({ declared, root: '/', patterns, ...systemClock, log });
        expect(ofPid(child.pid!)).toBeUndefined();
      } finally {
        process.seteuid!(0);
        child.kill('SIGKILL');
      }
      expect(warnings).toEqual([
        expect.stringMatching(
          `^cannot see who listens on port "${port}": permission denied; .* CAP_SYS_PTRACE$`,
        ),
      ]);
    });

  if (have('root'))
    it('goes by the name where the program of others may not be read, and says so once', async () => {
      const child = spawn('sleep', ['987.25'], { stdio: 'ignore' });
      await once(child, 'spawn');
      const warnings: string[] = [];
      const silent = () => {};
      const log = {
        debug: silent,
        info: silent,
        error: silent,
        warn: (text: string) => void warnings.push(text),
        room: () => log,
      };
      const exe = (path: string) => daemon(path, { exe: path, cmdline: '987\\.25' });
      process.seteuid!(65_534);
      try {
        const declared = [exe('/usr/bin/other'), exe('/opt/sleep')];
        const { ofPid } = createLookup({ declared, root: '/', patterns, ...systemClock, log });
        expect(ofPid(child.pid!)).toBe('/opt/sleep');
        ofPid(1);
      } finally {
        process.seteuid!(0);
        child.kill('SIGKILL');
      }
      expect(warnings).toEqual([
        expect.stringMatching(
          /^cannot read executable of process "\d+": permission denied; .*CAP_SYS_PTRACE$/,
        ),
      ]);
    });
});
