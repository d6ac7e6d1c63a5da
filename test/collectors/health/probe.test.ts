// Probes over the network against real servers in this process: HTTP, TLS, TCP, socket files and gRPC.

import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttp2, type ServerHttp2Stream } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import type { CheckSpec } from '../../../agent/core/daemon.ts';
import { CERTIFICATE, EXPIRY, KEY } from './certificate.ts';
import { startChecks } from './room.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function listen(server: Server, at: number | string = 0): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', socket => sockets.add(socket));
  if (typeof at === 'string') server.listen(at);
  else server.listen(at, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return typeof at === 'string' ? 0 : (server.address() as AddressInfo).port;
}

const probe = (check: Partial<CheckSpec>) => startChecks([{ name: 'it', ...check }]).run();

/** A port nobody listens on. */
async function deadPort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, 'close');
  return port;
}

describe('http', () => {
  const site: RequestListener = (request, response) => {
    const path = request.url!;
    if (path.startsWith('/status/')) {
      response.statusCode = Number(path.slice(8));
      response.setHeader('location', '/status/200');
      return response.end('words of the body\n');
    }
    if (path === '/loop') return response.writeHead(302, { location: '/loop' }).end();
    if (path.startsWith('/to/')) {
      response.writeHead(path.startsWith('/to/307/') ? 307 : 302, {
        location: path.replace(/^\/to\/(307\/)?/, ''),
      });
      return response.end('moved\n');
    }
    if (path === '/echo') return response.end(`${request.method} ${JSON.stringify(request.headers)}`);
    if (path === '/big') return response.end('x'.repeat(1 << 20));
    if (path === '/endless') {
      const more = () => {
        while (response.write('y'.repeat(1 << 14)));
        response.once('drain', more);
      };
      return more();
    }
    if (path === '/cut') {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half');
      return setImmediate(() => response.destroy());
    }
    if (path === '/reset') return request.socket.destroy();
  };

  it.each<
    [what: string, path: string, check: Partial<CheckSpec>, healthy: boolean, message: string | RegExp]
  >([
    ['2xx', '/status/204', {}, true, 'HTTP 204'],
    ['an error', '/status/503', {}, false, 'HTTP 503'],
    ['a redirect', '/status/302', {}, true, 'HTTP 200 after 1 redirect'],
    ['a redirect that is asked for', '/status/302', { status: [302] }, true, /^HTTP 302$/],
    ['a redirect to what is no answer', '/to//status/503', {}, false, 'HTTP 503 after 1 redirect'],
    ['redirects without end', '/to//loop', {}, false, 'HTTP 302 after 10 redirects'],
    ['one without a target', '/status/304', {}, false, /^HTTP 304$/],
    ['one to what is not of the web', '/to/ftp://127.0.0.1/', {}, false, /^HTTP 302$/],
    ['one to another host', '/to/http://name.invalid/a', {}, true, 'HTTP 302, to name.invalid'],
    [
      'one to another host, where 200 is asked for',
      '/to/http://name.invalid/',
      { status: [200] },
      false,
      'HTTP 302',
    ],
    [
      'one to another host, where a body is expected',
      '/to/http://name.invalid/',
      { expect: 'words' },
      false,
      /not match/,
    ],
    ['a body behind a redirect', '/status/301', { expect: '^words of' }, true, 'HTTP 200 after 1 redirect'],
    [
      'what is sent behind a redirect',
      '/to//echo',
      { method: 'POST', headers: { 'X-Key': 'k' }, expect: '^GET .*"x-key":"k"' },
      true,
      'HTTP 200',
    ],
    ['a method that is kept', '/to/307//echo', { method: 'POST', expect: '^POST ' }, true, 'HTTP 200'],
    ['a status asked for', '/status/401', { status: [200, 401] }, true, 'HTTP 401'],
    ['a 2xx that was not asked for', '/status/200', { status: [301] }, false, 'HTTP 200'],
    ['an empty list of statuses', '/status/200', { status: [] }, true, 'HTTP 200'],
    ['a body that matches', '/status/200', { expect: '^words of' }, true, 'HTTP 200'],
    [
      'a body that does not',
      '/status/200',
      { expect: 'deed' },
      false,
      'HTTP 200, body does not match /deed/',
    ],
    ['the right body with the wrong status', '/status/500', { expect: 'words' }, false, 'HTTP 500'],
    [
      'method and headers',
      '/echo',
      { method: 'POST', headers: { 'X-Key': 'k' }, expect: '^POST .*"x-key":"k"' },
      true,
      'HTTP 200',
    ],
    [
      'a host header of its own',
      '/echo',
      { headers: { Host: 'other' }, expect: '"host":"other"' },
      true,
      'HTTP 200',
    ],
    ['a body beyond the bound', '/big', { expect: '^x{10}' }, true, 'HTTP 200'],
    ['a body without end', '/endless', { expect: 'z' }, false, /does not match/],
    ['a body cut short', '/cut', {}, false, 'connection reset by peer'],
    ['no answer at all', '/reset', {}, false, 'connection reset by peer'],
    ['silence', '/silence', { timeout: 60 }, false, 'no answer within 60 ms'],
  ])('%s', async (_, path, check, healthy, message) => {
    const port = await listen(createHttp(site));
    const report = await probe({ http: `http://127.0.0.1:${port}${path}`, ...check });
    expect(report.healthy).toBe(healthy);
    expect(report.message).toMatch(message);
  });

  it('sends the credentials of the address as basic authorization', async () => {
    const port = await listen(createHttp(site));
    const expected = Buffer.from('me:p@ss').toString('base64');
    const report = await probe({
      http: `http://me:p%40ss@127.0.0.1:${port}/echo`,
      expect: `Basic ${expected}`,
    });
    expect(report).toMatchObject({ healthy: true });
  });

  it.each([
    ['http://127.0.0.1:PORT/', 'connection refused'],
    ['https://127.0.0.1:PORT/', 'connection refused'],
    ['http://', /invalid url/i],
    ['http://name.invalid/', 'host name not found'],
  ])('fails on %s', async (address, message) => {
    const report = await probe({ http: address.replace('PORT', String(await deadPort())) });
    expect(report.healthy).toBe(false);
    expect(report.message).toMatch(message);
  });

  describe('over TLS', () => {
    const secure = () => createHttps({ key: KEY, cert: CERTIFICATE }, (_, response) => response.end('safe'));
    const look = async (check: Partial<CheckSpec>) => {
      const checks = startChecks([{ name: 'it', ...check }]);
      const report = await checks.run();
      return { report, expiry: checks.series('eudaemon_health_check_tls_expiry_timestamp_seconds', 'it') };
    };

    it('refuses a certificate nobody vouches for, and still tells when it ends', async () => {
      const { report, expiry } = await look({ http: `https://localhost:${await listen(secure())}/` });
      expect(report).toMatchObject({
        healthy: false,
        message: 'certificate refused: DEPTH_ZERO_SELF_SIGNED_CERT',
      });
      expect(expiry).toBe(EXPIRY);
    });

    it('says nothing to a server it refuses', async () => {
      let asked = 0;
      const port = await listen(secure().on('request', () => asked++));
      await look({ http: `https://localhost:${port}/`, headers: { authorization: 'secret' } });
      expect(asked).toBe(0);
    });

    it('takes it with tls_insecure', async () => {
      const { report, expiry } = await look({
        http: `https://localhost:${await listen(secure())}/`,
        tls_insecure: true,
        expect: 'safe',
      });
      expect(report).toMatchObject({ healthy: true, message: 'HTTP 200' });
      expect(expiry).toBe(EXPIRY);
    });

    it('takes a certificate of a known authority, for its own name only', async () => {
      const known = getCACertificates('default');
      setDefaultCACertificates([...known, CERTIFICATE]);
      closing.push(() => setDefaultCACertificates(known));
      const port = await listen(secure());
      expect((await look({ http: `https://localhost:${port}/` })).report.message).toBe('HTTP 200');
      expect((await look({ http: `https://127.0.0.1:${port}/` })).report.message).toMatch(
        /^certificate refused: .*ALTNAME/,
      );
    });

    it('fails on a server that does not speak TLS, and on one that says nothing', async () => {
      const plain = await listen(createServer(socket => socket.end('HTTP/1.0 400 no\r\n\r\n')));
      expect((await look({ http: `https://localhost:${plain}/` })).report.healthy).toBe(false);
      const mute = await listen(createServer(() => {}));
      expect((await look({ http: `https://localhost:${mute}/`, timeout: 60 })).report.message).toBe(
        'no answer within 60 ms',
      );
    });
  });
});

