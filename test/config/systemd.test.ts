// The unit and its drop-ins: what a supervisor relies on, and how exposed they leave the host.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { have } from '../tools.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = join(root, 'config/systemd');
const unit = readFileSync(join(folder, 'eudaemon.service'), 'utf8');

describe('eudaemon.service', () => {
  it.each([
    ['Type', 'notify'],
    ['ExecStart', '/usr/bin/eudaemon run --config /etc/eudaemon/eudaemon.yaml'],
    ['ExecReload', '/bin/kill -HUP $MAINPID'],
    ['RestartPreventExitStatus', '78'],
    ['RuntimeDirectoryPreserve', 'yes'],
    ['FileDescriptorStoreMax', '64'],
    ['StateDirectory', 'eudaemon'],
    ['User', 'eudaemon'],
  ])('%s=%s', (key, value) => {
    expect(unit.split('\n').filter(line => line.startsWith(`${key}=`))).toEqual([`${key}=${value}`]);
  });

  it.each([
    // V8 compiles to memory that it then runs; the rest is what the agent looks at.
    ['MemoryDenyWriteExecute', 'the JIT compiler'],
    ['ProcSubset', '/proc/stat, meminfo, mounts'],
    ['PrivateNetwork', 'exporters and health checks'],
    ['PrivateUsers', 'uids of other processes'],
  ])('does not set %s, which takes away %s', key => {
    expect(unit).not.toContain(`${key}=`);
  });
});

describe('eudaemon.socket', () => {
  it.each(['ListenDatagram=/run/eudaemon/syslog.sock', 'PassCredentials=yes', 'Timestamping=ns'])(
    '%s',
    line => {
      expect(readFileSync(join(folder, 'eudaemon.socket'), 'utf8').split('\n')).toContain(line);
    },
  );
});

describe('eudaemon.sysusers', () => {
  it('makes the user of the unit', () => {
    expect(readFileSync(join(folder, 'eudaemon.sysusers'), 'utf8')).toMatch(/^u eudaemon - /m);
  });
});

if (have('systemd-analyze'))
  describe('systemd-analyze', () => {
    const temp = mkdtempSync(join(tmpdir(), 'eudaemon-unit-'));
    afterAll(() => rmSync(temp, { recursive: true }));

    /** The unit as installed, with the program where this checkout has it. */
    function installed(dropIn?: string): string {
      const directory = mkdtempSync(join(temp, 'u-'));
      const path = join(directory, 'eudaemon.service');
      writeFileSync(path, unit.replaceAll('/usr/bin/eudaemon', join(root, 'bin/eudaemon')));
      if (dropIn) {
        mkdirSync(`${path}.d`);
        copyFileSync(join(folder, dropIn), join(`${path}.d`, dropIn));
      }
      return path;
    }
    const analyze = (...args: string[]) =>
      execFileSync('systemd-analyze', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

    it('verifies the socket', () => {
      const service = installed();
      const socket = service.replace('.service', '.socket');
      copyFileSync(join(folder, 'eudaemon.socket'), socket);
      expect(analyze('verify', '--man=no', socket, service)).toBe('');
    });

    it.each([undefined, 'exits.conf', 'confined.conf', 'syslog.conf'])(
      'verifies it with drop-in %s',
      dropIn => {
        expect(analyze('verify', '--man=no', installed(dropIn))).toBe('');
      },
    );

    it.each([
      [undefined, 23],
      ['exits.conf', 25],
      ['confined.conf', 18],
    ])('exposure with drop-in %s is at most %i tenths', (dropIn, tenths) => {
      const report = analyze(
        'security',
        '--offline=true',
        '--no-pager',
        `--threshold=${tenths}`,
        installed(dropIn),
      );
      expect(report).toContain('Overall exposure level');
    });
  });
