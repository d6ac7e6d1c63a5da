// Daemons: what may be said about them, what recipes add, and how each slip is told.

import { describe, expect, test } from 'vitest';
import { load, problems } from './tables.ts';

const daemonsOf = async (text: string) => (await load(`daemons:\n${text}`)).daemons;

describe('what a daemon becomes', () => {
  test('everything said', async () => {
    expect(
      await daemonsOf(`
  web@1.eu-west:
    match: { systemd_unit: web, pidfile: /run/web.pid, exe: /usr/bin/web, comm: web, cmdline: '--prod$', user: 1000, cgroup: /a/, port: 80, container: 0123456789ab }
    logs:
      identifiers: web
      files: ["/var/log/web/*.{log,err}"]
      parse: { regex: '(?<t>\\S+) (?<msg>.*)', time: t, body: msg }
      multiline: { start: '^\\d' }
      expect_every: 1h30m
    health:
      - http: https://127.0.0.1:8443/healthz
        every: 5s
        timeout: 1s
        failures: 2
        successes: 2
        method: HEAD
        status: [200, 204]
        headers: { X-Probe: 1 }
        tls_insecure: true
      - { unix: /run/web.sock, send: "PING\\r\\n", expect: "^\\\\+PONG" }
      - { name: script, exec: [/usr/lib/check, -x], as: nobody }
      - { grpc: "[::1]:50051", service: my.Service }
    expect: { instances: ">= 1", fd_usage: "< 80.5%", memory: < 2GiB, restarts: "< 3 in 10m" }
    labels: { team: web, tier: 1 }
`),
    ).toEqual([
      {
        name: 'web@1.eu-west',
        match: {
          systemd_unit: 'web.service',
          pidfile: '/run/web.pid',
          exe: '/usr/bin/web',
          comm: 'web',
          cmdline: '--prod$',
          user: '1000',
          cgroup: '/a/',
          port: 80,
          container: '0123456789ab',
        },
        logs: {
          identifiers: ['web'],
          files: ['/var/log/web/*.{log,err}'],
          parse: { regex: '(?<t>\\S+) (?<msg>.*)', time: 't', body: 'msg' },
          multiline: { start: '^\\d' },
          expect_every: 5_400_000,
        },
        health: [
          {
            name: 'http',
            http: 'https://127.0.0.1:8443/healthz',
            every: 5000,
            timeout: 1000,
            failures: 2,
            successes: 2,
            method: 'HEAD',
            status: [200, 204],
            headers: { 'X-Probe': '1' },
            tls_insecure: true,
          },
          { name: 'unix', unix: '/run/web.sock', send: 'PING\r\n', expect: '^\\+PONG', ...defaults },
          { name: 'script', exec: ['/usr/lib/check', '-x'], as: 'nobody', ...defaults },
          { name: 'grpc', grpc: '[::1]:50051', service: 'my.Service', ...defaults },
        ],
        expect: { instances: '>= 1', fd_usage: '< 80.5%', memory: '< 2GiB', restarts: '< 3 in 10m' },
        labels: { team: 'web', tier: '1' },
      },
    ]);
  });

  test('almost nothing said', async () => {
    expect(await daemonsOf('  x: { match: { comm: x } }')).toEqual([
      {
        name: 'x',
        match: { comm: 'x' },
        logs: { identifiers: ['x'], files: [], parse: 'none' },
        health: [],
        expect: {},
        labels: {},
      },
    ]);
  });

  test.each([
    ['web.service', 'web.service'],
    ['web', 'web.service'],
    ['web@1', 'web@1.service'],
    ['dbus-org.bluez', 'dbus-org.bluez.service'],
    ['session-1.scope', 'session-1.scope'],
  ])('the unit %s is %s', async (given, unit) =>
    expect((await daemonsOf(`  x: { match: { systemd_unit: ${given} } }`))[0]!.match).toEqual({
      systemd_unit: unit,
    }),
  );

  test('a check that comes often has less time', async () => {
    const [x] = await daemonsOf('  x: { match: { comm: x }, health: [{ tcp: "a:1", every: 500ms }] }');
    expect(x!.health[0]).toMatchObject({ every: 500, timeout: 500 });
  });
});

