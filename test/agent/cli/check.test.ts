// What `eudaemon check` prints, and what it finds on hosts made of files.

import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exposed } from '../../../agent/cli/advice.ts';
import { check, checkConfig } from '../../../agent/cli/check.ts';
import { tables as ofTheProgram } from '../../../agent/cli/config.ts';
import { examine } from '../../../agent/cli/environment.ts';
import type { Finding } from '../../../agent/cli/finding.ts';
import type { Config, Tables } from '../../../agent/config/index.ts';
import { tables } from '../config/tables.ts';
import { daemon } from '../identity/specs.ts';

let home: string;
const write = (name: string, text: string): string => {
  const path = join(home, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
};
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'eudaemon-check-'));
});
afterAll(() => rmSync(home, { recursive: true }));

describe('the report', () => {
  const run = async (file: string | undefined, findings?: Finding[], known: Tables = tables) => {
    const lines: string[] = [];
    const code = await checkConfig({
      ...known,
      file,
      configOnly: findings === undefined,
      env: {},
      out: line => lines.push(line.replaceAll(`${home}/`, '')),
      examine: async () => findings ?? [],
    });
    return { code, lines };
  };

  test('a good file', async () => {
    const file = write('good.yaml', 'daemons: { nginx: , sshd: }\ncollectors: { journald: }\n');
    expect(await run(file)).toEqual({
      code: 0,
      lines: ['config OK: good.yaml (2 daemons, 4 collectors, 2 exporters)'],
    });
  });

  test('what is valid but hardly meant', async () => {
    const file = write(
      'odd.yaml',
      `daemons: { nginx: , sshd: }
processors:
  - drop: { daemon: ngnix }
  - redact: all
    when: { not: { daemon: [sshd, a-tag] } }
  - parse: json
`,
    );
    expect(await run(file)).toEqual({
      code: 0,
      lines: [
        'config OK: odd.yaml (2 daemons, 3 collectors, 2 exporters)',
        'note: processors[0] names "ngnix", which no daemon is called',
        '  fix: did you mean "nginx"?',
        'note: processors[2].parse finds fields behind processors[1].redact, which does not see them',
        '  fix: put redact behind parse',
      ],
    });
  });

  test.each(['--json', '--daemon=x', '--lines=3'])('%s has no meaning by itself', async option => {
    await expect(check.run(['--config-only', option])).rejects.toThrow(/goes with --try or --file/);
  });

  test('every problem with its line and a caret', async () => {
    const file = write(
      'bad.yaml',
      'agent:\n  log_level:\tloud\ndaemons:\n  web:\n    recipe: ["x"]\nspol: 1\n',
    );
    expect(await run(file)).toEqual({
      code: 2,
      lines: [
        'bad.yaml:2:14: agent.log_level: "loud" is not one of debug, info, warn, error',
        '  2 |   log_level:\tloud',
        '    |             \t^',
        expect.stringMatching(/^bad\.yaml:5:5: daemons\.web\.recipe: \["x"\] is not one of /),
        '  5 |     recipe: ["x"]',
        '    |     ^',
        expect.stringMatching(/^bad\.yaml:6:1: spol: unknown key "spol"; did you mean "spool"\?$/),
        '  6 | spol: 1',
        '    | ^',
      ],
    });
  });

  test('a file that is not there', async () => {
    expect(await run(join(home, 'none.yaml'))).toEqual({
      code: 2,
      lines: ['cannot read "none.yaml": no such file or directory'],
    });
  });

  test('a web configuration that is not there is told where it is named', async () => {
    const file = write('web.yaml', 'exporters:\n  prometheus:\n    web_config: none.yml\n');
    expect(await run(file, undefined, ofTheProgram)).toEqual({
      code: 2,
      lines: [
        'web.yaml:3:17: exporters.prometheus.web_config: cannot read "none.yml": no such file or directory',
        '  3 |     web_config: none.yml',
        '    |                 ^',
      ],
    });
  });

  test('what two daemons name is noted', async () => {
    const logs = '{ files: [/var/log/x.log], identifiers: [t] }';
    const file = write(
      'twice.yaml',
      `daemons: { a: { match: { comm: a }, logs: ${logs} }, b: { match: { comm: b }, logs: ${logs} } }\n`,
    );
    expect(await run(file)).toEqual({
      code: 0,
      lines: [
        expect.stringContaining('config OK'),
        'note: a and b both name log file "/var/log/x.log", which is taken for a',
        '  fix: name it once',
        'note: a and b both name syslog tag "t", which is taken for a',
        '  fix: name it once',
      ],
    });
  });

  test('what two daemons match is noted', async () => {
    const file = write(
      'same.yaml',
      'daemons: { a: { match: { comm: x, user: root } }, b: { match: { user: root, comm: x } }, c: { match: { comm: x } } }\n',
    );
    expect((await run(file)).lines.slice(1)).toEqual([
      'note: a and b both name match "comm: x, user: root", which is taken for a',
      '  fix: name it once',
    ]);
  });

  test('what fits nothing, because one that asks for less stands first, is noted', async () => {
    const file = write(
      'narrow.yaml',
      'daemons: { all: { match: { comm: x } }, some: { match: { user: www, comm: x } }, y: { match: { user: www, comm: y } } }\n',
    );
    expect((await run(file)).lines.slice(1)).toEqual([
      'note: every process that fits some fits all as well, for which it is taken',
      '  fix: put some before all',
    ]);
  });

  test('an environment that costs data is 1, a note is not', async () => {
    const file = write('good.yaml', 'daemons: { nginx: }\n');
    const note = { what: 'a note', fix: 'do a' };
    expect(await run(file, [])).toMatchObject({ code: 0, lines: [expect.anything(), 'environment OK'] });
    expect(await run(file, [note])).toMatchObject({
      code: 0,
      lines: [expect.anything(), 'note: a note', '  fix: do a', 'environment OK'],
    });
    expect(await run(file, [note, { what: 'b', costs: 'logs', fix: 'do b' }])).toEqual({
      code: 1,
      lines: [
        'config OK: good.yaml (1 daemon, 3 collectors, 2 exporters)',
        'note: a note',
        '  fix: do a',
        'warning: b',
        '  unseen: logs',
        '  fix: do b',
        'environment: 1 warning',
      ],
    });
  });
});

