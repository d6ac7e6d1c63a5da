// Service files of the other init systems: each is read by its own program, or by the nearest there is.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

const folder = join(import.meta.dirname, '../../config');
const path = (...parts: string[]) => join(folder, ...parts);
const read = (...parts: string[]) => readFileSync(path(...parts), 'utf8');

describe('shell', () => {
  it.each(['openrc', 'sysv'])('%s is valid', system => {
    execFileSync('sh', ['-n', path(system, 'eudaemon')]);
  });

  describe('sysv', () => {
    /** The script with a program that prints how it was called, and ends with `code`. */
    function installed({ code = 0, program = true, config = true } = {}) {
      const directory = mkdtempSync(join(tmpdir(), 'sysv-'));
      onTestFinished(() => rmSync(directory, { recursive: true }));
      const at = (name: string) => join(directory, name);
      if (program) writeFileSync(at('bin'), `#!/bin/sh\necho "$@"\nexit ${code}\n`, { mode: 0o755 });
      if (config) writeFileSync(at('c'), '');
      const text = read('sysv', 'eudaemon')
        .replaceAll('/usr/bin/eudaemon', at('bin'))
        .replace('/etc/eudaemon/eudaemon.yaml', at('c'));
      writeFileSync(at('init'), text);
      return (...args: string[]) => {
        const { status, stdout } = spawnSync('sh', [at('init'), ...args], { encoding: 'utf8' });
        return [status, stdout.replaceAll(directory, '').trim()];
      };
    }
    const PID = '--pidfile /run/eudaemon/eudaemon.pid';

    it.each([
      ['start', `start ${PID} --config /c`],
      ['restart', `restart ${PID} --config /c`],
      ['try-restart', `restart ${PID} --config /c`],
      ['stop', `stop ${PID}`],
      ['reload', `reload ${PID}`],
      ['force-reload', `reload ${PID}`],
      ['status', `status ${PID}`],
    ])('%s is %s', (action, call) => expect(installed()(action)).toEqual([0, call]));

    it.each([[[]], [['frobnicate']]])('answers %j with usage and 2', args =>
      expect(installed({ program: false })(...args)).toEqual([2, '']),
    );

    it('passes on what the program ends with', () => {
      const init = installed({ code: 3 });
      for (const action of ['start', 'stop', 'restart', 'reload', 'status']) expect(init(action)[0]).toBe(3);
      expect(init('try-restart'), 'of what does not run').toEqual([0, '']);
    });

    it.each([
      ['start', 5],
      ['restart', 5],
      ['reload', 5],
      ['stop', 0],
      ['status', 4],
    ])('%s of what is not installed is %i', (action, code) =>
      expect(installed({ program: false })(action)[0]).toBe(code),
    );

    it.each([
      ['start', 6],
      ['restart', 6],
      ['stop', 0],
    ])('%s of what is not configured is %i', (action, code) =>
      expect(installed({ config: false })(action)[0]).toBe(code),
    );
  });

  it('sysv has the LSB header', () => {
    const header = /### BEGIN INIT INFO\n([\s\S]+?)### END INIT INFO/.exec(read('sysv', 'eudaemon'))![1]!;
    for (const key of ['Provides', 'Required-Start', 'Required-Stop', 'Default-Start', 'Default-Stop'])
      expect(header).toMatch(new RegExp(`^# ${key}: +\\S`, 'm'));
  });
});

describe('the others', () => {
  it('launchd: opened tags are closed in order, keys have values', () => {
    const text = read('launchd', 'eudaemon.plist');
    const stack: string[] = [];
    for (const [, close, name, empty] of text.matchAll(/<(\/?)(\w+)[^<>?!]*?(\/?)>/g)) {
      if (close) expect(stack.pop()).toBe(name);
      else if (!empty) stack.push(name!);
    }
    expect(stack).toEqual([]);
    expect(text).toContain('<string>eudaemon</string>');
  });

  it('supervisord: starts no more after a bad configuration', () => {
    const lines = read('supervisord', 'eudaemon.conf').split('\n');
    expect(lines).toContain('[program:eudaemon]');
    expect(lines).toContain('autorestart=unexpected');
    expect(lines).toContain('exitcodes=0,78');
  });

  it('pm2: one process in the foreground, without an interpreter of its own', () => {
    const { apps } = createRequire(import.meta.url)(path('pm2', 'ecosystem.config.cjs'));
    expect(apps).toEqual([expect.objectContaining({ interpreter: 'none', exec_mode: 'fork', instances: 1 })]);
  });

  it.each(['systemd', 'openrc', 'sysv', 'supervisord', 'pm2'])('%s starts the installed program', system => {
    const text = readdirSync(path(system), 'utf8')
      .map(name => read(system, name))
      .join('\n');
    expect(text).toContain('/usr/bin/eudaemon');
  });
});
