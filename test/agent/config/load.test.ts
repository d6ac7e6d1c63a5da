// What files say once loaded, and where a finding about them points.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax under test

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadAgent, loadConfig } from '../../../agent/config/index.ts';
import { ConfigError } from '../../../agent/core/errors.ts';
import { type Given, load, problems, tables } from './tables.ts';

describe('what a good file says', () => {
  test('an empty file is a configuration of defaults', async () => {
    for (const text of ['', '# nothing\n', '---\n', 'null\n', '{}', '\ufeff'])
      expect(await load(text)).toEqual({
        file: 'eudaemon.yaml',
        agent: {
          state_dir: '/var/lib/eudaemon',
          run_dir: '/run/eudaemon',
          host_root: '/',
          discover: false,
          log_level: 'info',
          log_format: 'logfmt',
          shutdown_timeout: 10_000,
        },
        daemons: [],
        collectors: { syslog: { listen: [] }, files: {}, health: {}, journald: false },
        exporters: { prometheus: { listen: '127.0.0.1:10764' }, otlp: false, store: { max_size: 2 ** 30 } },
        processors: [],
        spool: { max_size: 2 ** 30, when_full: 'drop_oldest', dead_letter: 64 * 2 ** 20, fsync: 1000 },
      });
  });

  test('it travels to a worker', async () => {
    const config = await load('daemons: { nginx: }\ncollectors: { journald: }\n');
    expect(structuredClone(config)).toEqual(config);
  });

  test.each<[string, string, object]>([
    ['a section with nothing behind it is on', 'collectors: { journald: }', { journald: { follow: true } }],
    ['so is true', 'collectors: { journald: true }', { journald: { follow: true } }],
    ['false switches off', 'collectors: { syslog: false, health: false }', { syslog: false, health: false }],
    [
      '0666 and "0666" and 0o666 are modes',
      'collectors: { syslog: { listen: [{ path: /a, mode: 0666 }, { path: /b, mode: "0640" }, { path: /c, mode: 0o600 }] } }',
      {
        syslog: {
          listen: [
            { path: '/a', mode: 0o666 },
            { path: '/b', mode: 0o640 },
            { path: '/c', mode: 0o600 },
          ],
        },
      },
    ],
  ])('%s', async (_, text, expected) => expect((await load(text)).collectors).toMatchObject(expected));

  test.each<[string, Record<string, string>, object]>([
    ['', {}, { otlp: false, store: {} }],
    ['exporters: { otlp: }', {}, { otlp: { logs: true }, store: false }],
    ['exporters: { otlp: { logs: false } }', {}, { otlp: { logs: false }, store: { max_size: 2 ** 30 } }],
    ['exporters: { otlp: , store: }', {}, { otlp: {}, store: { max_size: 2 ** 30 } }],
    ['exporters: { prometheus: false, store: false }', {}, { prometheus: false, otlp: false, store: false }],
    ['', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x' }, { otlp: { logs: true, metrics: true }, store: false }],
    [
      '',
      { OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'http://x' },
      { otlp: { logs: true, metrics: false }, store: false },
    ],
    [
      '',
      { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://x' },
      { otlp: { logs: false, metrics: true }, store: {} },
    ],
    ['', { OTEL_EXPORTER_OTLP_ENDPOINT: '' }, { otlp: false, store: {} }],
    ['exporters: { otlp: false }', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x' }, { otlp: false, store: {} }],
  ])('exporters of %j with %j', async (text, env, expected) =>
    expect((await load(text, { env })).exporters).toMatchObject(expected),
  );

  test.each<[number, Record<string, string>, string, string]>([
    [0, { XDG_STATE_HOME: '/x' }, '/var/lib/eudaemon', '/run/eudaemon'],
    [1000, { HOME: '/home/a' }, '/home/a/.local/state/eudaemon', '/tmp/eudaemon-1000'],
    [
      1000,
      { XDG_STATE_HOME: '/s', XDG_RUNTIME_DIR: '/run/user/1000' },
      '/s/eudaemon',
      '/run/user/1000/eudaemon',
    ],
    [1000, { HOME: '/h', XDG_STATE_HOME: 'relative' }, '/h/.local/state/eudaemon', '/tmp/eudaemon-1000'],
    [
      999,
      { STATE_DIRECTORY: '/var/lib/eudaemon:/var/lib/b', RUNTIME_DIRECTORY: '/run/e' },
      '/var/lib/eudaemon',
      '/run/e',
    ],
  ])('directories of uid %d with %j', async (uid, env, state_dir, run_dir) =>
    expect((await load('', { uid, env })).agent).toMatchObject({ state_dir, run_dir }),
  );
});

describe('expansions', () => {
  const value = async (text: string, given?: Given) =>
    ((await load(`exporters:\n  otlp:\n    token: ${text}\n`, given)).exporters['otlp'] as { token: string })
      .token;
  const env = { A: 'alpha', EMPTY: '', N: '7', B: 'true', YAML: '{ a: [b' };

  test.each([
    ['${A}', 'alpha'],
    ['x-${A}-${N}', 'x-alpha-7'],
    ['"${A}"', 'alpha'],
    ['${NONE:-or this}', 'or this'],
    ['${EMPTY:-or this}', 'or this'],
    ['"${EMPTY}"', ''],
    ['${A:-or this}', 'alpha'],
    ['"${NONE:-}"', ''],
    ['$${A}', '${A}'],
    ['$$$${A}', '$${A}'],
    ['cost$ $5 ^a$', 'cost$ $5 ^a$'],
    ['pa$$word', 'pa$word'],
    ['${YAML}', '{ a: [b'],
    ['${file:/run/secrets/t}', 's3cret'],
    ['Bearer ${file:secrets/t}', 'Bearer local'],
  ])('%s is %s', async (text, expected) =>
    expect(
      await value(text, { env, files: { '/run/secrets/t': 's3cret\n', 'secrets/t': 'local\r\n' } }),
    ).toBe(expected),
  );

  test('a bare expansion takes the type of what it stands for', async () => {
    const config = await load('collectors:\n  journald:\n    follow: ${B}\n  syslog:\n    limit: ${N}\n', {
      env,
    });
    expect(config.collectors).toMatchObject({ journald: { follow: true }, syslog: { limit: 7 } });
  });

  test.each<[string, string]>([
    [
      '${NONE}',
      '3:12: exporters.otlp.token: the environment variable NONE is not set; give a default with ${NONE:-…}',
    ],
    ['"a ${A"', '3:12: exporters.otlp.token: "${A" is not closed with }; write $${ for a plain ${'],
    [
      '${1X}',
      '3:12: exporters.otlp.token: "${1X}" is none of ${NAME}, ${NAME:-default} and ${file:/path}; write $${ for a plain ${',
    ],
    ['${file:/no}', '3:12: exporters.otlp.token: cannot read "/no": no such file or directory'],
    ['${file:/bin}', '3:12: exporters.otlp.token: cannot read "/bin": it is not UTF-8'],
    [
      '${constructor}',
      '3:12: exporters.otlp.token: the environment variable constructor is not set; give a default with ${constructor:-…}',
    ],
  ])('%s is refused', async (text, message) =>
    expect(
      await problems(`exporters:\n  otlp:\n    token: ${text}\n`, {
        env,
        files: { '/bin': Uint8Array.of(0xff) },
      }),
    ).toEqual([message]),
  );

  test('a default that is wrong is quoted once, as it was written', async () => {
    expect((await problems('agent: { log_level: "${LL:-bogus}" }'))[0]).toContain(
      '"${LL:-bogus}" is not one of',
    );
  });

  test('no finding prints a secret', async () => {
    const secrets = { S: 'hunter2"x', T: 'kimono3' };
    const found = await problems(
      [
        'agent:',
        '  shutdown_timeout: ${S}',
        '  log_level: "${T}"',
        '  state_dir: ["${T}"]',
        'daemons:',
        '  a:',
        '    match:',
        '      cmdline: "(${T}"',
        '      port: ${T}',
        '    health:',
        '      - { tcp: "${T}" }',
      ].join('\n'),
      { env: secrets },
    );
    expect(found).toHaveLength(6);
    expect(found.join()).not.toMatch(/hunter2|kimono3/);
    expect(found[0]).toBe(
      '2:21: agent.shutdown_timeout: "${S}" is not a duration such as 250ms, 10s, 5m or 1h of at least 100ms',
    );
  });
});

describe('what is wrong is said at once and in its place', () => {
  test.each<[string, string, string[]]>([
    ['a tab', 'agent:\n\tlog_level: info\n', ['2:1: tabs are not allowed as indentation; use spaces']],
    ['a key twice', 'agent: {}\nspool: {}\nagent: {}\n', ['3:1: this key stands here twice']],
    [
      'a key twice, and more',
      'agent: {}\nagent: {}\nspol: {}\n',
      ['2:1: this key stands here twice', '3:1: spol: unknown key "spol"; did you mean "spool"?'],
    ],
    [
      'an alias',
      'spool: &s { fsync: 1s }\nagent: *s\n',
      ['2:8: agent: the alias *s is not supported; repeat the value, or share a file by include'],
    ],
    [
      'a merge key',
      'agent: &a { discover: true }\nspool: { <<: *a }\n',
      ['2:14: spool.<<: the alias *a is not supported; repeat the value, or share a file by include'],
    ],
    [
      'no and on are words',
      'agent: { discover: no }\ncollectors: { health: on }\n',
      ['1:20: agent.discover: "no" is not true or false', '2:23: collectors.health: "on" is not a map with '],
    ],
    [
      'a bare condition',
      'daemons:\n  nginx:\n    expect: { instances: >= 1 }\n',
      [
        '3:26: Plain value cannot start with block scalar indicator >; put a condition in quotes, such as ">= 1"',
      ],
    ],
    [
      'a bare condition in a block',
      'daemons:\n  nginx:\n    expect:\n      instances: >= 1\n',
      ['4:19: Block scalar header includes extra characters: >=; put a condition in quotes, such as ">= 1"'],
    ],
    [
      'a bare expansion in a flow',
      'agent: { user: ${U} }\n',
      [
        '1:17: Unexpected flow-map-start at node end; inside { } and [ ] put an expansion in quotes, such as "${NAME}"',
      ],
    ],
    [
      'two documents',
      'agent: {}\n---\nspool: {}\n',
      ['2:1: a second document begins here; one file holds one'],
    ],
    ['an unknown tag', 'agent: !vault x\n', ['1:8: Unresolved tag: !vault']],
    ['an open quote', 'agent: "x\n', ['2:1: Missing closing "quote']],
    ['a list', '- a\n', ['1:1: the file is not a map with daemons, collectors, …']],
    ['a word', 'nginx', ['1:1: the file is not a map with daemons, collectors, …']],
    ['a key that is no word', '[a]: 1\n', ['1:1: With stringKeys, all keys must be strings']],
    [
      '__proto__',
      '__proto__: { a: 1 }\n',
      [
        '1:1: __proto__: unknown key "__proto__"; known: include, agent, daemons, collectors, exporters, processors, spool',
      ],
    ],
    [
      'a missing value points at the key above',
      'collectors:\n  files:\n    - {}\n',
      ['3:7: collectors.files[0]: the key "include" is missing'],
    ],
    [
      'an octal number where a count is due',
      'collectors: { syslog: { limit: 0o7 } }',
      ['1:32: collectors.syslog.limit: "0o7" is not a whole number from 1 to 9'],
    ],
    [
      'processors',
      'processors:\n  - drop: {}\n',
      [
        '2:5: processors[0].drop: at least one of daemon, source, severity, body, attributes, not must be given',
      ],
    ],
    [
      'a spool too small',
      'spool: { max_size: 1KiB, when_full: drop }',
      [
        '1:20: spool.max_size: "1KiB" is not a size such as 64KiB, 100MiB or 1GiB of at least 65536 bytes',
        '1:37: spool.when_full: "drop" is not one of drop_oldest, block; did you mean "drop_oldest"?',
      ],
    ],
    [
      'names',
      'collectors: { syslogs: {} }\nexporters: { prometeus: {} }\nagent: { host_rot: /host, state_dir: lib }\n',
      [
        '1:15: collectors.syslogs: unknown key "syslogs"; did you mean "syslog"?',
        '2:14: exporters.prometeus: unknown key "prometeus"; did you mean "prometheus"?',
        '3:10: agent.host_rot: unknown key "host_rot"; did you mean "host_root"?',
        '3:38: agent.state_dir: "lib" is not an absolute path',
      ],
    ],
    [
      'windows line ends',
      'agent: {}\r\nspol: {}\r\n',
      ['2:1: spol: unknown key "spol"; did you mean "spool"?'],
    ],
  ])('%s', async (_, text, expected) => expect(await problems(text)).toEqual(expected));

  test('nesting without end', async () => {
    for (const text of ['['.repeat(50_000), `a: ${'{a: '.repeat(20_000)}`, `${'- '.repeat(20_000)}a`]) {
      const [first, ...more] = await problems(text);
      expect(first).toMatch(/^1:\d+: nested too deeply$/);
      expect(more).toEqual([]);
    }
  });

  test('bytes that are no text name the file', async () => {
    await expect(load(Uint8Array.of(0x61, 0xff))).rejects.toThrow(
      new ConfigError('cannot read "eudaemon.yaml": it is not UTF-8'),
    );
  });

  test('a finding about much stays short', async () => {
    const [only] = await problems(`agent: { log_level: "${'x'.repeat(100_000)}" }`);
    expect(only!.length).toBeLessThan(600);
  });

  test('no text makes it throw anything but its own errors', async () => {
    const piece = fc.constantFrom(
      'daemons',
      'agent',
      'collectors',
      'syslog',
      'listen',
      'nginx',
      ': ',
      ':',
      '\n',
      '\n  ',
      '\n    ',
      '- ',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '&a ',
      '*a',
      '!t ',
      '|',
      '>',
      '${A',
      '}',
      '${file:x}',
      '#',
      '\t',
      '\0',
      '1',
      '~',
      'match',
      '? ',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 24 }), async pieces => {
        for (const { line, col } of await load(pieces.join('')).then(
          () => [],
          error => {
            if (!(error instanceof ConfigError)) throw error;
            return error.problems;
          },
        )) {
          expect(line).toBeGreaterThan(0);
          expect(col).toBeGreaterThan(0);
        }
      }),
      { numRuns: 400 },
    );
  });
});

