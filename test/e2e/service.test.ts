// The classic background daemon: detached, with a pidfile that is believed, LSB's exit codes, and a log that rotates.
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { have } from '../tools.ts';
import { BIN, createHome, type Home } from './program.ts';
import { logger } from './senders.ts';
import { until } from './until.ts';

interface Ended {
  readonly code: number | null;
  readonly output: string;
}
function eudaemon(home: Home, ...args: string[]): Ended {
  const { status, stdout, stderr } = spawnSync(BIN, args, {
    cwd: home.directory,
    encoding: 'utf8',
    env: { ...process.env, NOTIFY_SOCKET: undefined },
  });
  return { code: status, output: stdout + stderr };
}

async function service() {
  const home = await createHome();
  const pidfile = join(home.directory, 'pids/e.pid');
  onTestFinished(() => {
    if (existsSync(pidfile)) eudaemon(home, 'stop', '--pidfile', pidfile, '--timeout', '5s');
  });
  return {
    home,
    pidfile,
    pid: () => Number(readFileSync(pidfile, 'utf8')),
    act: (action: string, ...more: string[]) => eudaemon(home, action, '--pidfile', 'pids/e.pid', ...more),
  };
}

describe('start, status, stop', () => {
  it('leads a life of its own, ready when start returns, and leaves nothing behind', async () => {
    const { home, pidfile, pid, act } = await service();
    expect(act('status')).toEqual({ code: 3, output: expect.stringContaining('not running') });
    expect(act('start', '--config', 'e.yaml', '--log', 'agent.log')).toEqual({
      code: 0,
      output: `eudaemon is running, pid ${pid()}\n`,
    });
    expect((await fetch(`${home.url}/readyz`)).status).toBe(200);
    const stat = readFileSync(`/proc/${pid()}/stat`, 'utf8');
    const [, ppid, pgrp, session, tty] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    expect(tty).toBe(0);
    expect(session).not.toBe(pid());
    expect(pgrp).toBe(session);
    expect(existsSync(`/proc/${session}`), 'the leader of its session').toBe(false);
    expect(ppid).not.toBe(process.pid);
    const stream = (fd: number) => readlinkSync(`/proc/${pid()}/fd/${fd}`);
    expect([0, 1, 2].map(stream)).toEqual([
      '/dev/null',
      join(home.directory, 'agent.log'),
      join(home.directory, 'agent.log'),
    ]);
    expect(readlinkSync(`/proc/${pid()}/cwd`)).toBe('/');

    const first = pid();
    expect(act('start', '--config', 'e.yaml').code).toBe(0);
    expect(pid()).toBe(first);
    expect(act('status').code).toBe(0);
    expect(eudaemon(home, 'run', '--pidfile', pidfile, '--config', 'e.yaml')).toEqual({
      code: 1,
      output: expect.stringContaining(`an agent runs already, pid ${first}`),
    });
    expect(act('stop').code).toBe(0);
    expect(existsSync(`/proc/${first}`) && /\) [^Z]/.test(readFileSync(`/proc/${first}/stat`, 'utf8'))).toBe(
      false,
    );
    expect(existsSync(pidfile)).toBe(false);
    expect(act('stop').code).toBe(0);
    expect(act('status').code).toBe(3);
    expect(act('reload').code).toBe(7);
  });

  it('a log that was rotated is opened again by SIGUSR1', async () => {
    const { home, pid, act } = await service();
    const log = join(home.directory, 'agent.log');
    expect(act('start', '--config', 'e.yaml', '--log', log).code).toBe(0);
    await until('the first lines', () => readFileSync(log, 'utf8').includes('msg=ready'));
    renameSync(log, `${log}.1`);
    process.kill(pid(), 'SIGUSR1');
    await until('the new file', () => existsSync(log));
    expect(act('reload').code).toBe(0);
    await until('a line in it', () => readFileSync(log, 'utf8').includes('configuration reloaded'));
    expect(readFileSync(`${log}.1`, 'utf8')).not.toContain('configuration reloaded');
    expect(readlinkSync(`/proc/${pid()}/fd/2`)).toBe(log);
  });

  it('reload and restart tell what is wrong with a new configuration, and the agent goes on', async () => {
    const { home, pid, act } = await service();
    expect(act('start', '--config', 'e.yaml').code).toBe(0);
    const first = pid();
    expect(act('reload')).toEqual({ code: 0, output: 'reloaded\n' });
    home.configure('agnet: {}\n');
    expect(act('reload')).toEqual({ code: 1, output: expect.stringMatching(/e\.yaml:1:1: .*"agent"/) });
    expect(act('restart', '--config', 'e.yaml')).toEqual({
      code: 78,
      output: expect.stringMatching(/e\.yaml:1:1: .*"agent"/),
    });
    expect(act('status').code).toBe(0);
    expect(pid()).toBe(first);
    home.configure({});
    expect(act('restart', '--config', 'e.yaml').code).toBe(0);
    expect(pid()).not.toBe(first);
    expect((await fetch(`${home.url}/readyz`)).status).toBe(200);
  });

  it('killed, it is dead with a pidfile; the next start takes that over', async () => {
    const { pid, act } = await service();
    expect(act('start', '--config', 'e.yaml').code).toBe(0);
    const first = pid();
    process.kill(first, 'SIGKILL');
    await until('its death is seen', () => act('status').code === 1);
    expect(act('reload').code).toBe(7);
    expect(act('start', '--config', 'e.yaml').code).toBe(0);
    expect(pid()).not.toBe(first);
  });
});

