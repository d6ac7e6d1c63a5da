// Service files of the other init systems: each is read by its own program, or by the nearest there is.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const folder = join(import.meta.dirname, '../../config');
const path = (...parts: string[]) => join(folder, ...parts);
const read = (...parts: string[]) => readFileSync(path(...parts), 'utf8');

describe('shell', () => {
  it.each(['openrc', 'sysv'])('%s is valid', system => {
    execFileSync('sh', ['-n', path(system, 'eudaemon')]);
  });

  it.each(['start', 'stop', 'restart', 'reload', 'force-reload', 'status'])('sysv knows %s', action => {
    expect(read('sysv', 'eudaemon')).toMatch(new RegExp(`^  .*\\b${action}\\b.*\\) exec `, 'm'));
  });

  it.each([[[]], [['frobnicate']]])('sysv answers %j with usage and 2', args => {
    const run = () => execFileSync('sh', [path('sysv', 'eudaemon'), ...args], { stdio: 'pipe' });
    expect(run).toThrow(expect.objectContaining({ status: 2, stderr: expect.objectContaining({}) }));
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