describe('what is known of the agent itself', () => {
  const read = (text: string, env = {}) =>
    loadAgent({ file: 'e.yaml', env, uid: 0, readFile: () => Buffer.from(text) });

  test.each([
    'agent: { run_dir: /r, log_level: debug }\n',
    'agent: { run_dir: /r, log_level: debug }\ndaemons: { d: { mach: } }\nspol: {}\ncollectors: { x: }\n',
    'agent: { run_dir: /r, log_level: debug }\nexporters: { otlp: { headers: { a: "${TOKEN}", b: "${file:/none}" } } }\n',
  ])('is told whatever is wrong with the rest: %j', text => {
    expect(read(text)).toEqual({
      state_dir: '/var/lib/eudaemon',
      run_dir: '/r',
      host_root: '/',
      discover: false,
      log_level: 'debug',
      log_format: 'logfmt',
      shutdown_timeout: 10_000,
    });
  });

  test.each([
    ['agent: { run_dir: r }\nspol: {}\n', ['agent.run_dir: "r" is not an absolute path']],
    ['agent: { run_dir: "${RUN}" }\n', [expect.stringMatching(/^agent.run_dir: .* RUN is not set/)]],
    ['agent: { run_dir: /r\n', [expect.stringMatching(/^: Flow map .* end with a }/)]],
    ['- agent\n', [expect.stringMatching(/^: the file is not a map/)]],
  ])('is not guessed: %j', (text, expected) => {
    try {
      expect.fail(JSON.stringify(read(text)));
    } catch (error) {
      const { problems } = error as ConfigError;
      expect(problems.map(({ path, message }) => `${path}: ${message}`)).toEqual(expected);
    }
  });
});

