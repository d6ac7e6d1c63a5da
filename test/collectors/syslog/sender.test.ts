import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BEGUN_BYTES, type Begun, createBegun } from '../../../agent/core/begun.ts';
import type { ProcessFacts } from '../../../agent/core/daemon.ts';
import type { Log } from '../../../agent/core/log.ts';
import { createOrigins } from '../../../agent/core/record.ts';
import { createSenders, type Senders } from '../../../collectors/syslog/sender.ts';
import { BOOT, createHost, type FakeHost } from '../../procfs.ts';
import { quiet } from '../../quiet.ts';
import { lookup } from './collect.ts';

/** Unix ms, long after boot. */
const NOW = (BOOT + 10_000) * 1000;
let host: FakeHost;
let warnings: string[];
let senders: Senders;
let begun: Begun;
beforeEach(() => {
  host = createHost();
  warnings = [];
  const log: Log = { ...quiet, warn: message => void warnings.push(message) };
  const daemons = {
    ...lookup([], pid => (pid === 10 ? 'nginx' : undefined)),
    ofProcess: (process: ProcessFacts) => (process.began?.exe === '/usr/sbin/nginx' ? 'nginx' : undefined),
  };
  const memory = new SharedArrayBuffer(BEGUN_BYTES);
  begun = createBegun(memory);
  senders = createSenders(
    { root: host.root, now: host.now, daemons, origins: createOrigins(), log, begun: memory },
    { rate: '10/s', perSecond: 10, burst: 2 },
  );
});
afterEach(() => host.close());

const program = (exe: string, ppid = 1) => ({ exe, ppid, terminal: 0 });
const attributesOf = (fields: Uint8Array) => Buffer.from(fields).toString('latin1');

