// Who is a daemon and who is not, on hosts told as tables of processes.
import { describe, expect, it } from 'vitest';
import { type Candidate, census } from '../../../agent/identity/census.ts';
import {
  globOf,
  isLogPath,
  parseQueues,
  parseSegments,
  parseUnix,
} from '../../../agent/identity/parse-fd.ts';

const process = (pid: number, comm: string, rest: Partial<Candidate> = {}): Candidate => ({
  pid,
  ppid: 1,
  comm,
  leader: false,
  terminal: false,
  kernelThread: false,
  unit: undefined,
  ofUser: false,
  recipe: undefined,
  nameless: false,
  taken: false,
  ...rest,
});
const INIT = process(1, 'systemd', { ppid: 0 });
const DAEMON = { leader: true };

const HOSTS: [what: string, processes: Candidate[], tops: Record<number, number>][] = [
  ['a service of systemd', [INIT, process(5, 'x', { unit: 'x.service' })], { 5: 5 }],
  ['one that leads its session', [INIT, process(5, 'x', { ...DAEMON, ppid: 4 })], { 5: 5 }],
  ['an orphan that init has adopted', [INIT, process(5, 'x')], { 5: 5 }],
  ['its children are its own', [INIT, process(5, 'x', DAEMON), process(6, 'y', { ppid: 5 })], { 5: 5, 6: 5 }],
  [
    'an application in a terminal is none',
    [
      INIT,
      process(4, 'bash', { ppid: 3, leader: true, terminal: true }),
      process(5, 'vim', { ppid: 4, terminal: true }),
    ],
    {},
  ],
  ['a kernel thread is none', [INIT, process(2, 'kthreadd', { kernelThread: true, leader: true })], {}],
  [
    'a job belongs to cron, and so does what it starts',
    [
      INIT,
      process(5, 'cron', { ...DAEMON, recipe: 'cron' }),
      process(6, 'cron', { ppid: 5, leader: true, recipe: 'cron' }),
      process(7, 'sh', { ppid: 6, leader: true, nameless: true }),
      process(8, 'backup', { ppid: 7 }),
    ],
    { 5: 5, 6: 5, 7: 5, 8: 5 },
  ],
  [
    'a shell script and what it waits for are none',
    [
      process(1, 'sleep', { ppid: 0 }),
      process(5, 'sh', { ppid: 4, nameless: true }),
      process(6, 'sleep', { ppid: 5 }),
    ],
    {},
  ],
  [
    'a shell that leads a session with code of no name is none',
    [INIT, process(5, 'sh', { ...DAEMON, nameless: true })],
    {},
  ],
  ['but it is one as a service', [INIT, process(5, 'sh', { nameless: true, unit: 'x.service' })], { 5: 5 }],
  ['what runs in a user’s session is none', [INIT, process(5, 'x', { ...DAEMON, ofUser: true })], {}],
  [
    'supervised programs are daemons of their own',
    [
      INIT,
      process(5, 'supervisord', { ...DAEMON, recipe: 'supervisord' }),
      process(6, 'web', { ppid: 5 }),
      process(7, 'w', { ppid: 6 }),
    ],
    { 5: 5, 6: 6, 7: 6 },
  ],
  [
    'those of PM2 as well',
    [INIT, process(5, 'PM2 v5.3.0: God', DAEMON), process(6, 'node', { ppid: 5 })],
    { 5: 5, 6: 6 },
  ],
  [
    'one of another recipe below a daemon',
    [INIT, process(5, 'x', DAEMON), process(6, 'redis-server', { ppid: 5, recipe: 'redis' })],
    { 5: 5, 6: 6 },
  ],
  [
    'in a container its first process, but not the shell that started it',
    [
      process(1, 'nginx', { ppid: 0, leader: true, recipe: 'nginx' }),
      process(5, 'nginx', { recipe: 'nginx' }),
    ],
    { 1: 1, 5: 1 },
  ],
  [
    'what is declared, and what it starts, is not looked for',
    [INIT, process(5, 'x', { ...DAEMON, taken: true }), process(6, 'y', { ppid: 5, leader: true })],
    {},
  ],
  ['systemd’s own before it executes a unit', [INIT, process(5, '(nginx)', DAEMON)], {}],
  ['parents that are each other’s child', [process(5, 'a', { ppid: 6 }), process(6, 'b', { ppid: 5 })], {}],
  ['its own parent', [process(5, 'a', { ppid: 5 })], {}],
  ['nobody', [], {}],
];