describe('tcp and unix', () => {
  const redis = () =>
    createServer(socket => {
      socket.on('error', () => {});
      socket.on('data', data => {
        if (String(data) !== 'PING\r\n') return socket.end('-ERR \u0007what\r\nmore\r\n');
        // The answer in two pieces, and the connection stays open.
        socket.write('+PO');
        return setImmediate(() => socket.write('NG\r\n'));
      });
    });
  const cases: [what: string, check: Partial<CheckSpec>, healthy: boolean, message: string][] = [
    ['a connection is enough', {}, true, 'connected'],
    ['something said, no answer asked for', { send: 'QUIT' }, true, 'connected'],
    ['an answer in pieces', { send: 'PING\r\n', expect: '^\\+PONG' }, true, '+PONG'],
    [
      'a wrong answer',
      { send: 'PONG', expect: '^\\+PONG' },
      false,
      'answer "-ERR what" does not match /^\\+PONG/',
    ],
    ['no answer', { expect: 'hello', timeout: 60 }, false, 'no answer within 60 ms'],
    [
      'a wrong answer of one who waits for more',
      { send: 'PING\r\n', expect: '^-ERR', timeout: 60 },
      false,
      'answer "+PONG" does not match /^-ERR/',
    ],
  ];

  it.each(cases)('tcp: %s', async (_, check, healthy, message) => {
    const port = await listen(redis());
    expect(await probe({ tcp: `127.0.0.1:${port}`, ...check })).toMatchObject({ healthy, message });
  });

  it.each(cases)('unix: %s', async (_, check, healthy, message) => {
    const root = mkdtempSync(join(tmpdir(), 'health-'));
    await listen(redis(), join(root, 'redis.sock'));
    const checks = startChecks([{ name: 'it', unix: '/redis.sock', ...check }], { root });
    expect(await checks.run()).toMatchObject({ healthy, message });
  });

  it.each<[Partial<CheckSpec>, string | RegExp]>([
    [{ unix: '/nonexistent.sock' }, 'no such file or directory'],
    [{ unix: '/etc/passwd' }, 'connection refused'],
    [{ tcp: '127.0.0.1' }, /is not an address/],
    [{ tcp: '127.0.0.1:0' }, /is not an address/],
    [{ tcp: '127.0.0.1:65536' }, /is not an address/],
    [{ tcp: '::1:80' }, /is not an address/],
    [{ tcp: 'a b' }, /is not an address/],
  ])('fails on %o', async (check, message) => {
    const report = await probe(check);
    expect(report.healthy).toBe(false);
    expect(report.message).toMatch(message);
  });

  it('refuses a closed port', async () => {
    expect(await probe({ tcp: `127.0.0.1:${await deadPort()}` })).toMatchObject({
      healthy: false,
      message: 'connection refused',
    });
  });

  it('stops reading a chatterbox', async () => {
    const port = await listen(
      createServer(socket => {
        socket.on('error', () => {});
        const talk = () => {
          while (socket.write('bla\n'.repeat(4096)));
          socket.once('drain', talk);
        };
        talk();
      }),
    );
    const report = await probe({ tcp: `127.0.0.1:${port}`, expect: 'sense' });
    expect(report).toMatchObject({ healthy: false, message: 'answer "bla" does not match /sense/' });
  });
});

