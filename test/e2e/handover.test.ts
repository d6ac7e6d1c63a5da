// A daemon that is reloaded by its successor: it has restarted, and was never gone.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { find, have } from '../tools.ts';
import { asking } from './ask.ts';
import { startBackend } from './backend.ts';
import { createHome, freePort, startProgram } from './program.ts';
import { until } from './until.ts';

if (have('root', 'haproxy'))
  it('haproxy hands over to its next process', async () => {
    const backend = await startBackend();
    const home = await createHome();
    const file = (name: string) => join(home.directory, name);
    writeFileSync(
      file('h.cfg'),
      `global
  pidfile ${file('h.pid')}
defaults
  mode http
  timeout connect 1s
  timeout client 1s
  timeout server 1s
frontend web
  bind 127.0.0.1:${await freePort()}
`,
    );
    const pid = () => Number(readFileSync(file('h.pid'), 'latin1'));
    onTestFinished(() => void process.kill(pid(), 'SIGKILL'));
    const haproxy = (...args: string[]) =>
      execFileSync(find('haproxy')!, ['-D', '-f', file('h.cfg'), ...args], { stdio: 'ignore' });
    home.configure({
      daemons: { haproxy: { match: { comm: 'haproxy', cmdline: home.directory } } },
      collectors: { processes: { exits: 'netlink' } },
      exporters: { otlp: backend.exporter },
    });
    haproxy();
    const w = asking(await startProgram(home));
    await w.becomes('healthy', 'haproxy');
    // Reloaded sooner, the old one would have been a command.
    const first = pid();
    await until('it is old enough', async () => {
      const { instances } = await w.view('haproxy');
      return Date.now() - instances[0]!.startedAt > 11_000;
    });
    for (const restarts of [1, 2]) {
      const old = pid();
      haproxy('-sf', String(old));
      await until('the next one is the instance', async () => {
        const { instances } = await w.view('haproxy');
        return instances.length === 1 && instances[0]!.pid === pid() && pid() !== old;
      });
      expect(await w.view('haproxy')).toMatchObject({ state: 'healthy', restarts });
    }
    const exited = await backend.record(
      ({ eventName, attributes }) =>
        eventName === 'eudaemon.daemon.exited' && attributes['process.pid'] === first,
    );
    expect(exited.body).toMatch(/^haproxy\[\d+\] exited with status 0 .*; restarted at once/);
    const changes = backend.all().filter(({ eventName }) => eventName === 'eudaemon.daemon.state_changed');
    expect(changes.map(({ body }) => body)).toEqual([]);
  });
