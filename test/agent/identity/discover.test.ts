// What daemons are called that are found on a host of files.
import { expect, it, onTestFinished } from 'vitest';
import { listRecipes } from '../../../agent/config/declare.ts';
import { createPatterns } from '../../../agent/config/patterns.ts';
import { discover } from '../../../agent/identity/discover.ts';
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
