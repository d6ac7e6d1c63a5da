// A syslog socket that the supervisor holds: the agent may be killed at any time, and no logger is refused.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import { have } from '../tools.ts';
import { startBackend } from './backend.ts';
import { BIN, createHome, type Home } from './program.ts';
import { logger, sendNumbers } from './senders.ts';
import { until } from './until.ts';

interface Supervised {
  /** Pids of all agents so far. */
  readonly pids: number[];
  /** What was put into the store, and taken out of it. */
  readonly store: string[];
  ready(): Promise<unknown>;
}

async function supervise(home: Home, ...options: string[]): Promise<Supervised> {
  const script = join(import.meta.dirname, 'supervise.py');
  const child = spawn('python3', [script, ...options, BIN, 'run', '--config', home.configFile], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, NOTIFY: join(home.directory, 'notify') },
  });
  const pids: number[] = [];
  const store: string[] = [];
  createInterface({ input: child.stdout }).on('line', line => {
    const [word, rest = ''] = line.split(/ (.*)/);
    if (word === 'start') pids.push(Number(rest));
    else store.push(line);
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
    for (const pid of pids.slice(-1)) process.kill(pid, 'SIGKILL');
  });
  const ready = () => until('the agent is ready', async () => (await fetch(`${home.url}/readyz`)).ok);
  await ready();
  return { pids, store, ready };
}

if (have('python3', 'perl'))
  it.each([
    ['by a socket unit', ['--listen']],
    ['in the store of descriptors', []],
  ])('held %s takes every message through kill -9 and SIGTERM, again and again', async (_, options) => {
    const backend = await startBackend();
    const home = await createHome({ exporters: { otlp: backend.exporter } });
    const agent = await supervise(home, ...options, ...options.map(() => home.socket));
    const sending = sendNumbers(home.socket);
    for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL', 'SIGKILL'] as const) {
      const [lives, arrived] = [agent.pids.length, backend.all().length];
      await until('something arrives', () => backend.all().length > arrived, { everyMs: 5 });
      process.kill(agent.pids.at(-1)!, signal);
      await until('the next agent is started', () => agent.pids.length > lives);
      expect(existsSync(home.socket)).toBe(true);
      await agent.ready();
    }
    const count = await sending.stop();
    const distinct = () => new Set(backend.bodies());
    await until('everything arrives', () => distinct().size >= count, { timeoutMs: 60_000, everyMs: 500 });
    expect(distinct()).toEqual(new Set(Array.from({ length: count }, (_, i) => `number ${i}`)));
    expect(agent.store).toEqual(options.length > 0 ? [] : [`stored eudaemon-syslog dgram ${home.socket}`]);
  });

if (have('systemd-socket-activate', 'logger'))
  it('that systemd-socket-activate passes is read, and what was written before the agent ran', async () => {
    const backend = await startBackend();
    const home = await createHome({ exporters: { otlp: backend.exporter } });
    const child = spawn(
      'systemd-socket-activate',
      [
        '--datagram',
        `--listen=${home.socket}`,
        '--fdname=eudaemon.socket',
        BIN,
        'run',
        '--config',
        home.configFile,
      ],
      { stdio: 'ignore' },
    );
    onTestFinished(() => void child.kill('SIGKILL'));
    await until('the socket is there', () => existsSync(home.socket));
    // The first message is what starts it.
    await logger(home.socket, '-t', 'early', 'the first word');
    await backend.record(({ body }) => body === 'the first word', 60_000);
    await logger(home.socket, '-t', 'late', 'the second word');
    await backend.record(({ body }) => body === 'the second word');
    child.kill('SIGTERM');
    await new Promise(resolve => child.once('exit', resolve));
    // It was not the agent's to remove.
    expect(existsSync(home.socket)).toBe(true);
  });
