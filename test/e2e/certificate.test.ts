// Deaths of real daemons: what the event on OTLP says, what `why` and `status` say, also without an agent.
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { TOGETHER_MS } from '../../agent/identity/certificates.ts';
import type { CertificatesView, EndpointsView, SamplesView } from '../../console/api.ts';
import { have } from '../tools.ts';
import { startBackend } from './backend.ts';
import { familyOf, startNginx, startRedis } from './daemons.ts';
import { createHome, freePort, type Home, spawnProgram, startProgram, tempDir } from './program.ts';
import { until } from './until.ts';
import { compileVictim } from './victim.ts';

const EXITED = 'eudaemon.daemon.exited';

async function run(home: Home, ...args: string[]) {
  const child = spawnProgram(home, [...args, '--config', home.configFile]);
  const { code } = await child.ended;
  return { code, output: child.output() };
}

if (have('nginx', 'redis-server', 'root'))
  it('redis dies of SIGSEGV, nginx of SIGKILL beside it; what the event, why and status tell, awake and asleep', async () => {
    const directory = tempDir('deaths');
    const [webPort, redisPort] = [await freePort(), await freePort()];
    const backend = await startBackend();
    const nginx = await startNginx(directory, webPort);
    const redis = await startRedis(directory, redisPort);
    const home = await createHome({
      daemons: {
        web: {
          match: { pidfile: join(directory, 'nginx.pid') },
          logs: { files: [join(directory, 'access.log')] },
          health: [{ name: 'port', tcp: `127.0.0.1:${webPort}`, every: '1s' }],
        },
        cache: { match: { comm: 'redis-server', port: redisPort } },
      },
      exporters: { otlp: backend.exporter, store: {} },
    });
    const program = await startProgram(home);
    await program.waitForMetrics(
      'both run and were sampled',
      page =>
        page.value('eudaemon_daemon_up', { daemon: 'web' }) === 1 &&
        page.value('eudaemon_health_check_up', { daemon: 'web', check: 'port' }) === 1 &&
        page.value('eudaemon_daemon_open_fds', { daemon: 'cache' })! > 0,
    );
    await fetch(`http://127.0.0.1:${webPort}/the-last-thing-it-served`);
    await backend.record(({ body }) => String(body).includes('the-last-thing-it-served'));

    await redis.kill('SIGSEGV');
    const [, ...workers] = familyOf(nginx.pid);
    await nginx.kill('SIGKILL');
    // They would keep the port.
    for (const worker of workers) process.kill(worker, 'SIGKILL');
    await startRedis(directory, redisPort);
    const [cache, web] = await Promise.all(
      ['cache', 'web'].map(daemon =>
        backend.record(each => each.eventName === EXITED && each.resource['service.name'] === daemon),
      ),
    );
    expect(web!.attributes).toMatchObject({
      'process.pid': nginx.pid,
      'eudaemon.exit.reason': 'signal',
      'eudaemon.exit.signal': 'SIGKILL',
      'eudaemon.exit.oom': false,
      'eudaemon.exit.checks': [{ name: 'port', healthy: true }],
      'eudaemon.exit.also_died': [{ daemon: 'cache', pid: redis.pid }],
    });
    const logs = web!.attributes['eudaemon.exit.logs'] as { body: string }[];
    expect(logs.at(-1)!.body).toContain('the-last-thing-it-served');
    const last = web!.attributes['eudaemon.exit.samples'] as Record<string, number[]>;
    expect(last['memory']!.at(-1)).toBeGreaterThan(2 ** 20);
    expect(last['fds']!.at(-1)).toBeGreaterThan(3);
    expect(last['seconds']!.every(second => second <= 0 && second > -600)).toBe(true);

    expect(cache!.attributes).toMatchObject({
      'process.pid': redis.pid,
      'eudaemon.exit.signal': 'SIGSEGV',
      'eudaemon.exit.core_dumped': expect.any(Boolean),
      'eudaemon.exit.restart.seconds': expect.any(Number),
    });
    expect(cache!.body).toMatch(/^cache\[\d+\] .* after \d+ s.*restarted/);
    const uptime = cache!.attributes['process.uptime'] as number;
    expect(uptime).toBeGreaterThan(0.5);

    const status = JSON.parse((await run(home, 'status', 'web', '--json')).output);
    expect(status.certificates[0]).toMatchObject({
      daemon: 'web',
      pid: nginx.pid,
    });
    const text = (await run(home, 'status', 'web')).output;
    expect(text).toContain(String(web!.body));
    expect(text).toContain('the-last-thing-it-served');
    expect((await run(home, 'logs', 'web')).output).toContain(`: ${web!.body}`);

    const samples = (await (await fetch(`${home.url}/api/samples`)).json()) as SamplesView;
    expect(samples.at).toHaveLength(40);
    expect(samples.daemons['cache']!.memory.filter(figure => figure! > 2 ** 20).length).toBeGreaterThan(0);
    const held = (await (await fetch(`${home.url}/api/endpoints?daemon=cache`)).json()) as EndpointsView;
    expect(held.ports).toEqual([redisPort]);
    expect((await fetch(`${home.url}/api/endpoints?daemon=nobody`)).status).toBe(404);

    const nginxAgain = await startNginx(directory, webPort);
    await until('the kept certificate knows of the restart', async () => {
      const answer = await fetch(`${home.url}/api/certificates?daemon=web`);
      const { certificates } = (await answer.json()) as CertificatesView;
      return certificates[0]!.restart?.pid === nginxAgain.pid;
    });
    const awake = await run(home, 'why', 'web');
    expect(awake.code).toBe(0);
    await program.stop();
    const asleep = await run(home, 'why', 'web');
    expect(asleep.output.replace(/\d+\w ago/, '')).toBe(awake.output.replace(/\d+\w ago/, ''));
    expect((await run(home, 'why')).output.split('\n').filter(Boolean)).toHaveLength(2);
    expect(await run(home, 'why', 'nobody')).toEqual({ code: 1, output: 'no death of nobody is known\n' });
    const next = await startProgram(home);
    const view = (await (await fetch(`${home.url}/api/certificates`)).json()) as CertificatesView;
    expect(view.certificates.map(({ daemon }) => daemon).sort()).toEqual(['cache', 'web']);
    await next.stop();
    expect(backend.all().filter(({ eventName }) => eventName === EXITED)).toHaveLength(2);
  });