describe('what goes wrong', () => {
  it.each([
    ['a bad configuration', 'agnet: {}\n', 78, /e\.yaml:1:1: .*unknown key "agnet"/],
    [
      'a directory that cannot be made',
      'agent: { state_dir: /proc/nowhere }\n',
      1,
      /cannot create agent\.state_dir "\/proc\/nowhere"/,
    ],
    [
      'a user nobody knows',
      'agent: { user: no-such-user }\n',
      1,
      /cannot become agent\.user "no-such-user": there is no such user/,
    ],
  ])('%s is told by start', async (_, text, code, message) => {
    const { home, pidfile, act } = await service();
    home.configure(
      `${text.replace('agent: {', `agent: { run_dir: ${home.runDir},`)}exporters: { prometheus: false }\n`,
    );
    expect(act('start', '--config', 'e.yaml')).toEqual({ code, output: expect.stringMatching(message) });
    expect(existsSync(pidfile)).toBe(false);
  });

  it('a log that cannot be written', async () => {
    const { act } = await service();
    expect(act('start', '--config', 'e.yaml', '--log', '/proc/nowhere/log')).toEqual({
      code: 1,
      output: expect.stringContaining('cannot write log "/proc/nowhere/log": no such file or directory'),
    });
  });

  it.each([
    ['the pid of a stranger', `${process.pid}\n`, 1],
    ['no pid', 'x\n', 4],
    ['nothing', '', 4],
    ['a pid that cannot be', '4194305\n', 1],
  ])('a pidfile with %s', async (_, text, code) => {
    const { home } = await service();
    const pidfile = join(home.directory, 'odd.pid');
    writeFileSync(pidfile, text);
    expect(eudaemon(home, 'status', '--pidfile', pidfile).code).toBe(code);
  });

  it('a stranger with the pid of the agent is left alone', async () => {
    const { home } = await service();
    const stranger = spawn('sleep', ['60']);
    onTestFinished(() => void stranger.kill());
    const pidfile = join(home.directory, 'stale.pid');
    writeFileSync(pidfile, `${stranger.pid}\n`);
    expect(eudaemon(home, 'reload', '--pidfile', pidfile).code).toBe(7);
    expect(eudaemon(home, 'stop', '--pidfile', pidfile)).toEqual({
      code: 0,
      output: 'eudaemon is not running\n',
    });
    expect(existsSync(pidfile)).toBe(false);
    expect(existsSync(`/proc/${stranger.pid}`)).toBe(true);
  });

  it('a configuration that cannot be read is a bad one', async () => {
    const { home, act } = await service();
    const told = expect.stringContaining('cannot read "/nowhere/e.yaml": no such file or directory');
    for (const action of ['start', 'restart'])
      expect(act(action, '--config', '/nowhere/e.yaml')).toEqual({ code: 78, output: told });
    expect(eudaemon(home, 'run', '--config', '/nowhere/e.yaml')).toEqual({ code: 78, output: told });
  });

  it.each([['start'], ['stop'], ['restart'], ['reload']])(
    '%s wants a pidfile, and no option it does not know',
    async action => {
      const { home } = await service();
      expect(eudaemon(home, action)).toEqual({
        code: 2,
        output: expect.stringContaining('--pidfile FILE is missing'),
      });
      expect(eudaemon(home, action, '--pidfile', 'p', '--frobnicate').code).toBe(2);
      expect(eudaemon(home, 'stop', '--pidfile', 'p', '--timeout', 'soon').code).toBe(2);
    },
  );
});

if (have('root', 'setpriv'))
  it('an ordinary user may not start, stop, restart or reload what is root’s, and is told so with 4', async () => {
    const { home, pidfile, pid, act } = await service();
    spawnSync('chmod', ['755', home.directory]);
    const asNobody = (action: string, ...more: string[]) => {
      const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups'];
      const { status, stderr } = spawnSync(
        'setpriv',
        [...nobody, BIN, action, '--pidfile', pidfile, ...more],
        { cwd: '/', encoding: 'utf8' },
      );
      return [status, stderr];
    };
    const told = (text: string) => [4, expect.stringMatching(new RegExp(`^eudaemon: cannot ${text}`))];
    expect(asNobody('start', '--config', home.configFile)).toEqual(told('(create|write) '));
    chmodSync(home.configFile, 0o600);
    for (const action of ['start', 'restart'])
      expect(asNobody(action, '--config', home.configFile)).toEqual([
        4,
        `eudaemon: cannot read "${home.configFile}": permission denied\n`,
      ]);
    chmodSync(home.configFile, 0o644);
    expect(act('start', '--config', 'e.yaml').code).toBe(0);
    expect(asNobody('stop')).toEqual(told('signal agent'));
    expect(asNobody('restart', '--config', home.configFile)).toEqual(told('signal agent'));
    expect(asNobody('reload')).toEqual(told('(signal|ask) '));
    process.kill(pid(), 'SIGKILL');
    await until('its death is seen', () => act('status').code === 1);
    expect(asNobody('stop')).toEqual(told('remove pidfile'));
  });

if (have('root', 'logger'))
  it('becomes agent.user with every thread once all is open, and says what it does not see', async () => {
    const { home, pid, act } = await service();
    const secret = join(home.directory, 'secret.log');
    writeFileSync(secret, '', { mode: 0o600 });
    spawnSync('chmod', ['755', home.directory]);
    home.configure({
      agent: { user: 'nobody' },
      daemons: {
        app: {
          match: { comm: 'none' },
          logs: { files: [secret] },
          health: [{ name: 'as', exec: ['/bin/true'], as: 'daemon' }],
        },
      },
    });
    const log = join(home.directory, 'agent.log');
    expect(act('start', '--config', 'e.yaml', '--log', log)).toEqual({
      code: 0,
      output: expect.stringContaining('running'),
    });
    const uid = Number(spawnSync('id', ['-u', 'nobody'], { encoding: 'utf8' }).stdout);
    const tasks = spawnSync('sh', ['-c', `cat /proc/${pid()}/task/*/status`], { encoding: 'utf8' }).stdout;
    const lines = (key: string) => [...new Set(tasks.split('\n').filter(line => line.startsWith(`${key}:`)))];
    expect(tasks.split('\n').filter(line => line.startsWith('Uid:')).length).toBeGreaterThan(5);
    expect(lines('Uid')).toEqual([`Uid:\t${uid}\t${uid}\t${uid}\t${uid}`]);
    expect(lines('CapEff')).toEqual(['CapEff:\t0000000000000000']);
    expect(lines('CapPrm')).toEqual(['CapPrm:\t0000000000000000']);
    expect(lines('Gid')).toHaveLength(1);
    expect(lines('Gid')[0]).not.toMatch(/\t0/);
    expect(lines('Groups').join()).not.toMatch(/\b0\b/);
    for (const path of [home.stateDir, home.runDir, home.socket, join(home.stateDir, 'spool')])
      expect([path, statSync(path).uid]).toEqual([path, uid]);

    const text = readFileSync(log, 'utf8');
    expect(text).toContain('became user nobody');
    expect(text).toContain('CAP_SYS_PTRACE');
    expect(text).toContain(`cannot read log file \\"${secret}\\": permission denied`);
    expect(text).toContain('cannot run check \\"as\\" of app as \\"daemon\\"');
    await logger(home.socket, '-t', 'hello', 'a line');
    const logs = () => eudaemon(home, 'logs', '--config', 'e.yaml').output;
    await until('the line is kept', () => logs().includes('a line'));
    expect(act('reload')).toEqual({ code: 0, output: 'reloaded\n' });
    expect(act('stop').code).toBe(0);
    expect(readFileSync(log, 'utf8')).toContain('msg=stopped clean=true');
    expect(act('start', '--config', 'e.yaml', '--log', log).code).toBe(0);
    expect(logs()).toContain('a line');
  });
