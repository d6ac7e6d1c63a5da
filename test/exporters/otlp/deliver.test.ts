// The exporter against a real server that takes, refuses, resets, stalls and stays silent.
import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Delivery } from '../../../agent/core/exporter.ts';
import { logs, metrics } from '../../../exporters/otlp/index.ts';
import { type Behaviour, startReceiver } from '../../receiver.ts';
import { batch, closers, createRoom, exporter, failure, never, read, receiver } from './rig.ts';

describe('forms', () => {
  it.each(
    (['http/protobuf', 'http/json'] as const).flatMap(protocol =>
      (['gzip', 'zstd', 'none'] as const).map(compression => ({ protocol, compression })),
    ),
  )('delivers as $protocol, $compression', async form => {
    const server = await receiver();
    const sender = await exporter({ endpoint: `${server.url}/base/`, headers: { 'X-Key': 's' }, ...form });
    expect(await sender.deliver(batch('one', 'zwei ü'), never)).toEqual({ rejected: 0 });
    expect(server.records.map(record => record.body)).toEqual(['one', 'zwei ü']);
    expect(server.records[0]).toMatchObject({
      resource: { 'service.name': 'nginx', 'host.name': 'node-1' },
      observed: 1_795_000_000_000_000_000n,
      attributes: { n: -5, raw: 'AP8=' },
    });
    expect(server.requests[0]).toMatchObject({
      path: '/base/v1/logs',
      headers: { 'x-key': 's', 'user-agent': expect.stringMatching(/^eudaemon\/\d/) },
    });
  });

  it('keeps its connection', async () => {
    const server = await receiver();
    const sender = await exporter({ endpoint: server.url });
    for (const text of ['a', 'b', 'c']) await sender.deliver(batch(text), never);
    expect(new Set(server.requests.map(request => request.remotePort)).size).toBe(1);
  });

  it('sends nothing for nothing', async () => {
    const server = await receiver();
    const sender = await exporter({ endpoint: server.url });
    expect(await sender.deliver(batch(), never)).toEqual({ rejected: 0 });
    expect(server.requests).toHaveLength(0);
  });

  it('gives up what it cannot transcode, rather than try for ever', async () => {
    const sender = await exporter({ endpoint: 'http://127.0.0.1:1', protocol: 'http/json' });
    const damaged = { bytes: Uint8Array.of(0x0a, 99), records: 3 };
    expect(await sender.deliver(damaged, never)).toMatchObject({
      rejected: 3,
      reason: 'undecodable',
      refused: [{ bytes: damaged.bytes, records: 3, reason: 'undecodable' }],
    });
  });

  it('is not there when switched off', async () => {
    expect(await logs(read({ logs: false }), createRoom())).toBeUndefined();
    expect(await metrics(read({ metrics: false }), createRoom())).toBeUndefined();
  });
});