if (have('perl'))
  it('an exit status in a crash loop: one whole certificate, the rest brief, all counted', async () => {
    const directory = tempDir('loop');
    const script = join(directory, 'doomed.pl');
    writeFileSync(script, 'select undef, undef, undef, 0.3; exit 3;');
    const backend = await startBackend();
    const home = await createHome({
      daemons: { doomed: { match: { cmdline: 'doomed[.]pl' } } },
      exporters: { otlp: backend.exporter },
    });
    const program = await startProgram(home);
    let [runs, over] = [0, false];
    onTestFinished(() => {
      over = true;
    });
    const again = () => {
      if (over || runs++ >= 12) return;
      spawn('perl', [script], { stdio: 'ignore' }).once('exit', again);
    };
    again();
    await program.waitForMetrics(
      'every end is counted',
      page => page.value('eudaemon_daemon_exits_total', { daemon: 'doomed', reason: 'exit' }) === 12,
    );
    const ends = await until('every end is told', () => {
      const all = backend.all().filter(({ eventName }) => eventName === EXITED);
      return all.length === 12 && all;
    });
    expect(ends.map(({ attributes }) => attributes['process.exit.code'])).toEqual(Array(12).fill(3));
    // On a slow machine the loop outlasts the time for which one certificate stands.
    let whole = Number.NEGATIVE_INFINITY;
    for (const { time, attributes } of ends.sort((a, b) => Number(a.time - b.time))) {
      const at = Number(time / 1_000_000n);
      const isBrief = at - whole <= TOGETHER_MS;
      if (!isBrief) whole = at;
      expect(attributes['eudaemon.exit.brief'] === true, `${at - whole} ms behind the whole one`).toBe(
        isBrief,
      );
    }
  });