describe('files', () => {
  let home: string;
  const at = (name: string) => join(home, name);
  const open = (name: string) => loadConfig({ ...tables, file: at(name), env: { DIR: 'conf.d' } });
  const found = async (name: string) =>
    open(name).then(
      () => [],
      (error: Error) => error.message.replaceAll(`${home}/`, '').split('\n'),
    );
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'eudaemon-config-'));
    mkdirSync(at('conf.d'));
    const write = (name: string, text: string) => writeFileSync(at(name), text);
    write(
      'main.yaml',
      'include: ["${DIR}/*.yaml", none.d/*.yaml]\nagent: { log_level: warn, user: eu }\ncollectors: { syslog: { listen: [{ path: /main }] }, files: [{ include: /main }] }\ndaemons: { sshd: }\nspool:\n  fsync: 1s\n',
    );
    write(
      'conf.d/20-b.yaml',
      'agent: { log_level: error }\ndaemons: { b: { match: { comm: b } } }\ncollectors: { syslog: { listen: [{ udp: "b:1" }] } }\nspool:\n',
    );
    write(
      'conf.d/10-a.yaml',
      'include: ../deeper.yaml\nagent: { log_level: debug }\ndaemons: { a: { match: { comm: a } } }\ncollectors: { files: [{ include: /a }], journald: }\n',
    );
    write('deeper.yaml', 'daemons: { deep: { match: { comm: deep } } }\n');
    write('twice.yaml', 'include: conf.d/20-b.yaml\ndaemons:\n  b: { match: { comm: b } }\n');
    write('ring.yaml', 'include:\n  - ring-2.yaml\n');
    write('ring-2.yaml', 'include: [ring.yaml]\n');
    write('self.yaml', 'include: ["./self*.yaml"]\n');
    write('absent.yaml', 'include: [absent-2.yaml]\n');
    write('bad.yaml', 'include: [conf.d/../bad-*.yaml]\nagent: { user: [] }\n');
    write('bad-1.yaml', '\nspool: { fsync: soon }\n');
    write('bad-2.yaml', 'agent: "\n');
    write('odd.yaml', 'include: { a: b }\n');
  });
  afterAll(() => rmSync(home, { recursive: true }));

  test('are united in the order of their names', async () => {
    const config = await open('main.yaml');
    expect(config.agent).toMatchObject({ log_level: 'error', user: 'eu' });
    expect(config.daemons.map(each => each.name)).toEqual(['sshd', 'a', 'deep', 'b']);
    expect(config.spool.fsync).toBe(1000);
    expect(config.collectors).toEqual({
      syslog: {
        listen: [
          { path: '/main', mode: 0o666 },
          { udp: 'b:1', mode: 0o666 },
        ],
      },
      files: [{ include: ['/main'] }, { include: ['/a'] }],
      health: {},
      journald: { follow: true },
    });
  });

  test.each<[string, string[]]>([
    ['twice.yaml', ['conf.d/20-b.yaml:2:12: daemons.b: the daemon is declared already at twice.yaml:3:3']],
    [
      'ring.yaml',
      ['ring-2.yaml:1:11: include[0]: the file includes itself: ring.yaml → ring-2.yaml → ring.yaml'],
    ],
    ['self.yaml', ['self.yaml:1:11: include[0]: the file includes itself: self.yaml → self.yaml']],
    ['absent.yaml', ['absent.yaml:1:11: include[0]: cannot read "absent-2.yaml": no such file or directory']],
    [
      'bad.yaml',
      [
        'bad-2.yaml:2:1: Missing closing "quote',
        'bad.yaml:2:10: agent.user: [] is not text',
        'bad-1.yaml:2:17: spool.fsync: "soon" is not a duration such as 250ms, 10s, 5m or 1h',
      ],
    ],
    ['odd.yaml', ['odd.yaml:1:1: include: {"a":"b"} is not text']],
  ])('%s', async (name, expected) => expect(await found(name)).toEqual(expected));

  test.each([
    ['nothing.yaml', 'no such file or directory'],
    ['conf.d', 'is a directory'],
    ['main.yaml/x', 'not a directory'],
  ])('%s cannot be read', async (name, cause) =>
    expect(open(name)).rejects.toThrow(new ConfigError(`cannot read "${at(name)}": ${cause}`)),
  );
});
