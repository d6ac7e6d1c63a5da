// What a process is called, from what the kernel says of it.
import { expect, it } from 'vitest';
import { namesOf, programOf } from '../../../agent/identity/program.ts';

it.each([
  ['nginx', '/usr/sbin/nginx', 'nginx: master process', { name: 'nginx' }],
  ['a name cut by the kernel', '/usr/bin/systemd-journald', '', { name: 'a name cut by the kernel' }],
  ['memcached', undefined, 'memcached -m 64', { name: 'memcached' }],
  [
    'python3',
    '/usr/bin/python3.11',
    '/usr/bin/python3 /opt/app/serve.py -p 1',
    { name: 'serve', script: '/opt/app/serve.py' },
  ],
  [
    'node-MainThread',
    undefined,
    '/usr/bin/node --import ./x.js /srv/shop.js',
    { name: 'shop', script: '/srv/shop.js' },
  ],
  ['serve', undefined, '/usr/bin/python3 -u /opt/serve', { name: 'serve', script: '/opt/serve' }],
  ['python3', undefined, 'my worker: idle', { name: 'python3' }],
  ['memfd:sealed-91', undefined, 'tools/backend --uid 0', { name: 'backend' }],
  ['memfd:sealed-91', undefined, '', { name: 'memfd:sealed-91' }],
  ['java', '/usr/bin/java', 'java -cp a.jar Main', { name: 'Main', script: 'Main' }],
  ['sh', '/usr/bin/dash', 'sh -c while true', undefined],
  ['sleep', '/usr/bin/sleep', 'sleep infinity', undefined],
  ['tail', '/bin/busybox', 'tail -f /dev/null', undefined],
  ['sleeperd', '/usr/sbin/sleeperd', 'sleeperd', { name: 'sleeperd' }],
])('%s of %s, %s', (comm, exe, cmdline, program) =>
  expect(programOf(comm, exe, cmdline)).toEqual(program && { script: undefined, ...program }),
);

it.each<[scripts: string[], taken: string[], names: string[]]>([
  [['/srv/a/app.py'], [], ['app']],
  [['/srv/a/app.py'], ['app'], ['app.py']],
  [['/srv/a/app.py', 'app.js'], [], ['app.py', 'app.js']],
  [['/srv/a/app.py', '/srv/b/app.py'], ['app'], ['a_app', 'b_app']],
  [['/a/web/app.py', '/b/web/app.py', '/b/app.py'], [], ['a_web_app', 'b_web_app', 'b_app']],
  [['com.shop.Api', 'com.shop.Web'], [], ['com.shop.Api', 'com.shop.Web']],
  [['/a b.py', '/a+b.py'], [], ['a_b.py', 'a_b.py']],
])('%j beside %j are called %j', (scripts, taken, names) =>
  expect(namesOf(scripts, new Set(taken))).toEqual(names),
);