describe('the environment', () => {
  const JOURNALD = '/run/systemd/journal/dev-log';
  const base = {
    file: undefined,
    agent: {
      state_dir: '/',
      run_dir: '/run/eudaemon',
      host_root: '',
      discover: false,
      log_level: 'info',
      log_format: 'logfmt',
      shutdown_timeout: 1,
    },
    daemons: [],
    collectors: { syslog: { listen: [{ path: '/dev/log' }] } },
    exporters: {},
    processors: [],
    spool: { max_size: 1, when_full: 'block', dead_letter: 0, fsync: 1 },
  } satisfies Config;
  let hosts = 0;
  /** A host of these files, all else as it should be; `look` returns what was found. */
  function host(files: Record<string, string> = {}, links: Record<string, string> = {}) {
    const root = `host-${hosts++}`;
    const all = {
      'self/status': 'CapEff:\t000001ffffffffff\n',
      'self/limits': 'Max open files            524288               524288               files\n',
      'proc/sys/net/unix/max_dgram_qlen': '512\n',
      'proc/net/unix': 'Num RefCount Protocol Flags Type St Inode Path\n',
      'var/lib/keep': '',
      ...files,
    };
    for (const [name, text] of Object.entries(all)) write(join(root, name), text);
    for (const [name, target] of Object.entries(links)) {
      mkdirSync(dirname(join(home, root, name)), { recursive: true });
      symlinkSync(target, join(home, root, name));
    }
    const path = join(home, root);
    const agent = { ...base.agent, host_root: path, state_dir: join(path, 'var/lib/eudaemon') };
    return {
      path,
      look: async (config: Partial<Config> = {}, now = Date.UTC(2027, 0, 1)) =>
        (await examine({ ...base, agent, ...config }, {}, { self: join(path, 'self'), now })).map(each => ({
          ...each,
          what: each.what.replaceAll(path, ''),
        })),
    };
  }
  const what = (findings: Finding[]) => findings.map(each => each.what);

  test('a host where all is well', async () => expect(await host().look()).toEqual([]));

  test('rights', async () => {
    const found = await host({ 'self/status': 'Name:\tnode\nCapEff:\t0000000000001000\n' }).look();
    expect(found).toEqual([
      {
        what: 'the right CAP_DAC_READ_SEARCH is missing',
        fix: 'run as root, or set AmbientCapabilities=CAP_DAC_READ_SEARCH in the unit',
        costs: 'log files that only their owner may read',
      },
      expect.objectContaining({ what: 'the right CAP_SYS_PTRACE is missing' }),
    ]);
  });

  test.each([
    ['5.10.0-21-amd64', true],
    ['6.5.13', true],
    ['6.6.0-rc1', false],
    ['6.18.44-fc', false],
    ['7.0.0', false],
    ['', true],
  ])('Linux %s tells processes to CAP_NET_ADMIN alone: %s', async (release, needed) => {
    const none = { 'self/status': 'CapEff:\t0000000000080004\n', 'proc/sys/kernel/osrelease': release };
    expect(what(await host(none).look())).toEqual(needed ? ['the right CAP_NET_ADMIN is missing'] : []);
  });

  test('ports', async () => {
    const collectors = { syslog: { listen: [{ path: '/dev/log' }, { udp: ':514' }, { tcp: '[::]:6514' }] } };
    const poor = { 'self/status': 'CapEff:\t0000000000081006\n' };
    expect(await host(poor).look({ collectors })).toEqual([
      {
        what: 'the right CAP_NET_BIND_SERVICE is missing to listen on ":514"',
        fix: 'run as root, set AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit, or listen on a port from 1024 on',
        costs: 'what is sent there',
      },
    ]);
    const open = { ...poor, 'proc/sys/net/ipv4/ip_unprivileged_port_start': '80\n' };
    expect(await host(open).look({ collectors })).toEqual([]);
    expect(await host().look({ collectors })).toEqual([]);
  });

  test('executables', async () => {
    const daemons = ['/usr/sbin/d', '/usr/sbin/*'].map((exe, i) => daemon(`d${i}`, { exe }));
    expect(await host({ 'usr/sbin/d': '' }).look({ daemons })).toEqual([
      {
        what: '"/usr/sbin/*" of d1 is not on this host',
        fix: 'correct daemons.d1.match.exe, which is the path of one file, unless only a container has it',
      },
    ]);
  });

  test('users', async () => {
    const known = host({ 'etc/passwd': 'root:x:0:0::/root:/bin/sh\n' });
    const daemons = ['root', '999', 'rooot'].map((user, i) => daemon(`d${i}`, { user }));
    expect(await known.look({ daemons })).toEqual([
      {
        what: 'user "rooot" of d2 is not in /etc/passwd',
        fix: 'correct daemons.d2.match.user, or name the uid',
        costs: 'all of d2: nothing fits its match',
      },
    ]);
  });

  test('open files', async () => {
    const limits =
      'Limit  Soft  Hard  Units\nMax open files            1024                 4096                 files\n';
    expect(what(await host({ 'self/limits': limits }).look())).toEqual(['at most 1024 files may be open']);
    expect(
      await host({ 'self/limits': 'Max open files            unlimited   unlimited   files\n' }).look(),
    ).toEqual([]);
  });

  test('the datagram queue', async () => {
    const short = host({ 'proc/sys/net/unix/max_dgram_qlen': '10\n' });
    expect(await short.look()).toEqual([
      {
        what: 'net.unix.max_dgram_qlen is 10',
        fix: 'sysctl -w net.unix.max_dgram_qlen=512, and the same line in /etc/sysctl.d/eudaemon.conf',
        costs: 'lines of daemons that do not wait when the queue is full',
      },
    ]);
    expect(await short.look({ collectors: { syslog: false, journald: {} } })).toEqual([]);
  });

  test('the log of the kernel', async () => {
    const collectors = { kmsg: { path: '/dev/kmsg', start_at: 'end' } };
    expect(await host({ 'dev/kmsg': '' }).look({ collectors })).toEqual([]);
    expect(await host().look({ collectors })).toEqual([
      {
        what: 'cannot open "/dev/kmsg": no such file or directory',
        fix: expect.stringContaining('CAP_SYSLOG'),
        costs: 'what the kernel says',
      },
    ]);
  });

  test('agent.user', async () => {
    const as = async (user: string) => {
      const found = await host().look({ agent: { ...base.agent, user } });
      return found.filter(({ what }) => what.includes('agent.user'));
    };
    expect(await as('root')).toEqual([]);
    expect(await as('no-such-user')).toEqual([
      {
        what: expect.stringMatching(
          /^cannot become agent.user "no-such-user": there is no such user; make it/,
        ),
        costs: 'everything: the agent does not start',
      },
    ]);
  });

  test('who owns /dev/log', async () => {
    const bound = (path: string) => ({
      'proc/net/unix': `Num RefCount Protocol Flags Type St Inode Path\n0000000000000000: 00000002 00000000 00000000 0002 01 4711 ${path}\n`,
    });
    const silent = { collectors: { syslog: { listen: [] } } };
    const held = (comm: string, cmdline: string, pid = 71) =>
      host(
        {
          ...bound('/dev/log'),
          [`proc/${pid}/comm`]: `${comm}\n`,
          [`proc/${pid}/cmdline`]: cmdline,
          'proc/70/comm': 'x\n',
        },
        { [`proc/${pid}/fd/3`]: 'socket:[4711]', [`proc/${pid}/fd/2`]: '/dev/null' },
      );
    expect(what(await host({}, { 'dev/log': JOURNALD }).look())).toEqual(['systemd-journald owns /dev/log']);
    expect(
      await host({}, { 'dev/log': JOURNALD }).look({
        collectors: { syslog: { listen: [{ path: '/run/systemd/journal/syslog' }] } },
      }),
    ).toEqual([]);
    expect(
      await host({}, { 'dev/log': JOURNALD }).look({ collectors: { syslog: {}, journald: {} } }),
    ).toEqual([]);
    expect(what(await held('rsyslogd', '/usr/sbin/rsyslogd\0-n').look())).toEqual([
      'rsyslogd (pid 71) owns /dev/log',
    ]);
    expect(await held('eudaemon', 'node\0/opt/eudaemon/dist/main.js').look()).toEqual([]);
    const passed = { collectors: { syslog: { listen: [{ activation: 'devlog' }] } } };
    expect(await held('systemd', '/sbin/init', 1).look(passed)).toEqual([]);
    expect(what(await held('systemd', '/sbin/init', 1).look(silent))).toEqual([
      'systemd (pid 1) owns /dev/log',
    ]);
    expect(what(await held('rsyslogd', '/usr/sbin/rsyslogd').look(passed))).toEqual([
      'rsyslogd (pid 71) owns /dev/log',
    ]);
    expect(what(await host().look(passed))).toEqual(['nobody listens on /dev/log']);
    expect(what(await host(bound('/dev/log')).look())).toEqual(['another process owns /dev/log']);
    expect(what(await host().look(silent))).toEqual(['nobody listens on /dev/log']);
  });

  test('disk', async () => {
    expect(await host().look({ spool: { ...base.spool, max_size: 2 ** 60 } })).toEqual([
      expect.objectContaining({
        what: expect.stringMatching(
          /^\/var\/lib has \d+MiB free, spool and store may take 1099511627776MiB$/,
        ),
      }),
    ]);
    const { path, look } = host({ file: '' });
    expect(
      what(await look({ agent: { ...base.agent, host_root: path, state_dir: join(path, 'file', 'state') } })),
    ).toEqual(['cannot write in "/file/state": not a directory']);
  });

  test('a run directory on a disk, where secrets wait to be redacted', () => {
    const redact = { builtin: ['card'], patterns: [], attributes: [], with: '' } as const;
    const found = (type: (path: string) => number, config: Partial<Config> = {}) =>
      what(exposed({ ...base, processors: [{ redact }], ...config }, type));
    const ext4 = () => 0xef53;
    const onDisk = [
      'agent.run_dir "/run/eudaemon" is on a disk, where messages wait until they are redacted',
    ];
    const below = (path: string) => {
      if (path !== '/run') throw new Error('not there');
      return 0x01021994;
    };
    expect(found(ext4)).toEqual(onDisk);
    expect(found(below)).toEqual([]);
    expect(
      found(() => {
        throw new Error('not there');
      }),
    ).toEqual([]);
    expect(found(ext4, { processors: [] })).toEqual([]);
    expect(found(ext4, { collectors: { syslog: false } })).toEqual([]);
  });

  test('the clock', async () =>
    expect(what(await host().look({}, 0))).toEqual(['the clock says 1970-01-01T00:00:00.000Z']));

  test('log files that may not be read', async () => {
    const { look, path } = host({ 'var/log/web/a.log': '', 'var/log/web/b.log': '' });
    chmodSync(join(path, 'var/log/web/b.log'), 0);
    const web = {
      name: 'web',
      match: { comm: 'web' },
      logs: { identifiers: [], files: ['/var/log/web/*.log'], parse: 'none' as const },
      health: [],
      expect: {},
      labels: {},
    };
    // Root reads everything.
    const expected =
      process.getuid?.() === 0 ? [] : ['cannot read log file "/var/log/web/b.log": permission denied'];
    expect(what(await look({ daemons: [web] }))).toEqual(expected);
  });

  test('where records and metrics go', async () =>
    expect(what(await host().look({ exporters: { file: { path: '/nowhere/out' } } }))).toEqual([
      'cannot write file "/nowhere/out": no such file or directory',
    ]));
});