describe('a census', () => {
  it.each(HOSTS)('%s', (_, processes, tops) => {
    const found = census(new Map(processes.map(each => [each.pid, each])), undefined);
    expect(Object.fromEntries(found)).toEqual(tops);
  });

  it('leaves out the agent and those that started it, but for their recipe', () => {
    const host = (rest: Partial<Candidate>) =>
      new Map(
        [INIT, process(5, 'make', { ...DAEMON, ...rest }), process(6, 'node', { ppid: 5, leader: true })].map(
          each => [each.pid, each],
        ),
      );
    expect(census(host({}), 6).size).toBe(0);
    expect(Object.fromEntries(census(host({ recipe: 'x' }), 6))).toEqual({ 5: 5 });
  });
});

describe('open files', () => {
  const APPEND = 0o2001;
  it.each([
    ['/var/log/x', 0o1, true],
    ['/var/log/x', 0o2, false],
    ['/var/log/x', 0, false],
    ['/srv/x.log', APPEND, true],
    ['/srv/x.log', 0o1, false],
    ['/srv/x.db', APPEND, false],
    ['/var/log/wtmp', APPEND, false],
    ['/var/log/x.log (deleted)', APPEND, false],
  ])('%s opened with %i is a log: %s', (path, flags, log) => expect(isLogPath(path, flags)).toBe(log));

  it.each([
    ['/var/log/a.log', '/var/log/a.log'],
    ['/var/log/a-2026-11-24.log', '/var/log/a-*.log'],
    ['/var/log/a.20261124_1530.log', '/var/log/a.*.log'],
    ['/var/log/a[1].log', '/var/log/a?1?.log'],
    ['/var/log/123456789.log', '/var/log/123456789.log'],
    ['/tmp/a-stdout---supervisor-ye80_l7v.log', '/tmp/a-stdout---supervisor-????????.log'],
    ['/tmp/a-stdout---x.log', '/tmp/a-stdout---x.log'],
  ])('%s is followed as %s', (path, glob) => expect(globOf(path)).toBe(glob));

  it('Unix sockets by inode, those without a path passed over', () =>
    expect([
      ...parseUnix(
        'Num       RefCount Protocol Flags    Type St Inode Path\n0000000000000000: 00000002 00000000 00010000 0001 01  12345 /run/x y.sock\nffff8880: 00000003 00000000 00000000 0001 03 7\nffff8880: 00000002 00000000 00000000 0002 01 99 @abstract\nbroken 1 2\n',
      ),
    ]).toEqual([
      ['socket:[12345]', '/run/x y.sock'],
      ['socket:[99]', '@abstract'],
    ]));

  it('shared memory by name or key, private mappings and files passed over', () =>
    expect([
      ...parseSegments(
        '7f00-7f01 rw-s 00000000 00:17 5   /dev/shm/queue (deleted)\n7f00-7f01 rw-s 00000000 00:01 6     /SYSV0000cafe (deleted)\n7f00-7f01 rw-p 00000000 00:17 5   /dev/shm/private\n7f00-7f01 r--s 00000000 08:01 5   /usr/share/x\n7f00-7f01 rw-p 0 0 0 [heap]\nbroken\n',
      ),
    ]).toEqual(['/dev/shm/queue', 'key 0x0000cafe']));
});

it.each<[string, string, [number, string[]][]]>([
  ['nothing', '', []],
  ['no queue', '       key      msqid perms      cbytes       qnum lspid lrpid\n', []],
  [
    'keys, also beyond 2^31, and none',
    `key msqid perms cbytes qnum lspid lrpid uid
1702192129 0 600 1 1 21140 0 0
-1 3 600 1 1 7 21140 0
0 9 600 1 1 7 7 0
`,
    [
      [21140, ['key 0x65756401', 'key 0xffffffff']],
      [7, ['key 0xffffffff', 'id 9']],
    ],
  ],
  ['a line cut short', 'key msqid\n12\nnonsense here\n', []],
])('message queues of System V: %s', (_, text, found) => {
  expect([...parseQueues(text)]).toEqual(found);
});
