import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get, type IncomingHttpHeaders, request } from 'node:http';
import { connect, createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import { createHttp, type Http, type Listen } from '../../../agent/control/http.ts';
import { createServer, type HttpRoutes } from '../../../agent/control/http-server.ts';
import { SetupError } from '../../../agent/core/errors.ts';
import type { Log } from '../../../agent/core/log.ts';
import type { WebSource, WebTls } from '../../../agent/core/web.ts';
import { SERVER } from '../../certificates.ts';

const lines: string[] = [];
const say = (message: string) => void lines.push(message);
const log: Log = { debug: say, info: say, warn: say, error: say, room: () => log };
const bytes = (text: string) => new TextEncoder().encode(text);

const routes: HttpRoutes = {
  log,
  metrics: async accept => ({
    status: 200,
    headers: { 'content-type': 'text/plain; version=0.0.4' },
    body: bytes(`# accept ${accept}\n`),
  }),
  health: () => ({ ready: [] }),
  reload: async () => undefined,
  api: { '/api/echo': query => ({ daemon: query.get('daemon') }) },
  page: bytes('<style>a{}</style><script>1</script>'),
};

const opened: Http[] = [];
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  lines.length = 0;
  for (const http of opened.splice(0)) await http.close();
  for (const cleanup of cleanups.splice(0)) await cleanup();
});
const open = async (listen: Listen, changed: Partial<HttpRoutes> = {}) => {
  const http = createHttp({ ...routes, ...changed, listen });
  opened.push(http);
  return { http, url: await http.open() };
};

interface Case {
  readonly name: string;
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS';
  readonly url: string;
  readonly headers?: IncomingHttpHeaders;
  readonly payload?: string;
  readonly routes?: Partial<HttpRoutes>;
  readonly status: number;
  readonly body: string;
  readonly has?: Readonly<Record<string, string | number>>;
}

const boom = () => {
  throw new Error('boom');
};
const own = { host: 'node1:10764', origin: 'http://node1:10764' };