describe('answers', () => {
  const finished: [name: string, how: Behaviour, delivery: Delivery, said: string][] = [
    [
      'a partial success',
      { rejected: 2, message: 'too old' },
      { rejected: 2, reason: 'partial_success' },
      'too old',
    ],
    [
      'more rejected than sent',
      { rejected: 9 },
      { rejected: 3, reason: 'partial_success' },
      'no reason given',
    ],
    ['a warning', { message: 'slow down' }, { rejected: 0 }, 'slow down'],
    ['a status with a stalled body', { fault: 'stall' }, { rejected: 0 }, ''],
    ['an endless body', { body: Buffer.alloc(2_000_000, 10) }, { rejected: 0 }, ''],
    ['bad data', { status: 400, body: '\x12\x03bad' }, { rejected: 3, reason: 'http_400' }, 'HTTP 400: bad'],
    ['no right', { status: 401 }, { rejected: 3, reason: 'http_401' }, 'HTTP 401'],
    [
      'a redirect',
      { status: 302, headers: { location: 'http://elsewhere/x' } },
      { rejected: 3, reason: 'http_302' },
      'redirected to "http://elsewhere/x", which is not followed; set exporters.otlp.endpoint',
    ],
    ['a redirect to nowhere', { status: 304 }, { rejected: 3, reason: 'http_304' }, 'HTTP 304'],
    [
      'a crash',
      { status: 500, body: 'oops', headers: { 'content-type': 'text/plain' } },
      { rejected: 3, reason: 'http_500' },
      'oops',
    ],
  ];
  it.each(finished)('%s is final', async (_, how, delivery, said) => {
    const server = await receiver();
    server.behave(() => how);
    const room = createRoom();
    const sender = await exporter({ endpoint: server.url, timeout: '300ms' }, room);
    const given = batch('a', 'b', 'c');
    const { refused, ...rest } = await sender.deliver(given, never);
    expect(rest).toEqual(delivery);
    // What is refused as a whole is handed back, for the dead letters.
    if (/^http_/.test(delivery.reason ?? ''))
      expect(refused).toEqual([
        { ...given, reason: delivery.reason, message: expect.stringContaining('HTTP') },
      ]);
    else expect(refused).toBeUndefined();
    expect(server.requests).toHaveLength(1);
    expect(room.lines.join()).toContain(said);
  });

  const later: [name: string, how: Behaviour, reason: string, afterMs: number | undefined][] = [
    ['429', { status: 429 }, 'http_429', undefined],
    ['503 with seconds', { status: 503, headers: { 'retry-after': '7' } }, 'http_503', 7000],
    ['503 with nonsense', { status: 503, headers: { 'retry-after': 'soon' } }, 'http_503', undefined],
    ['502', { status: 502 }, 'http_502', undefined],
    ['504 for ever', { status: 504, headers: { 'retry-after': '99999999999' } }, 'http_504', 300_000],
    ['a reset', { fault: 'reset' }, 'reset', undefined],
    ['silence', { fault: 'silent' }, 'timeout', undefined],
  ];
  it.each(later)('%s asks to come again', async (_, how, reason, afterMs) => {
    const server = await receiver();
    let calls = 0;
    server.behave(() => (calls++ === 0 ? how : undefined));
    const sender = await exporter({ endpoint: server.url, timeout: '300ms' });
    expect(await failure(sender.deliver(batch('a'), never))).toMatchObject({ reason, afterMs });
    expect(await sender.deliver(batch('a'), never)).toEqual({ rejected: 0 });
    expect(server.requests[1]!.bytes).toEqual(server.requests[0]!.bytes);
    expect(server.records).toHaveLength(1);
  });

  it('is waited for longer each time that it does not come', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const server = await receiver();
    const came = () => server.waitFor(({ requests }) => requests.length === calls);
    let calls = 0;
    const sender = await exporter({ endpoint: server.url, timeout: '10s' });
    /** What becomes of a delivery that is answered after so long. */
    const after = async (ms: number) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.behave(() => ({ after: promise }));
      calls++;
      const delivery = sender.deliver(batch('a'), never).then(
        () => 'taken',
        ({ reason }) => reason as string,
      );
      await came();
      await vi.advanceTimersByTimeAsync(ms);
      resolve();
      return delivery;
    };
    for (const [ms, outcome] of [
      [9_000, 'taken'],
      [11_000, 'timeout'],
      [19_000, 'taken'],
      [19_000, 'taken'],
      [21_000, 'timeout'],
      [41_000, 'timeout'],
      [61_000, 'timeout'],
      [59_000, 'taken'],
      [9_000, 'taken'],
      [11_000, 'timeout'],
    ] as const)
      expect(await after(ms)).toBe(outcome);
  });

  it('is waited for longer by those that are under way when the first gives up', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const server = await receiver();
    const { promise, resolve } = Promise.withResolvers<void>();
    server.behave(() => ({ after: promise }));
    const sender = await exporter({ endpoint: server.url, timeout: '10s' });
    const deliveries = ['a', 'b', 'c'].map(name =>
      sender.deliver(batch(name), never).then(
        () => 'taken',
        ({ reason }) => reason as string,
      ),
    );
    await server.waitFor(({ requests }) => requests.length === 3);
    await vi.advanceTimersByTimeAsync(15_000);
    resolve();
    expect((await Promise.all(deliveries)).sort()).toEqual(['taken', 'taken', 'timeout']);
  });

  it('waits for no one where nobody listens', async () => {
    const server = await startReceiver();
    await server.close();
    const sender = await exporter({ endpoint: server.url });
    const error = await failure(sender.deliver(batch('a'), never));
    expect(error.reason).toBe('refused');
    expect(error.message).toBe(`cannot send to "${server.url}/v1/logs": connection refused`);
  });

  it('names a host that does not exist', async () => {
    const sender = await exporter({ endpoint: 'http://no-such-host.invalid:4318' });
    expect((await failure(sender.deliver(batch('a'), never))).reason).toBe('dns');
  });

  it('takes a peer that speaks something else for a fault of the moment', async () => {
    const odd = createServer(socket =>
      socket
        .on('error', () => {})
        .resume()
        .end('SSH-2.0-OpenSSH\r\n'),
    );
    await new Promise<void>(resolve => odd.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise(resolve => odd.close(() => resolve())));
    const { port } = odd.address() as { port: number };
    const sender = await exporter({ endpoint: `http://127.0.0.1:${port}` });
    expect((await failure(sender.deliver(batch('a'), never))).reason).toMatch(/^(protocol|reset)$/);
    const secure = await exporter({ endpoint: `https://127.0.0.1:${port}` });
    expect((await failure(secure.deliver(batch('a'), never))).reason).toMatch(/^(tls|reset|protocol)$/);
  });

  it('is over when the receiver wants to go on in another protocol', async () => {
    const odd = createServer(socket =>
      socket
        .on('error', () => {})
        .resume()
        .write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n'),
    );
    await new Promise<void>(resolve => odd.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise(resolve => odd.close(() => resolve())));
    const { port } = odd.address() as { port: number };
    const sender = await exporter({ endpoint: `http://127.0.0.1:${port}` });
    expect((await failure(sender.deliver(batch('a'), never))).reason).toBe('protocol');
  });

  it('sends nothing more of the bytes once the receiver has answered', async () => {
    let spoiled = 0;
    let seen = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const hasty = createServer(socket => {
      socket.once('data', () => {
        socket.pause();
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      });
      socket.on('error', () => {}).on('close', () => resolve());
      closers.push(async () => void socket.destroy());
      socket.on('data', chunk => {
        seen += chunk.length;
        for (const byte of chunk) if (byte === 0xee) spoiled++;
      });
      setImmediate(function look() {
        if (settled) socket.resume();
        else setImmediate(look);
      });
    });
    let settled = false;
    await new Promise<void>(listening => hasty.listen(0, '127.0.0.1', listening));
    closers.push(() => new Promise(closed => hasty.close(() => closed())));
    const { port } = hasty.address() as { port: number };
    const sender = await exporter({ endpoint: `http://127.0.0.1:${port}`, compression: 'none' });
    const { bytes, records } = batch('x'.repeat(32 * 2 ** 20));
    expect(await sender.deliver({ bytes, records }, never)).toEqual({ rejected: 0 });
    bytes.fill(0xee);
    settled = true;
    await promise;
    expect(seen).toBeGreaterThan(0);
    expect(seen).toBeLessThan(bytes.length);
    expect(spoiled).toBe(0);
  });

  it('breaks off when the agent stops', async () => {
    const server = await receiver();
    server.behave(() => ({ fault: 'silent' }));
    const sender = await exporter({ endpoint: server.url, timeout: '1h' });
    const stop = new AbortController();
    const delivery = failure(sender.deliver(batch('a'), stop.signal));
    await server.waitFor(({ requests }) => requests.length === 1);
    stop.abort();
    expect((await delivery).reason).toBe('stopped');
    expect((await failure(sender.deliver(batch('a'), stop.signal))).reason).toBe('stopped');
  });
});

it('names a certificate it cannot read', async () => {
  const input = read({ endpoint: 'https://localhost', tls: { ca_file: '/no/such.pem' } });
  await expect(logs(input, createRoom())).rejects.toThrow(
    'cannot read CA certificate "/no/such.pem": no such file or directory',
  );
});