if (have('gcc'))
  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'tells who ended, and who took a place, while no agent ran after %s',
    async signal => {
      const backend = await startBackend();
      const home = await createHome({ exporters: { otlp: backend.exporter } });
      const victims = compileVictim(home.directory);
      home.configure({
        daemons: { victim: { match: { exe: victims.exe } } },
        exporters: { otlp: backend.exporter },
      });
      const [first, second] = [victims.start(), victims.start()];
      const program = await startProgram(home);
      await until('it has kept who runs', () =>
        readFileSync(join(home.stateDir, 'identity/running.json'), 'utf8').includes(`"pid":${second.pid},`),
      );
      program.signal(signal);
      await program.ended;
      first.kill('SIGKILL');
      second.kill('SIGKILL');
      await until('they have ended', () => victims.pids().length === 0);
      const third = victims.start();

      const next = await startProgram(home);
      const told = await until('both ends are told', () => {
        const all = backend.all().filter(({ eventName }) => eventName === EXITED);
        return all.length === 2 && all;
      });
      const pids = told.map(({ attributes }) => attributes['process.pid']);
      expect(pids.sort()).toEqual([first.pid, second.pid].sort());
      for (const { attributes, body } of told) {
        expect(body).toMatch(/^victim\[\d+\] ended while no agent ran after /);
        expect(attributes['eudaemon.exit.reason']).toBe('unknown');
        expect(
          String(attributes['eudaemon.exit.last_seen.time']) < String(attributes['process.exit.time']),
        ).toBe(true);
      }
      const page = await next.metrics();
      expect(page.value('eudaemon_daemon_exits_total', { daemon: 'victim', reason: 'unknown' })).toBe(2);
      expect(page.value('eudaemon_daemon_restarts_total', { daemon: 'victim' })).toBe(1);
      const why = (await run(home, 'why', 'victim')).output;
      expect(why).toMatch(/when {7}between \S+Z and \S+Z, /);
      expect(why).toContain(`restart    as process ${third.pid}`);
      await next.stop();
    },
  );

if (have('gcc'))
  it('tells who ended while no agent ran of those that nobody declared', async () => {
    const backend = await startBackend();
    const home = await createHome({ agent: { discover: true }, exporters: { otlp: backend.exporter } });
    // It is found by its name, which no other test's is.
    const [lonely, pidfile] = [join(home.directory, 'lonelyd'), join(home.directory, 'pid')];
    copyFileSync(compileVictim(home.directory).exe, lonely);
    execFileSync(lonely, ['detach'], { stdio: 'ignore', env: { PIDFILE: pidfile } });
    const pid = await until('it has detached', () => Number(readFileSync(pidfile, 'utf8')));
    const isThere = () => existsSync(`/proc/${pid}`);
    onTestFinished(() => void (isThere() && process.kill(pid, 'SIGKILL')));
    const first = await startProgram(home);
    await until('who runs is kept', () =>
      readFileSync(join(home.stateDir, 'identity/running.json'), 'utf8').includes(`"pid":${pid},`),
    );
    await first.stop();
    process.kill(pid, 'SIGKILL');
    await until('it has ended', () => !isThere());

    const next = await startProgram(home);
    const told = await backend.record(
      ({ eventName, resource }) => eventName === EXITED && resource['service.name'] === 'lonelyd',
    );
    expect(told.body).toMatch(/^lonelyd\[\d+\] ended while no agent ran/);
    const page = await next.metrics();
    expect(page.value('eudaemon_daemon_state', { daemon: 'lonelyd', state: 'absent' })).toBe(1);
  });