describe('a process', () => {
  it('that has ended stays who it was, for as long as nobody else can have sent it', () => {
    host.run({ pid: 10, comm: 'nginx', start: 100 });
    const alive = senders.process(10, 33, NOW);
    expect(alive).toMatchObject({ daemon: 'nginx', executable: 'nginx', name: 'nginx', key: 'nginx' });
    host.kill(10);
    const ended = senders.process(10, 33, NOW + 5000);
    expect(ended).toMatchObject({ daemon: 'nginx', executable: 'nginx', checked: NOW + 5000 });
    expect(ended.origin).toBe(alive.origin);
    // Its pid is another's now, who is too young for this message, and old enough for that.
    host.run({ pid: 10, comm: 'other', start: 10_100 });
    expect(senders.process(10, 33, NOW + 7000)).toMatchObject({ executable: 'nginx' });
    expect(senders.process(10, 33, NOW + 200_000)).toMatchObject({ executable: 'other' });
  });

  it('that began before the clock was set back is still known', () => {
    host.run({ pid: 10, comm: 'nginx', start: 9_990 });
    expect(senders.process(10, 33, host.now())).toMatchObject({ daemon: 'nginx' });
    host.run({ pid: 11, comm: 'cron', start: 9_990 });
    host.set(-3_600_000);
    expect(senders.process(11, 0, host.now())).toMatchObject({ executable: 'cron' });
  });

  it('of another user is another', () => {
    host.run({ pid: 10, comm: 'nginx', start: 100 });
    senders.process(10, 33, NOW);
    host.kill(10);
    expect(senders.process(10, 0, NOW)).toMatchObject({ daemon: undefined, executable: undefined });
  });

  it('that had ended before anybody looked is a user', () => {
    expect(senders.process(77, 1000, NOW)).toMatchObject({
      pid: 77,
      daemon: undefined,
      name: 'ended processes of user 1000',
    });
  });

  it('that had ended before anybody looked is the program it was seen to begin', () => {
    begun.note(77, NOW - 3, program('/usr/bin/logger'));
    begun.note(78, NOW - 3, program('/usr/sbin/nginx'));
    expect(senders.process(77, 1000, NOW)).toMatchObject({
      daemon: undefined,
      executable: 'logger',
      key: 'logger of user 1000',
    });
    expect(senders.process(78, 33, NOW)).toMatchObject({ daemon: 'nginx', executable: 'nginx' });
    expect(attributesOf(senders.process(77, 1000, NOW).fields)).toContain('process.executable.name');
    // Whoever was seen alive is better known.
    host.run({ pid: 10, comm: 'nginx', start: 100 });
    senders.process(10, 33, NOW);
    host.kill(10);
    begun.note(10, NOW + 4000, program('/bin/other'));
    expect(senders.process(10, 33, NOW + 5000)).toMatchObject({ executable: 'nginx' });
  });

  it('that had ended, like its parent, is whose child they were', () => {
    begun.note(76, NOW - 9, program('/usr/sbin/nginx'));
    begun.note(77, NOW - 6, program('/bin/sh', 76));
    begun.note(78, NOW - 3, program('/usr/bin/logger', 77));
    expect(senders.process(78, 33, NOW)).toMatchObject({ daemon: 'nginx', executable: 'logger' });
    // Pids that name each other have no end.
    begun.note(80, NOW, program('/bin/a', 81));
    begun.note(81, NOW, program('/bin/b', 80));
    expect(senders.process(80, 33, NOW)).toMatchObject({ daemon: undefined, executable: 'a' });
  });

  it('that had ended is nobody’s when its parent lives and is nobody’s, whoever started that', () => {
    host.run({ pid: 76, comm: 'sshd', start: 9_991 });
    begun.note(76, NOW - 9000, program('/usr/sbin/nginx'));
    host.run({ pid: 77, ppid: 76, comm: 'sh', start: 9_999 });
    begun.note(77, NOW - 1000, program('/bin/sh', 76));
    begun.note(78, NOW - 3, program('/usr/bin/logger', 77));
    expect(senders.process(78, 33, NOW)).toMatchObject({ daemon: undefined, executable: 'logger' });
    expect(senders.process(77, 33, NOW)).toMatchObject({ daemon: undefined });
  });

  it('of a foreign pid namespace is a user, and is explained once', () => {
    const first = senders.process(0, 1000, NOW);
    expect(first).toMatchObject({ pid: 0, uid: 1000, daemon: undefined, name: 'processes of user 1000' });
    expect(attributesOf(first.fields)).toContain('user.id');
    expect(attributesOf(first.fields)).not.toContain('process.pid');
    expect(senders.process(0, 1000, NOW + 5000)).toBe(first);
    expect(senders.process(0, 1001, NOW).uid).toBe(1001);
    expect(warnings).toEqual([expect.stringMatching(/pid namespace .*hostPID/)]);
  });

  it('of whom the kernel says nothing is nobody, without a word', () => {
    expect(senders.process(0, 65534, NOW)).toMatchObject({ pid: 0, fields: new Uint8Array(0) });
    expect(warnings).toEqual([]);
  });
});

describe('a limit', () => {
  it('is one for all processes of a daemon, and for a program of a user', () => {
    host.run({ pid: 10, comm: 'nginx', start: 100 });
    host.run({ pid: 11, comm: 'sh', start: 100 });
    host.run({ pid: 12, comm: 'sh', start: 100 });
    host.run({ pid: 13, comm: 'cat', start: 100 });
    const bucket = (pid: number, uid: number, at = NOW) => senders.process(pid, uid, at).bucket;
    expect(bucket(11, 5)).toBe(bucket(12, 5));
    expect(bucket(11, 5, NOW + 5000)).toBe(bucket(12, 5));
    expect(bucket(11, 6)).not.toBe(bucket(12, 5));
    expect(bucket(13, 5)).not.toBe(bucket(12, 5));
    expect(bucket(10, 5)).toBe(bucket(10, 6));
    expect(senders.peer('192.0.2.1').bucket).not.toBe(senders.peer('192.0.2.2').bucket);
  });
});
