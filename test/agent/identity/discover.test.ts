// What daemons are called that are found on a host of files.
import { expect, it, onTestFinished } from 'vitest';
import { listRecipes } from '../../../agent/config/declare.ts';
import { createPatterns } from '../../../agent/config/patterns.ts';
import { declare } from '../../../agent/identity/declare.ts';
import { type Discovered, discover } from '../../../agent/identity/discover.ts';
import { createHost, type FakeProcess } from '../../procfs.ts';

it.each<[name: string, recipe: string | undefined, process: Omit<FakeProcess, 'pid'>]>([
  ['redis-server', 'redis', { comm: 'redis-server', cmdline: ['/usr/bin/redis-server *:6379'] }],
  ['postfix', 'postfix', { comm: 'master', cmdline: ['/usr/lib/postfix/sbin/master', '-w'] }],
  ['php-fpm', 'php-fpm', { comm: 'php-fpm8.2', cmdline: ['php-fpm: master process (/etc/php-fpm.conf)'] }],
  ['rabbitmq', 'rabbitmq', { comm: 'beam.smp', cmdline: ['/usr/lib/erlang/bin/beam.smp', '-s', 'rabbit'] }],
  [
    'postfix@-',
    'postfix',
    {
      comm: 'master',
      cmdline: ['/usr/lib/postfix/sbin/master', '-w'],
      cgroup: '0::/system.slice/system-postfix.slice/postfix@-.service\n',
    },
  ],
  ['master', undefined, { comm: 'master', exe: '/opt/master', cmdline: ['/opt/master'] }],
])('%s, which recipe %s knows', (name, recipe, process) => {
  const host = createHost();
  onTestFinished(() => host.close());
  host.run({ pid: 1, ppid: 0, comm: 'init' });
  host.run({ pid: 500, ...process });
  const { daemons } = discover({ ...host, patterns: createPatterns(), recipes: listRecipes() });
  expect(daemons.map(found => [found.name, found.recipe, found.pids])).toEqual([[name, recipe, [500]]]);
});

it('scripts of one name are daemons of their own, and keep the names they have', () => {
  const host = createHost();
  onTestFinished(() => host.close());
  host.run({ pid: 1, ppid: 0, comm: 'init' });
  const run = (pid: number, exe: string, script: string) =>
    host.run({ pid, comm: 'x', exe: `/usr/bin/${exe}`, cmdline: [exe, script] });
  const look = (known: readonly Discovered[] = []) =>
    discover({ ...host, patterns: createPatterns(), recipes: [], known }).daemons;
  const told = (found: readonly Discovered[]) => found.map(({ name, pids }) => [name, pids]);
  run(500, 'python3', '/srv/a/app.py');
  run(501, 'python3', '/srv/a/app.py');
  const first = look();
  expect(told(first)).toEqual([['app', [500, 501]]]);
  run(502, 'python3', '/srv/b/app.py');
  run(503, 'node', 'app.js');
  expect(told(look())).toEqual([
    ['a_app', [500, 501]],
    ['app', [503]],
    ['b_app', [502]],
  ]);
  const others = [
    ['app.js', [503]],
    ['b_app.py', [502]],
  ];
  const second = look(first);
  expect(told(second)).toEqual([['app', [500, 501]], ...others]);
  host.kill(500);
  host.kill(501);
  expect(told(look(second))).toEqual(others);
  expect(declare(second, [], createPatterns())).toEqual({
    app: { match: { exe: '/usr/bin/python3', cmdline: ' /srv/a/app\\.py( |$)' } },
    'app.js': { match: { exe: '/usr/bin/node', cmdline: ' app\\.js( |$)' } },
    'b_app.py': { match: { exe: '/usr/bin/python3', cmdline: ' /srv/b/app\\.py( |$)' } },
  });
});

it('a script is the same by whatever interprets it', () => {
  const host = createHost();
  onTestFinished(() => host.close());
  host.run({ pid: 1, ppid: 0, comm: 'init' });
  for (const [pid, exe] of [
    [500, 'python3.11'],
    [501, 'python3.12'],
  ] as const)
    host.run({ pid, comm: exe, exe: `/usr/bin/${exe}`, cmdline: [exe, '/srv/app.py'] });
  const { daemons } = discover({ ...host, patterns: createPatterns(), recipes: [] });
  expect(declare(daemons, [], createPatterns())).toEqual({
    app: { match: { cmdline: ' /srv/app\\.py( |$)' } },
  });
});

it('two releases of a script are one daemon, and so is the next', () => {
  const host = createHost();
  onTestFinished(() => host.close());
  host.run({ pid: 1, ppid: 0, comm: 'init' });
  for (const [pid, release] of [
    [500, '1.9.0'],
    [501, '1.10.0-rc1'],
  ] as const)
    host.run({
      pid,
      comm: 'java',
      exe: '/usr/bin/java',
      cmdline: ['java', '-jar', `/opt/shop-${release}.jar`],
    });
  const { daemons } = discover({ ...host, patterns: createPatterns(), recipes: [] });
  const { shop } = declare(daemons, [], createPatterns());
  expect(shop!.match).toEqual({ exe: '/usr/bin/java', cmdline: ' /opt/shop-[^/ ]*\\.jar( |$)' });
  expect(Object.keys(shop!)).toEqual(['match']);
  expect(new RegExp(shop!.match!.cmdline!).test('java -jar /opt/shop-2.0.0.jar')).toBe(true);
});
