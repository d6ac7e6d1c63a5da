// A daemon dies, and people hear of it: by a program, through a real Alertmanager, and by a webhook that was away meanwhile.
import { execFile, spawn } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { have } from '../tools.ts';
import { BIN, createHome, freePort, startProgram, tempDir } from './program.ts';
import { until } from './until.ts';
import { compileVictim } from './victim.ts';

const run = promisify(execFile);

async function startAlertmanager(): Promise<string> {
  const dir = tempDir('alertmanager');
  const file = join(dir, 'alertmanager.yml');
  writeFileSync(file, 'route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n');
  const listen = `127.0.0.1:${await freePort()}`;
  const server = spawn(
    'prometheus-alertmanager',
    [
      `--config.file=${file}`,
      `--storage.path=${dir}`,
      `--web.listen-address=${listen}`,
      '--cluster.listen-address=',
    ],
    { stdio: 'ignore' },
  );
  onTestFinished(() => void server.kill('SIGKILL'));
  await until('the Alertmanager is ready', async () => (await fetch(`http://${listen}/-/ready`)).ok);
  return `http://${listen}`;
}

async function listen(port: number): Promise<string[]> {
  const heard: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    const { status, commonLabels } = JSON.parse(body);
    heard.push(`${status} ${commonLabels.alertname} ${commonLabels.daemon}`);
    response.end();
  });
  await new Promise<void>(ready => server.listen(port, '127.0.0.1', ready));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return heard;
}

if (have('root', 'gcc', 'prometheus-alertmanager'))
  it('a death and a recovery are told to everybody once, also by an agent that was killed meanwhile', async () => {
    const manager = await startAlertmanager();
    const dir = tempDir('alert');
    const victims = compileVictim(dir);
    const [told, tell] = [join(dir, 'told'), join(dir, 'tell')];
    writeFileSync(told, '');
    writeFileSync(
      tell,
      `#!/bin/sh\necho "$EUDAEMON_ALERT_STATUS $EUDAEMON_ALERT_NAME $EUDAEMON_ALERT_DAEMON" >> ${told}\n`,
    );
    chmodSync(tell, 0o755);
    const port = await freePort();
    const home = await createHome({
      daemons: { victim: { match: { exe: victims.exe }, labels: { team: 'ops' } } },
      exporters: {
        alert: { after: '1s', exec: tell, alertmanager: manager, webhook: `http://127.0.0.1:${port}/` },
      },
    });
    const heard = () => readFileSync(told, 'utf8').trim().split('\n');
    const active = async () => {
      const answer = await fetch(`${manager}/api/v2/alerts?active=true`);
      return (await answer.json()) as { labels: Record<string, string>; annotations: { summary: string } }[];
    };

    const first = await startProgram(home);
    const victim = victims.start();
    await first.waitForMetrics(
      'it is up',
      page => page.value('eudaemon_daemon_up', { daemon: 'victim' }) === 1,
    );
    victim.kill('SIGKILL');
    await until('it is told that it is down', () => heard().length === 2);
    expect(heard()).toEqual(['firing EudaemonDaemonDied victim', 'firing EudaemonDaemonDown victim']);
    const alerts = await until('Alertmanager has both', async () => {
      const now = await active();
      return now.length === 2 && now;
    });
    expect(alerts.find(({ labels }) => labels['alertname'] === 'EudaemonDaemonDown')).toMatchObject({
      labels: { daemon: 'victim', severity: 'critical', team: 'ops' },
      annotations: { summary: `victim is not running; victim[${victim.pid}] was killed by SIGKILL` },
    });

    await first.waitForMetrics(
      'the program has been told of both',
      page => page.value('eudaemon_alerts_sent_total', { target: 'exec' }) === 2,
    );
    first.signal('SIGKILL');
    await first.ended;
    const hook = await listen(port);
    const second = await startProgram(home);
    await until('the webhook hears what it missed', () => hook.length === 2);
    victims.start();
    await until('the end is told', () => heard().length === 3);
    await until('the webhook hears the end', () => hook.length === 3);
    expect(heard()).toEqual([
      'firing EudaemonDaemonDied victim',
      'firing EudaemonDaemonDown victim',
      'resolved EudaemonDaemonDown victim',
    ]);
    expect(hook).toEqual(heard());
    await until('Alertmanager takes it for over', async () =>
      (await active()).every(({ labels }) => labels['alertname'] !== 'EudaemonDaemonDown'),
    );

    const { stdout } = await run(BIN, ['test-alert', '--config', home.configFile]);
    expect(stdout.trim().split('\n').sort()).toEqual(['alertmanager: told', 'exec: told', 'webhook: told']);
    expect(heard().at(-1)).toBe('firing EudaemonTest eudaemon');
    expect((await second.stop()).code).toBe(0);
  });
