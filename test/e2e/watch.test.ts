// Real daemons under watch: figures equal /proc, deaths are seen in time, and a real Prometheus raises the alarm.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { have } from '../tools.ts';
import { startBackend } from './backend.ts';
import { familyOf, startNginx, startPrometheus, startRedis, usageOf } from './daemons.ts';
import { createHome, freePort, startProgram, tempDir } from './program.ts';
import { until } from './until.ts';

interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly state: string;
}

if (have('nginx'))
  it('nginx: one identity for its log, processes and checks, through death and return', async () => {
    const directory = tempDir('nginx');
    const port = await freePort();
    const backend = await startBackend();
    let nginx = await startNginx(directory, port);
    const home = await createHome({
      daemons: {
        web: {
          match: { pidfile: join(directory, 'nginx.pid') },
          logs: { files: [join(directory, 'access.log')], parse: 'nginx' },
          health: [
            { name: 'page', http: `http://127.0.0.1:${port}/`, every: '1s', timeout: '500ms', failures: 1 },
          ],
          expect: { instances: '>= 1' },
        },
      },
      exporters: { otlp: backend.exporter },
    });
    const program = await startProgram(home);
    const daemon = 'web';
    await program.waitForMetrics('fds and resident bytes are those of /proc', page => {
      const { fds, residentBytes } = usageOf(familyOf(nginx.pid));
      return (
        page.value('eudaemon_daemon_up', { daemon }) === 1 &&
        page.value('eudaemon_daemon_open_fds', { daemon }) === fds &&
        page.value('eudaemon_daemon_resident_memory_bytes', { daemon }) === residentBytes
      );
    });
    await program.waitForMetrics(
      'the check is green',
      page =>
        page.value('eudaemon_health_check_up', { daemon, check: 'page' }) === 1 &&
        page.value('eudaemon_daemon_state', { daemon, state: 'healthy' }) === 1,
    );

    await fetch(`http://127.0.0.1:${port}/shop?item=7`, { headers: { 'user-agent': 'e2e/1' } });
    const record = await backend.record(each => String(each.body).includes('/shop?item=7'));
    expect(record.resource['service.name']).toBe('web');
    expect(record.attributes).toMatchObject({
      'log.file.path': join(directory, 'access.log'),
      'log.file.name': 'access.log',
    });
    expect(Math.abs(Number(record.time / 1_000_000n) - Date.now())).toBeLessThan(10_000);
    expect(record.attributes).not.toHaveProperty('eudaemon.parse_error');

    await nginx.kill();
    await program.waitForMetrics(
      'the death is seen: no instance, no memory, a red check',
      page =>
        page.value('eudaemon_daemon_up', { daemon }) === 0 &&
        page.value('eudaemon_health_check_up', { daemon, check: 'page' }) === 0 &&
        page.value('eudaemon_daemon_instances', { daemon }) === 0 &&
        page.value('eudaemon_daemon_resident_memory_bytes', { daemon }) === 0,
    );
    const exited = await backend.record(each => each.eventName === 'eudaemon.daemon.exited');
    expect(exited.resource['service.name']).toBe('web');

    nginx = await startNginx(directory, port);
    const back = await program.waitForMetrics(
      'the return is seen',
      page =>
        page.value('eudaemon_daemon_up', { daemon }) === 1 &&
        page.value('eudaemon_health_check_up', { daemon, check: 'page' }) === 1 &&
        page.value('eudaemon_daemon_restarts_total', { daemon }) === 1,
    );
    expect(back.sum('eudaemon_daemon_exits_total', { daemon })).toBeGreaterThanOrEqual(1);
    expect(back.value('eudaemon_expectation_met', { daemon, expectation: 'instances' })).toBe(1);
  });

if (have('redis-server'))
  it('redis: a check that speaks its language, and a hung daemon that does not answer', async () => {
    const directory = tempDir('redis');
    const port = await freePort();
    const redis = await startRedis(directory, port);
    const program = await startProgram(
      await createHome({
        daemons: {
          redis: {
            match: { comm: 'redis-server', port },
            health: [
              {
                name: 'ping',
                tcp: `127.0.0.1:${port}`,
                send: 'PING\r\n',
                expect: '^\\+PONG',
                every: '1s',
                timeout: '500ms',
                failures: 2,
              },
            ],
          },
        },
      }),
    );
    const check = { daemon: 'redis', check: 'ping' };
    await program.waitForMetrics(
      'it answers, and its figures are those of /proc',
      page =>
        page.value('eudaemon_health_check_up', check) === 1 &&
        page.value('eudaemon_daemon_open_fds', { daemon: 'redis' }) === usageOf([redis.pid]).fds,
    );
    process.kill(redis.pid, 'SIGSTOP');
    const stuck = await program.waitForMetrics(
      'it does not answer any more',
      page =>
        page.value('eudaemon_health_check_up', check) === 0 &&
        page.value('eudaemon_daemon_state', { daemon: 'redis', state: 'healthy' }) === 0,
    );
    expect(stuck.value('eudaemon_daemon_instances', { daemon: 'redis' })).toBe(1);
    expect(stuck.value('eudaemon_health_check_failures_total', check)).toBeGreaterThanOrEqual(2);
    process.kill(redis.pid, 'SIGCONT');
    await program.waitForMetrics(
      'it is healthy again',
      page =>
        page.value('eudaemon_health_check_up', check) === 1 &&
        page.value('eudaemon_daemon_state', { daemon: 'redis', state: 'healthy' }) === 1,
    );
  });

if (have('prometheus', 'redis-server'))
  it('Prometheus raises the alarm for a daemon that is down, and takes it back', async () => {
    const directory = tempDir('prometheus');
    const [redisPort, prometheusPort] = [await freePort(), await freePort()];
    const program = await startProgram(
      await createHome({ daemons: { redis: { match: { cmdline: `redis-server .*:${redisPort}` } } } }),
    );
    const rules = readFileSync(resolve(import.meta.dirname, '../../config/prometheus/alerts.yaml'), 'utf8');
    await startPrometheus(
      directory,
      prometheusPort,
      new URL(program.home.url).host,
      rules.replaceAll(/for: \d+[mh]/g, 'for: 1s'),
    );
    const alerts = async () => {
      const response = await fetch(`http://127.0.0.1:${prometheusPort}/api/v1/alerts`);
      const { data } = (await response.json()) as { data: { alerts: Alert[] } };
      return data.alerts;
    };
    const down = async () =>
      (await alerts()).filter(alert => alert.labels['alertname'] === 'EudaemonDaemonDown');

    const firing = await until(
      'the alarm',
      async () => (await down()).find(alert => alert.state === 'firing'),
      {
        timeoutMs: 60_000,
      },
    );
    expect(firing.labels).toMatchObject({ daemon: 'redis', severity: 'critical', job: 'eudaemon' });

    await startRedis(directory, redisPort);
    await until('the alarm is taken back', async () => (await down()).length === 0, { timeoutMs: 60_000 });
    expect((await alerts()).filter(alert => alert.labels['severity'] === 'critical')).toEqual([]);
  });