const CASES: readonly Case[] = [
  {
    name: 'a scrape',
    url: '/metrics',
    headers: { accept: 'text/plain' },
    status: 200,
    body: '# accept text/plain\n',
    has: { 'content-type': 'text/plain; version=0.0.4', 'x-content-type-options': 'nosniff' },
  },
  { name: 'a scrape with a query', url: '/metrics?x=1', status: 200, body: '# accept undefined\n' },
  {
    name: 'HEAD has the length and no body',
    method: 'HEAD',
    url: '/metrics',
    status: 200,
    body: '',
    has: { 'content-length': '19' },
  },
  {
    name: 'a scrape that fails',
    url: '/metrics',
    routes: { metrics: async () => boom() },
    status: 500,
    body: 'cannot answer GET "/metrics": boom\n',
  },
  {
    name: 'a scrape that throws at once',
    url: '/metrics',
    routes: { metrics: boom },
    status: 500,
    body: 'cannot answer GET "/metrics": boom\n',
  },
  {
    name: 'a scrape slower than the scraper waits',
    url: '/metrics',
    headers: { 'x-prometheus-scrape-timeout-seconds': '0.05' },
    routes: { metrics: () => new Promise(() => {}) },
    status: 503,
    body: 'cannot gather the metrics before the scrape times out\n',
  },
  {
    name: 'an unreadable scrape timeout',
    url: '/metrics',
    headers: { 'x-prometheus-scrape-timeout-seconds': '-3s' },
    status: 200,
    body: '# accept undefined\n',
  },
  {
    name: 'a scrape by POST',
    method: 'POST',
    url: '/metrics',
    status: 405,
    body: 'POST is not allowed here\n',
    has: { allow: 'GET, HEAD' },
  },
  { name: 'alive', url: '/-/healthy', status: 200, body: 'healthy\n' },
  { name: 'alive (livez)', url: '/livez', status: 200, body: 'healthy\n' },
  { name: 'alive (healthz)', url: '/healthz', status: 200, body: 'healthy\n' },
  {
    name: 'alive though not ready',
    url: '/livez',
    routes: { health: () => ({ ready: ['spool is full'] }) },
    status: 200,
    body: 'healthy\n',
  },
  { name: 'ready', url: '/-/ready', status: 200, body: 'ready\n' },
  {
    name: 'not ready, one reason a line',
    url: '/readyz',
    routes: { health: () => ({ ready: ['spool is full', 'exporter otlp fails'] }) },
    status: 503,
    body: 'spool is full\nexporter otlp fails\n',
  },
  {
    name: 'readiness that fails',
    url: '/readyz',
    routes: { health: boom },
    status: 500,
    body: 'cannot answer GET "/readyz": boom\n',
  },
  { name: 'reload', method: 'POST', url: '/-/reload', status: 200, body: 'reloaded\n' },
  {
    name: 'reload with a form body, as curl -d sends it',
    method: 'POST',
    url: '/-/reload',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: 'x=1',
    status: 200,
    body: 'reloaded\n',
  },
  {
    name: 'reload with a broken JSON body',
    method: 'POST',
    url: '/-/reload',
    headers: { 'content-type': 'application/json' },
    payload: '{',
    status: 200,
    body: 'reloaded\n',
  },
  {
    name: 'reload with a large body',
    method: 'POST',
    url: '/-/reload',
    headers: { 'content-type': 'text/plain' },
    payload: 'x'.repeat(2000),
    status: 413,
    body: 'cannot answer POST "/-/reload": Request body is too large\n',
  },
  {
    name: 'reload with problems',
    method: 'POST',
    url: '/-/reload',
    routes: { reload: async () => ['a.yaml:1:1: no', 'a.yaml:2:1: never'] },
    status: 500,
    body: 'a.yaml:1:1: no\na.yaml:2:1: never\n',
  },
  {
    name: 'reload by GET',
    url: '/-/reload',
    status: 405,
    body: 'GET is not allowed here\n',
    has: { allow: 'POST' },
  },
  {
    name: 'reload by PUT',
    method: 'PUT',
    url: '/-/reload',
    status: 405,
    body: 'PUT is not allowed here\n',
    has: { allow: 'POST' },
  },
  {
    name: 'reload from the own page',
    method: 'POST',
    url: '/-/reload',
    headers: own,
    status: 200,
    body: 'reloaded\n',
  },
  ...['http://evil.example', 'null', 'http://node1', 'http://node1:10764.evil.example'].map(origin => ({
    name: `reload from ${origin}`,
    method: 'POST' as const,
    url: '/-/reload',
    headers: { ...own, origin },
    status: 403,
    body: 'a page of another origin may not reload the agent\n',
  })),
  {
    name: 'JSON of the API',
    url: '/api/echo?daemon=a%26b',
    status: 200,
    body: '{"daemon":"a&b"}',
    has: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
  },
  {
    name: 'no such thing in the API',
    url: '/api/echo',
    routes: { api: { '/api/echo': () => undefined } },
    status: 404,
    body: '{"error":"not found"}',
  },
  {
    name: 'an API call that fails',
    url: '/api/echo',
    routes: { api: { '/api/echo': async () => boom() } },
    status: 500,
    body: 'cannot answer GET "/api/echo": boom\n',
  },
  {
    name: 'the page',
    url: '/',
    status: 200,
    body: '<style>a{}</style><script>1</script>',
    has: {
      'content-type': 'text/html; charset=utf-8',
      'x-frame-options': 'DENY',
      'content-security-policy':
        "default-src 'none'; script-src 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='; " +
        "style-src 'sha256-X1RutGBrXCt9KkSaXMK7tHftWiRscFHOhxsS8tv8hBk='; connect-src 'self'; img-src data:; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    },
  },
  { name: 'an unknown path', url: '/nope?a=b', status: 404, body: 'there is no "/nope" here\n' },
  {
    name: 'a path above the root',
    url: '/../etc/passwd',
    status: 404,
    body: 'there is no "/etc/passwd" here\n',
  },
  {
    name: 'a path that cannot be decoded',
    url: '/%zz',
    status: 400,
    body: `cannot answer GET "/%zz": '/%zz' is not a valid url component\n`,
  },
];

describe('routes', () => {
  test.each(CASES)(
    '$name',
    async ({ method = 'GET', url, headers = {}, payload, status, body, has, ...rest }) => {
      const app = createServer({ ...routes, ...rest.routes });
      const answer = await app.inject({
        method,
        url,
        headers,
        ...(payload === undefined ? {} : { payload }),
      });
      expect({ status: answer.statusCode, body: answer.body }).toEqual({ status, body });
      expect(answer.headers).toMatchObject(has ?? {});
      expect(lines.length > 0).toBe(status === 500 && answer.body.startsWith('cannot answer'));
      await app.close();
    },
  );
});

describe('listener', () => {
  const tls = (): WebTls => ({
    ...SERVER,
    ca: undefined,
    clientAuth: 'NoClientCert',
    clientSans: [],
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: [],
    curves: [],
    preferServerCiphers: true,
  });
  const sourceOf = (current: WebTls): WebSource => ({
    current: () => ({ tls: current, users: new Map(), headers: {} }),
  });

  test('opens on a free port, answers, and closes though a connection is kept alive', async () => {
    const { http, url } = await open({ host: '127.0.0.1', port: 0 });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(String((await once(socket, 'data'))[0])).toContain('200 OK');
    const ended = once(socket, 'close');
    socket.resume();
    await http.close();
    await ended;
  });

  test('keeps no more of what served before, however often its certificate changes', async () => {
    const listen = { host: '127.0.0.1', port: 0 };
    const { http } = await open(listen);
    const given: WeakRef<WebTls>[] = [];
    for (let i = 0; i < 10; i++) {
      const next = tls();
      given.push(new WeakRef(next));
      expect(await http.change(listen, sourceOf(next))).toMatch(/^https:/);
    }
    setFlagsFromString('--expose-gc');
    await expect
      .poll(() => {
        runInNewContext('gc')();
        return given.filter(each => each.deref() !== undefined).length;
      })
      .toBeLessThanOrEqual(3);
  });

  test('serves as before when a certificate cannot be used, and as it is told when another can', async () => {
    const listen = { host: '127.0.0.1', port: 0 };
    const { http, url } = await open(listen);
    const other = { host: '127.0.0.2', port: 0 };
    await expect(http.change(other, sourceOf({ ...tls(), cert: 'none' }))).rejects.toThrow();
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    expect(await http.change(listen, sourceOf(tls()))).toMatch(/^https:/);
  });

  test('a connection that comes while a certificate cannot be used is ended, and the agent goes on', async () => {
    let current = tls();
    const source: WebSource = { current: () => ({ tls: current, users: new Map(), headers: {} }) };
    const http = createHttp({ ...routes, listen: { host: '127.0.0.1', port: 0 }, web: source });
    opened.push(http);
    const { port } = new URL(await http.open());
    current = { ...tls(), key: 'none' };
    const socket = connect(Number(port), '127.0.0.1');
    await once(socket.resume(), 'close');
    expect(lines).toEqual([expect.stringMatching(/^cannot serve: /)]);
  });

  test('close cuts an answer that never comes', async () => {
    const { http, url } = await open(
      { host: '127.0.0.1', port: 0 },
      { api: { '/api/never': () => new Promise(() => {}) } },
    );
    const pending = get(`${url}/api/never`);
    const cut = once(pending, 'error');
    await once(pending, 'finish');
    await http.close();
    expect((await cut)[0]).toMatchObject({ code: 'ECONNRESET' });
  });

  test('says who to ask when the port is taken', async () => {
    const taken = createNetServer().listen(0, '127.0.0.1');
    cleanups.push(() => taken.close());
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const failure = await open({ host: '127.0.0.1', port }).catch(error => error);
    expect(failure).toBeInstanceOf(SetupError);
    expect(failure.message).toBe(
      `cannot listen on "127.0.0.1:${port}": address already in use; stop the program that listens there (ss -ltnp) or set exporters.prometheus.listen to another address`,
    );
  });

  test('an address of another host is refused with a fix', async () => {
    await expect(open({ host: '192.0.2.1', port: 0 })).rejects.toThrow(
      /"192\.0\.2\.1:0": address not available; set .* an address of this host$/,
    );
  });

  test('any number of silent connections leaves room for one that asks, and for one that has asked', async () => {
    const { url } = await open({ host: '127.0.0.1', port: 0 });
    const { port } = new URL(url);
    const dial = async (text: string) => {
      const socket = connect(Number(port), '127.0.0.1').on('error', () => {});
      cleanups.push(() => socket.destroy());
      await once(socket, 'connect');
      socket.write(text);
      return socket;
    };
    const ask = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';
    const first = await dial(ask);
    await once(first, 'data');
    for (let i = 0; i < 600; i++) await dial('');
    expect((await fetch(`${url}/livez`, { headers: { connection: 'close' } })).status).toBe(200);
    first.write(ask);
    expect(String((await once(first, 'data'))[0])).toMatch(/^HTTP\/1\.1 200 /);
    for (let i = 0; i < 300; i++) await dial('GET /livez HTTP/1.1\r\n');
    expect((await fetch(`${url}/livez`, { headers: { connection: 'close' } })).status).toBe(200);
  });

  test('closes within its second, whoever is in the middle of asking', async () => {
    const { http, url } = await open({ host: '127.0.0.1', port: 0 });
    const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
    cleanups.push(() => socket.destroy());
    await once(socket, 'connect');
    socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n');
    const ended = new Promise(ended => socket.once('close', ended));
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    await http.close();
    await ended;
  });

  test('without a host it listens everywhere', async () => {
    const { url } = await open({ port: 0 });
    const port = new URL(url).port;
    expect(await (await fetch(`http://127.0.0.1:${port}/livez`)).text()).toBe('healthy\n');
  });

  describe('unix socket', () => {
    const folder = () => {
      const path = mkdtempSync(join(tmpdir(), 'http-'));
      cleanups.push(() => rmSync(path, { recursive: true }));
      return join(path, 'http.sock');
    };
    const ask = async (socketPath: string) => {
      const asked = request({ socketPath, path: '/livez' }).end();
      const [answer] = await once(asked, 'response');
      answer.resume();
      return answer.statusCode;
    };

    test('listens, and leaves no file behind', async () => {
      const path = folder();
      const { http, url } = await open({ path });
      expect(url).toBe(`unix:${path}`);
      expect(await ask(path)).toBe(200);
      await http.close();
      expect(existsSync(path)).toBe(false);
    });

    test('takes over the socket of a dead process', async () => {
      const path = folder();
      const child = (await import('node:child_process')).spawnSync(process.execPath, [
        '-e',
        `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
      ]);
      expect(child.signal).toBe('SIGKILL');
      expect(existsSync(path)).toBe(true);
      await open({ path });
      expect(await ask(path)).toBe(200);
    });

    test('says so when its path is too long', async () => {
      await expect(open({ path: `${folder()}${'x'.repeat(107)}` })).rejects.toThrow(
        /: invalid argument; .*at most 107 bytes/,
      );
    });

    test('never takes the socket of a living one, nor a plain file', async () => {
      const path = folder();
      await open({ path });
      await expect(open({ path })).rejects.toThrow(/address already in use; .*agent\.run_dir of its own/);
      expect(await ask(path)).toBe(200);
      const plain = folder();
      writeFileSync(plain, 'precious');
      await expect(open({ path: plain })).rejects.toThrow(/address already in use/);
      expect(existsSync(plain)).toBe(true);
    });
  });
});