const defaults = { every: 10_000, timeout: 2000, failures: 3, successes: 1 };

describe('recipes', () => {
  test.each([['  nginx:'], ['  nginx: {}'], ['  nginx: { recipe: nginx }'], ['  nginx: { labels: {} }']])(
    '%j takes all of it',
    async text =>
      expect(await daemonsOf(text)).toEqual([
        {
          name: 'nginx',
          match: { comm: 'nginx' },
          logs: { identifiers: ['nginx'], files: ['/var/log/nginx/*.log'], parse: 'nginx' },
          health: [{ name: 'http', tcp: '127.0.0.1:80', ...defaults, presumed: true }],
          expect: { fd_usage: '< 90%' },
          labels: {},
        },
      ]),
  );

  test('what is given stands before it', async () => {
    const [edge] = await daemonsOf(
      '  edge: { recipe: nginx, match: { pidfile: /run/edge.pid }, logs: { files: /srv/*.log }, expect: { instances: "> 1" } }',
    );
    expect(edge).toMatchObject({
      match: { pidfile: '/run/edge.pid' },
      logs: { identifiers: ['nginx'], files: ['/srv/*.log'], parse: 'nginx' },
      expect: { instances: '> 1' },
    });
    expect(edge!.match).not.toHaveProperty('comm');
  });

  test('its own match keeps a daemon from the recipe of its name', async () => {
    const [redis] = await daemonsOf('  redis: { match: { port: 6379 } }');
    expect(redis).toMatchObject({ match: { port: 6379 }, logs: { identifiers: ['redis'], files: [] } });
  });
});

