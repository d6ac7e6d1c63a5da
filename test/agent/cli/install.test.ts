// Installed into an empty root: what each init system gets is what it can read, and names the program that is here.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { detectInit, INITS, plan } from '../../../agent/cli/install-plan.ts';
import { loadConfig } from '../../../agent/config/index.ts';
import { collectors } from '../../../collectors/index.ts';
import { exporters } from '../../../exporters/index.ts';
import { have } from '../../tools.ts';

const BIN = resolve(import.meta.dirname, '../../../bin/eudaemon');

function emptyRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'install-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  return root;
}
const eudaemon = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(BIN, args, { encoding: 'utf8' });
  return { code: status, output: stdout + stderr };
};
const filesBelow = (root: string) =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(root.length))
    .sort();

describe('install into an empty root', () => {
  it.each(INITS)('%s: files, configuration, next command; again; and uninstall', async init => {
    const root = emptyRoot();
    const todo = plan(init, BIN);
    const printed = eudaemon('install', '--init', init, '--root', root, '--print');
    expect(printed.code).toBe(0);
    expect(filesBelow(root)).toEqual([]);
    for (const { path, text } of todo.files) {
      expect(printed.output).toContain(`# ${root}${path} (mode`);
      expect(printed.output).toContain(text);
    }
    const { code, output } = eudaemon('install', '--init', init, '--root', root);
    expect(code).toBe(0);
    expect(output).toContain(`next: ${todo.next.join(' && ')}`);
    expect(filesBelow(root)).toEqual([...todo.files.map(({ path }) => path), todo.config].sort());
    for (const { path, text, mode } of todo.files) {
      expect(readFileSync(root + path, 'utf8')).toBe(text);
      expect(statSync(root + path).mode & 0o777).toBe(mode);
    }
    const all = todo.files.map(({ text }) => text).join('');
    expect(all).toContain(BIN);
    expect(all).not.toMatch(/\/usr\/(local\/)?bin\/eudaemon/);
    const config = await loadConfig({ file: root + todo.config, env: {}, collectors, exporters });
    expect(config).toMatchObject({ file: root + todo.config, agent: { discover: true }, daemons: [] });

    writeFileSync(root + todo.config, '# mine\n');
    expect(eudaemon('install', '--init', init, '--root', root).code).toBe(0);
    expect(readFileSync(root + todo.config, 'utf8')).toBe('# mine\n');
    const removed = eudaemon('uninstall', '--init', init, '--root', root);
    expect(removed.code).toBe(0);
    expect(filesBelow(root)).toEqual([todo.config]);
    expect(eudaemon('uninstall', '--init', init, '--root', root)).toEqual({
      code: 0,
      output: expect.stringContaining('there is no'),
    });
  });
});

describe('what is installed', () => {
  const text = (init: (typeof INITS)[number]) => plan(init, '/opt/e/bin/eudaemon').files[0]!.text;

  it.each(['sysv', 'openrc'] as const)('%s is a shell script', init => {
    execFileSync('sh', ['-n'], { input: text(init) });
  });

  it('pm2 is a module', () => {
    const root = emptyRoot();
    writeFileSync(join(root, 'e.cjs'), text('pm2'));
    const { apps } = createRequire(import.meta.url)(join(root, 'e.cjs'));
    expect(apps[0].script).toBe('/opt/e/bin/eudaemon');
  });

  if (have('systemd-analyze'))
    it('systemd takes its unit', () => {
      const root = emptyRoot();
      expect(eudaemon('install', '--init', 'systemd', '--root', root).code).toBe(0);
      const unit = join(root, 'etc/systemd/system/eudaemon.service');
      const { stderr, status } = spawnSync('systemd-analyze', ['verify', '--man=no', unit], {
        encoding: 'utf8',
      });
      expect([status, stderr]).toEqual([0, '']);
    });

  if (have('python3'))
    it('launchd takes its plist', () => {
      const read = 'import plistlib,sys,json; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))';
      const plist = JSON.parse(
        execFileSync('python3', ['-c', read], { input: text('launchd'), encoding: 'utf8' }),
      );
      expect(plist.ProgramArguments).toEqual([
        '/opt/e/bin/eudaemon',
        'run',
        '--config',
        '/usr/local/etc/eudaemon/eudaemon.yaml',
      ]);
    });
});

describe('the init system of a host', () => {
  it.each([
    ['darwin', [], 'launchd'],
    ['linux', ['/run/systemd/system', '/etc/init.d'], 'systemd'],
    ['linux', ['/sbin/openrc-run', '/etc/init.d'], 'openrc'],
    ['linux', ['/sbin/initctl', '/etc/init', '/etc/init.d'], 'upstart'],
    ['linux', ['/etc/init.d'], 'sysv'],
    ['linux', [], undefined],
  ])('%s with %j is %s', (platform, paths, init) => {
    expect(detectInit(platform, path => (paths as readonly string[]).includes(path))).toBe(init);
  });
});

describe('what goes wrong', () => {
  it.each([
    [['install', '--init', 'systemdd'], 2, /did you mean "systemd"/],
    [['install', '--init', ''], 2, /is not one of/],
    [['uninstall', '--frobnicate'], 2, /frobnicate/],
    [
      ['install', '--init', 'sysv', '--root', '/proc/nowhere'],
      1,
      /cannot write "\/proc\/nowhere\/etc\/init\.d\/eudaemon"/,
    ],
  ] as const)('%j', (args, code, message) => {
    expect(eudaemon(...args)).toEqual({ code, output: expect.stringMatching(message) });
  });

  it('an empty root tells nothing of its init system', () => {
    expect(eudaemon('install', '--root', emptyRoot())).toEqual({
      code: 2,
      output: expect.stringContaining('name it with --init'),
    });
  });

  it('a root with one is looked at', () => {
    const root = emptyRoot();
    mkdirSync(join(root, 'etc/init.d'), { recursive: true });
    expect(eudaemon('install', '--root', root).code).toBe(0);
    expect(existsSync(join(root, 'etc/init.d/eudaemon'))).toBe(true);
  });
});