describe('grpc', () => {
  type Answer = (stream: ServerHttp2Stream, service: string) => void;
  const serve = (answer: Answer) => {
    const server = createHttp2();
    server.on('stream', (stream: ServerHttp2Stream, headers) => {
      stream.on('error', () => {});
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const asked = Buffer.concat(chunks);
        if (headers[':path'] !== '/grpc.health.v1.Health/Check') return stream.destroy();
        return answer(stream, asked.length > 5 ? asked.subarray(7).toString() : '');
      });
    });
    return listen(server as unknown as Server);
  };
  const reply =
    (bytes: number[], status = '0', message?: string): Answer =>
    stream => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () =>
        stream.sendTrailers({ 'grpc-status': status, ...(message && { 'grpc-message': message }) }),
      );
      stream.end(Buffer.from(bytes));
    };

  it.each<[what: string, answer: Answer, healthy: boolean, message: string]>([
    ['serving', reply([0, 0, 0, 0, 2, 8, 1]), true, 'SERVING'],
    ['not serving', reply([0, 0, 0, 0, 2, 8, 2]), false, 'NOT_SERVING'],
    ['unknown, as an absent field', reply([0, 0, 0, 0, 0]), false, 'UNKNOWN'],
    ['a status of the future', reply([0, 0, 0, 0, 2, 8, 9]), false, 'status 9'],
    ['a field of the future', reply([0, 0, 0, 0, 4, 16, 5, 8, 1]), true, 'SERVING'],
    ['no message', reply([]), false, 'answer is not one gRPC message'],
    ['a message cut short', reply([0, 0, 0, 0, 9, 8, 1]), false, 'answer is not one gRPC message'],
    ['a compressed message', reply([1, 0, 0, 0, 2, 8, 1]), false, 'answer is not one gRPC message'],
    ['too much', reply(new Array(9000).fill(0)), false, 'answer is not a health status'],
    ['an error', reply([], '14', '100%\u0020of %C3%A9t%C3%A9%0Aaway'), false, 'gRPC status 14: 100% of été'],
    ['no such service', reply([], '5'), false, 'gRPC status 5: service not known to the server'],
    [
      'an error in the headers alone',
      stream => stream.respond({ ':status': 200, 'grpc-status': '12' }, { endStream: true }),
      false,
      'gRPC status 12: server has no health service',
    ],
    [
      'no status',
      stream => {
        stream.respond({ ':status': 200 });
        stream.end();
      },
      false,
      'answer without a gRPC status',
    ],
    ['a web page', stream => stream.respond({ ':status': 404 }, { endStream: true }), false, 'HTTP 404'],
  ])('%s', async (_, answer, healthy, message) => {
    const port = await serve(answer);
    expect(await probe({ grpc: `127.0.0.1:${port}` })).toMatchObject({ healthy, message });
  });

  it('asks for the service by name', async () => {
    const long = `my.${'x'.repeat(300)}.Service`;
    const port = await serve((stream, service) =>
      reply(service.endsWith(long.slice(-200)) ? [0, 0, 0, 0, 2, 8, 1] : [0, 0, 0, 0, 2, 8, 3])(
        stream,
        service,
      ),
    );
    expect(await probe({ grpc: `127.0.0.1:${port}`, service: long })).toMatchObject({ message: 'SERVING' });
    expect(await probe({ grpc: `127.0.0.1:${port}`, service: 'other' })).toMatchObject({
      message: 'SERVICE_UNKNOWN',
    });
  });

  it('fails on a dead port, a mute server and one of another protocol', async () => {
    expect(await probe({ grpc: `127.0.0.1:${await deadPort()}` })).toMatchObject({
      healthy: false,
      message: 'connection refused',
    });
    const mute = await serve(() => {});
    expect(await probe({ grpc: `127.0.0.1:${mute}`, timeout: 60 })).toMatchObject({
      healthy: false,
      message: 'no answer within 60 ms',
    });
    const web = await listen(createHttp((_, response) => response.end()));
    expect((await probe({ grpc: `127.0.0.1:${web}` })).healthy).toBe(false);
    const polite = await listen(
      createServer(socket => socket.on('error', () => {}).on('data', () => socket.end())),
    );
    expect(await probe({ grpc: `127.0.0.1:${polite}`, timeout: 10_000 })).toMatchObject({
      healthy: false,
      message: 'connection closed without an answer',
    });
  });
});
