// What a supervisor sees: exit codes, signals, reloads, and starts on ground that is not as it should be.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSocket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { have } from '../tools.ts';
import { createHome, spawnProgram, startProgram } from './program.ts';
import { logDatagrams } from './senders.ts';
import { until } from './until.ts';

describe('start and stop', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('%s drains and exits 0', async signal => {
    const program = await startProgram(await createHome());
    program.signal(signal);
    expect(await program.ended).toEqual({ code: 0, signal: null });
  });

  it('answers what an orchestrator asks', async () => {
    const { home } = await startProgram(await createHome());
    for (const path of ['/livez', '/readyz', '/healthz', '/-/healthy', '/-/ready', '/metrics'])
      expect([path, (await fetch(home.url + path)).status]).toEqual([path, 200]);
  });

  it('has one pid: the one that its supervisor started', async () => {
    const program = await startProgram(await createHome());
    expect(readFileSync(`/proc/${program.pid}/cmdline`, 'utf8').split('\0')[0]).toMatch(/node$/);
    expect(readFileSync(`/proc/${program.pid}/comm`, 'utf8')).toBe('eudaemon\n');
    expect((await program.metrics()).value('eudaemon_build_info')).toBe(1);
  });

  it('takes the place of a socket that a crash left behind', async () => {
    const home = await createHome();
    const first = await startProgram(home);
    first.signal('SIGKILL');
    await first.ended;
    expect(statSync(home.socket).isSocket()).toBe(true);
    await startProgram(home);
  });
});

it('a signal that comes before it is ready ends no agent', async () => {
  const home = await createHome();
  const pidfile = join(home.directory, 'e.pid');
  const program = spawnProgram(home, ['run', '--config', home.configFile, '--pidfile', pidfile]);
  await until('its pid is known', () => existsSync(pidfile), { everyMs: 1 });
  for (const signal of ['SIGHUP', 'SIGUSR1'] as const) program.signal(signal);
  await until('it is ready', async () => (await fetch(`${home.url}/readyz`)).ok);
  expect(await program.stop()).toEqual({ code: 0, signal: null });
});

describe('bad ground', () => {
  it.each([
    ['an unknown key', 'agent:\n  log_levle: info\n', /e\.yaml:2:3: .*log_level/],
    ['bad syntax', 'agent: {\n', /e\.yaml:\d+:\d+: /],
    ['two problems at once', 'agnet: {}\nspool: { max_size: huge }\n', /e\.yaml:1:1: .*\n.*e\.yaml:2:\d+: /],
  ])('%s ends with 78 and says where', async (_, config, message) => {
    const home = await createHome(config);
    const program = spawnProgram(home, ['run', '--config', home.configFile]);
    expect(await program.ended).toEqual({ code: 78, signal: null });
    expect(program.output()).toMatch(message);
  });

  it.each([
    ['an unknown command', ['frobnicate']],
    ['an unknown flag', ['run', '--frobnicate']],
  ])('%s ends with 2', async (_, args) => {
    const program = spawnProgram(await createHome(), args);
    expect((await program.ended).code).toBe(2);
    expect(program.output()).toContain('frobnicate');
  });

  it('a listener that is taken ends with 1 and names the address', async () => {
    const home = await createHome();
    const taken = createServer().listen(Number(new URL(home.url).port), '127.0.0.1');
    onTestFinished(() => void taken.close());
    const program = spawnProgram(home, ['run', '--config', home.configFile]);
    expect((await program.ended).code).toBe(1);
    expect(program.output()).toContain(new URL(home.url).host);
    expect(program.output()).toContain('address already in use');
  });

  it('a state_dir that cannot be made ends with 1 and names it, and nothing else', async () => {
    const home = await createHome();
    writeFileSync(join(home.directory, 'file'), '');
    home.configure({ agent: { state_dir: join(home.directory, 'file/state') } });
    const program = spawnProgram(home, ['run', '--config', home.configFile]);
    expect((await program.ended).code).toBe(1);
    const path = join(home.directory, 'file/state');
    expect(program.output()).toMatch(/^eudaemon: cannot create agent\.state_dir ".*": .*\n$/);
    expect(program.output()).toContain(`"${path}"`);
  });

  it('a syslog path that somebody else serves is a fault that /readyz names; the rest runs', async () => {
    const home = await createHome();
    const other = createSocket().listen(home.socket);
    onTestFinished(() => void other.close());
    const program = spawnProgram(home, ['run', '--config', home.configFile]);
    const reason = await until('/readyz is red', async () => {
      const response = await fetch(`${home.url}/readyz`);
      const text = await response.text();
      return response.status === 503 && text.includes(home.socket) && text;
    });
    expect(reason).toContain('syslog');
    await program.waitForMetrics('that collector alone is down', page =>
      [0, 1].every(
        (up, i) => page.value('eudaemon_collector_up', { collector: ['syslog', 'processes'][i]! }) === up,
      ),
    );
    expect((await program.stop()).code).toBe(0);
  });
});

describe('reload', () => {
  it('keeps the old configuration when the new one is bad, and takes a good one', async () => {
    const home = await createHome({ daemons: { one: { match: { comm: 'no-such-one' } } } });
    const program = await startProgram(home);
    const ups = async () => (await program.metrics()).all('eudaemon_daemon_up').map(s => s.labels['daemon']);
    expect(await ups()).toEqual(['one']);

    home.configure('daemons: { two: { match: { com: x } } }\n');
    program.signal('SIGHUP');
    await program.waitForMetrics(
      'the reload is refused',
      page => page.value('eudaemon_config_last_reload_successful') === 0,
    );
    expect(await ups()).toEqual(['one']);
    const told = () =>
      program.output().match(/e\.yaml:1:\d+: daemons\.two\.match\.com: unknown key/g)?.length;
    expect(told()).toBe(1);
    program.signal('SIGHUP');
    await until('it is told again', () => told() === 2);

    home.configure({ daemons: { two: { match: { comm: 'no-such-two' } } } });
    program.signal('SIGHUP');
    await program.waitForMetrics(
      'the new daemon is there',
      page =>
        page.value('eudaemon_config_last_reload_successful') === 1 &&
        page.value('eudaemon_daemon_up', { daemon: 'two' }) === 0 &&
        page.value('eudaemon_daemon_up', { daemon: 'one' }) === undefined,
    );
    expect((await program.stop()).code).toBe(0);
  });

  it('takes what HTTP asks for', async () => {
    const home = await createHome();
    const program = await startProgram(home);
    expect((await fetch(`${home.url}/-/reload`, { method: 'POST' })).status).toBe(200);
    home.configure('nonsense: 1\n');
    const refused = await fetch(`${home.url}/-/reload`, { method: 'POST' });
    expect(refused.ok).toBe(false);
    expect(await refused.text()).toContain('nonsense');
    expect((await program.stop()).code).toBe(0);
  });
});

if (have('socat'))
  it('tells systemd of readiness, reload and stop', async () => {
    const home = await createHome();
    const notify = join(home.directory, 'notify.sock');
    const log = join(home.directory, 'notify.log');
    await logDatagrams(notify, log);
    const program = await startProgram(home, { NOTIFY_SOCKET: notify });
    const told = (word: string) =>
      until(`systemd is told ${word}`, () => readFileSync(log, 'utf8').includes(word));
    await told('READY=1');
    program.signal('SIGHUP');
    await told('RELOADING=1');
    await until('systemd is told READY=1 again', () =>
      /READY=1[\s\S]*READY=1/.test(readFileSync(log, 'utf8')),
    );
    await program.stop();
    await told('STOPPING=1');
  });
