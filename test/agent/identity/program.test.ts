// What a process is called, from what the kernel says of it.
import { expect, it } from 'vitest';
import { namesOf, programOf, unversioned } from '../../../agent/identity/program.ts';

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
  ['java', '/usr/bin/java', 'java -jar /opt/shop-1.2.3.jar', { name: 'shop', script: '/opt/shop-1.2.3.jar' }],
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

it.each([
  ['/opt/shop-1.2.3.jar', '/opt/shop.jar'],
  ['shop-v1.2.3-SNAPSHOT.jar', 'shop.jar'],
  ['/opt/kafka_2.13-3.6.0/libs/kafka_2.13-3.6.0.jar', '/opt/kafka/libs/kafka.jar'],
  ['/srv/shop/releases/20240131120000/server.js', '/srv/shop/releases//server.js'],
  ['/opt/tool-1.2.3', '/opt/tool'],
  ['/opt/1.2.3/tool.py', '/opt//tool.py'],
  ['1.2.3.jar', '1.2.3.jar'],
  ['/usr/lib/python3.11/site.py', '/usr/lib/python3.11/site.py'],
  ['/srv/port-8080.js', '/srv/port-8080.js'],
  ['com.shop.Main', 'com.shop.Main'],
])('%s of any release is %s', (script, any) => expect(unversioned(script)).toBe(any));
