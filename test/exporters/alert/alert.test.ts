// Real programs and a real server that are told of alerts, well, badly and not at all.
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Alert } from '../../../agent/core/alert.ts';
import { RetryLater } from '../../../agent/core/exporter.ts';
import { createMeter } from '../../../agent/core/meter.ts';
import { alerts } from '../../../exporters/alert/index.ts';
import type { AlertOptions } from '../../../exporters/alert/options.ts';
import { quiet } from '../../quiet.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'eudaemon-alert-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const ALERT: Alert = {
  name: 'EudaemonDaemonDown',
  daemon: 'nginx',
  severity: 'critical',
  labels: { team: 'web' },
  summary: 'nginx is not running',
  startsAt: Date.UTC(2026, 0, 2),
};

async function targets(options: Partial<AlertOptions>) {
  const room = {
    name: 'alert',
    stateDir: dir,
    log: quiet,
    meter: createMeter(),
    host: [['host.name', 'box']] as const,
    now: () => Date.UTC(2026, 0, 3),
  };
  return (await alerts({ headers: {}, after: 60_000, timeout: 60_000, ...options }, room)).targets;
}
const tell = async (options: Partial<AlertOptions>, signal = new AbortController().signal) =>
  (await targets(options))[0]!.tell(ALERT, signal);
const failure = (promise: Promise<void>) =>
  promise.then(
    () => undefined,
    error => (error instanceof RetryLater ? [error.reason, error.message] : error),
  );

function script(text: string): string {
  const path = join(dir, 'tell');
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o700);
  return path;
}

describe('a program', () => {
  it('has the alert on its standard input and in its environment, and its own arguments', async () => {
    const out = join(dir, 'out');
    const path = script(`{ echo "$1 $EUDAEMON_ALERT_STATUS $EUDAEMON_ALERT_SUMMARY"; cat; } > ${out}`);
    await tell({ exec: [path, 'loud'] });
    const [words, json] = readFileSync(out, 'utf8').split('\n');
    expect(words).toBe('loud firing nginx is not running');
    expect(JSON.parse(json!)).toMatchObject({ status: 'firing', commonLabels: { daemon: 'nginx' } });
  });

  it('need not read', async () => expect(await failure(tell({ exec: ['true'] }))).toBeUndefined());

  it('that fails says why', async () => {
    const path = script('echo "no way out" >&2; echo more >&2; exit 3');
    expect(await failure(tell({ exec: [path] }))).toEqual([
      'exit',
      `"${path}" exited with status 3: no way out`,
    ]);
  });

  it('that is not there', async () => {
    expect(await failure(tell({ exec: ['/no/such/program'] }))).toEqual([
      'exec',
      'cannot run "/no/such/program"',
    ]);
  });

  it('that does not end is ended at the deadline, with its children', async () => {
    const out = join(dir, 'pid');
    const path = script(`sleep 600 & echo $! > ${out}.new; mv ${out}.new ${out}; wait`);
    expect(await failure(tell({ exec: [path], timeout: 300 }))).toEqual([
      'timeout',
      `"${path}" was ended by SIGKILL`,
    ]);
    const child = readFileSync(out, 'utf8').trim();
    const state = () => /^State:\s+(\w)/m.exec(readFileSync(`/proc/${child}/status`, 'utf8'))?.[1];
    await expect.poll(() => attempt(state) ?? 'Z', { timeout: 10_000 }).toBe('Z');
  });
});

const attempt = <T>(work: () => T): T | undefined => {
  try {
    return work();
  } catch {
    return undefined;
  }
};

async function server(answer: (response: ServerResponse) => void) {
  const asked: { url: string; headers: IncomingMessage['headers']; body: unknown }[] = [];
  const listening = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    asked.push({ url: request.url!, headers: request.headers, body: JSON.parse(body) });
    answer(response);
  }).listen(0, '127.0.0.1');
  await once(listening, 'listening');
  onTestFinished(() => {
    listening.closeAllConnections();
    listening.close();
  });
  return { asked, url: `http://127.0.0.1:${(listening.address() as AddressInfo).port}` };
}

describe('a webhook', () => {
  it('gets JSON under its own path and headers', async () => {
    const { asked, url } = await server(response => response.writeHead(204).end());
    await tell({ webhook: `${url}/hooks/secret?a=b`, headers: { Authorization: 'Bearer x' } });
    expect(asked).toMatchObject([
      {
        url: '/hooks/secret?a=b',
        headers: { 'content-type': 'application/json', authorization: 'Bearer x' },
        body: { version: '4', text: 'box: nginx is not running' },
      },
    ]);
  });

  it('that refuses is asked again, when it says, and its path is no word of the error', async () => {
    const { url } = await server(response =>
      response.writeHead(503, { 'Retry-After': '7' }).end('come back\nlater'),
    );
    const error = await tell({ webhook: `${url}/secret` }).catch(error => error as RetryLater);
    expect(error).toMatchObject({
      reason: 'http_503',
      afterMs: 7000,
      message: `"${url}" answered 503: come back`,
    });
  });

  it.each<[string, (response: ServerResponse) => void, string]>([
    ['hangs up', response => response.destroy(), 'unreachable'],
    ['says nothing', () => {}, 'timeout'],
    ['does not end its refusal', response => void response.writeHead(500).write('x'), 'http_500'],
  ])('that %s', async (_, answer, reason) => {
    const { url } = await server(answer);
    expect((await failure(tell({ webhook: url, timeout: 300 })))?.[0]).toBe(reason);
  });

  it('that has said yes need not end what it says', async () => {
    const { url } = await server(response => void response.writeHead(200).write('x'));
    expect(await failure(tell({ webhook: url, timeout: 300 }))).toBeUndefined();
  });

  it('that is away', async () => {
    expect(await failure(tell({ webhook: 'http://127.0.0.1:1/secret' }))).toEqual([
      'unreachable',
      '"http://127.0.0.1:1": connection refused',
    ]);
  });
});

it('an Alertmanager gets a list, and is told again each minute', async () => {
  const { asked, url } = await server(response => response.end());
  const [manager] = await targets({ alertmanager: `${url}/prefix/` });
  expect(manager).toMatchObject({ name: 'alertmanager', repeatMs: 60_000 });
  await manager!.tell(ALERT, new AbortController().signal);
  expect(asked).toMatchObject([
    {
      url: '/prefix/api/v2/alerts',
      body: [{ labels: { alertname: 'EudaemonDaemonDown' }, endsAt: '2026-01-03T00:05:00.000Z' }],
    },
  ]);
});

it('all that are named are told', async () => {
  const named = { mail: 'root', exec: ['true'], webhook: 'http://a', alertmanager: 'http://b' };
  expect((await targets(named)).map(({ name }) => name)).toEqual(Object.keys(named));
  expect(await targets({})).toEqual([]);
});