describe('what is wrong', () => {
  const health = (check: string) => `  x: { match: { comm: x }, health: [${check}] }`;
  test.each<[string, string[]]>([
    [
      '  foo:',
      [
        '2:3: daemons.foo: nothing says which processes it has: give match, such as { comm: foo }, or a recipe',
      ],
    ],
    [
      '  ngnix:',
      [
        '2:3: daemons.ngnix: nothing says which processes it has: give match, such as { comm: ngnix }, or a recipe; did you mean the recipe "nginx"?',
      ],
    ],
    [
      '  x: { labels: { a: b } }',
      ['2:3: daemons.x: nothing says which processes it has: give match, such as { comm: x }, or a recipe'],
    ],
    ['  x: yes', ['2:6: daemons.x: "yes" is not a map with recipe, match, logs, health, expect, labels']],
    [
      '  x: { match: }',
      [
        '2:8: daemons.x.match: at least one of systemd_unit, pidfile, exe, comm, cmdline, user, cgroup, port, container must be given',
      ],
    ],
    [
      '  x: { match: { systemd_unit: "", comm: "", cmdline: "", user: "" } }',
      [
        '2:31: daemons.x.match.systemd_unit: it is empty',
        '2:41: daemons.x.match.comm: it is empty',
        '2:54: daemons.x.match.cmdline: it is empty',
        '2:64: daemons.x.match.user: it is empty',
      ],
    ],
    [
      '  x: { match: { systemd_unit: web.socket } }',
      [
        '2:31: daemons.x.match.systemd_unit: only a service or a scope is matched by its name; for what runs below another unit give cgroup',
      ],
    ],
    [
      '  x: { match: { comm: x }, expect: { capabilities: [CAP_NET_BIND, NET_ADMIN] } }',
      [
        '2:53: daemons.x.expect.capabilities[0]: "CAP_NET_BIND" is no capability; did you mean "CAP_NET_BIND_SERVICE"?',
        '2:67: daemons.x.expect.capabilities[1]: "NET_ADMIN" is no capability; did you mean "CAP_NET_ADMIN"?',
      ],
    ],
    [
      '  x: { match: { comm: system-journald-x } }',
      ['2:23: daemons.x.match.comm: the kernel cuts names after 15 bytes; write "system-journald"'],
    ],
    [
      '  x: { match: { exe: nginx, pidfile: x.pid, cgroup: a } }',
      [
        '2:22: daemons.x.match.exe: "nginx" is not an absolute path',
        '2:38: daemons.x.match.pidfile: "x.pid" is not an absolute path',
        '2:53: daemons.x.match.cgroup: "a" is not an absolute path',
      ],
    ],
    [
      '  x: { match: { port: 65536, container: xyz, cmdline: "(?=a)" } }',
      [
        '2:23: daemons.x.match.port: 65536 is not a whole number from 1 to 65535',
        '2:41: daemons.x.match.container: "xyz" is not 12 to 64 hexadecimal digits of a container id',
        '2:55: daemons.x.match.cmdline: "(?=a)" is not a valid regex: invalid or unsupported Perl syntax',
      ],
    ],
    [
      '  -x: { match: { comm: x } }',
      [
        '2:3: daemons.-x: "-x" is not a daemon name: letters, digits and _ . @ -, beginning with a letter or digit, at most 200 of them',
      ],
    ],
    [
      `  ${'x'.repeat(201)}: { match: { comm: x } }`,
      [
        `2:3: daemons.${'x'.repeat(201)}: "${'x'.repeat(201)}" is not a daemon name: letters, digits and _ . @ -, beginning with a letter or digit, at most 200 of them`,
      ],
    ],
    [
      '  "a b": { match: { comm: x } }',
      [
        '2:3: daemons.a b: "a b" is not a daemon name: letters, digits and _ . @ -, beginning with a letter or digit, at most 200 of them',
      ],
    ],
    [
      '  x: { match: { comm: x }, logs: { files: [a.log, "/a/{b"], parse: jsn } }',
      [
        '2:44: daemons.x.logs.files[0]: "a.log" is not an absolute path',
        '2:51: daemons.x.logs.files[1]: "/a/{b" is not a valid glob: a { is not closed',
        '2:68: daemons.x.logs.parse: "jsn" is not one of none, cri, docker, container, json, logfmt, csv, nginx, apache, syslog, klog, postgres, mysql, redis; did you mean "json"?',
      ],
    ],
    [
      '  x: { match: { comm: x }, logs: { parse: { time: t }, multiline: { begin: a } } }',
      [
        '2:36: daemons.x.logs.parse: the key "regex" is missing',
        '2:56: daemons.x.logs.multiline: exactly one of start, end, continue, continue_past must be given, not none',
        '2:69: daemons.x.logs.multiline.begin: unknown key "begin"; known: start, end, continue, continue_past',
      ],
    ],
    [
      '  x: { match: { comm: x }, logs: { multiline: { start: a, end: b, continue: c } } }',
      [
        '2:36: daemons.x.logs.multiline: exactly one of end, continue, continue_past must be given, not end and continue',
      ],
    ],
    [
      '  x: { match: { comm: x }, logs: { expect_every: 10 } }',
      [
        '2:50: daemons.x.logs.expect_every: 10 is not a duration such as 250ms, 10s, 5m or 1h of at least 1000ms',
      ],
    ],
    [
      health('{}'),
      ['2:37: daemons.x.health[0]: exactly one of http, tcp, unix, exec, grpc must be given, not none'],
    ],
    [
      health('{ http: "http://a", tcp: "a:1" }'),
      [
        '2:37: daemons.x.health[0]: exactly one of http, tcp, unix, exec, grpc must be given, not http and tcp',
      ],
    ],
    [
      health('{ http: "http://a:99999/" }'),
      ['2:45: daemons.x.health[0].http: "http://a:99999/" is not a URL'],
    ],
    [
      health('{ http: "a/b" }'),
      ['2:45: daemons.x.health[0].http: "a/b" is not a URL with http:// or https://'],
    ],
    [health('{ tcp: 80 }'), ['2:44: daemons.x.health[0].tcp: 80 is not host:port']],
    [health('{ unix: x.sock }'), ['2:45: daemons.x.health[0].unix: "x.sock" is not an absolute path']],
    [health('{ exec: [] }'), ['2:39: daemons.x.health[0].exec: the command is empty']],
    [
      health('{ tcp: "a:1", method: GET, as: root }'),
      [
        '2:51: daemons.x.health[0].method: "method" means nothing to tcp; it belongs to http',
        '2:64: daemons.x.health[0].as: "as" means nothing to tcp; it belongs to exec',
      ],
    ],
    [
      health('{ http: "http://a", status: 99, method: FETCH, expect: "[" }'),
      [
        '2:65: daemons.x.health[0].status: 99 is not a whole number from 100 to 599',
        '2:77: daemons.x.health[0].method: "FETCH" is not one of GET, HEAD, POST, PUT, OPTIONS',
        '2:92: daemons.x.health[0].expect: "[" is not a valid regex: missing closing ]',
      ],
    ],
    [
      health('{ tcp: "a:1", every: 1s, timeout: 2s }'),
      ['2:71: daemons.x.health[0].timeout: it is longer than `every`'],
    ],
    [
      health('{ tcp: "a:1" }, { tcp: "b:1" }'),
      [
        '2:53: daemons.x.health[1].name: a check of this daemon is already called "tcp"; give each a name of its own',
      ],
    ],
    [
      health('{ tcp: "a:1" }, { name: tcp, http: "http://b" }'),
      [
        '2:61: daemons.x.health[1].name: a check of this daemon is already called "tcp"; give each a name of its own',
      ],
    ],
    [
      '  x: { match: { comm: x }, expect: { user: "> root", seccomp: yes, capabilities: all, no_new_priv: on, terminal: on } }',
      [
        '2:44: daemons.x.expect.user: "> root" is not a user such as "!= root" or "www-data"',
        '2:63: daemons.x.expect.seccomp: "yes" is not one of on, off',
        '2:82: daemons.x.expect.capabilities: "all" is not one of none',
        '2:87: daemons.x.expect.no_new_priv: unknown key "no_new_priv"; did you mean "no_new_privs"?',
      ],
    ],
    [
      '  x: { match: { comm: x }, expect: { capabilities: [CAP_CHWON] } }',
      ['2:53: daemons.x.expect.capabilities[0]: "CAP_CHWON" is no capability; did you mean "CAP_CHOWN"?'],
    ],
    [
      '  x: { match: { comm: x }, expect: { instances: 1, memory: < 2G, fd_usage: 80%, restarts: < 3 } }',
      [
        '2:49: daemons.x.expect.instances: "1" is not a condition such as ">= 1"',
        '2:60: daemons.x.expect.memory: "< 2G" is not a condition such as "< 2GiB"',
        '2:76: daemons.x.expect.fd_usage: "80%" is not a condition such as "< 80%"',
        '2:91: daemons.x.expect.restarts: "< 3" is not a condition such as "< 3 in 10m"',
      ],
    ],
    [
      '  x: { match: { comm: x }, labels: { daemon: a, __b: c, ok: [] } }',
      [
        '2:38: daemons.x.labels.daemon: "daemon" is not a label name of letters, digits and _, without __ in front',
        '2:49: daemons.x.labels.__b: "__b" is not a label name of letters, digits and _, without __ in front',
        '2:57: daemons.x.labels.ok: [] is not text',
      ],
    ],
  ])('%s', async (text, expected) => expect(await problems(`daemons:\n${text}`)).toEqual(expected));

  test('an unknown recipe names the nearest', async () => {
    const [only] = await problems('daemons:\n  web:\n    recipe: ngnix\n');
    expect(only).toMatch(
      /^3:13: daemons\.web\.recipe: "ngnix" is not one of apache2, .*; did you mean "nginx"\?$/,
    );
  });
});
