// The syslog exporter against sockets that take, refuse, close, and are slow.

import dgram from 'node:dgram';
import { mkdtempSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { LogExporter } from '../../../agent/core/exporter.ts';
import { loadNative } from '../../../agent/native/index.ts';
import { logs } from '../../../exporters/syslog/index.ts';
import { options as schema } from '../../../exporters/syslog/options.ts';
import { FIRST, SERVER } from '../../certificates.ts';
import { until } from '../../e2e/until.ts';
import { batch, createRoom } from '../store/batch.ts';

const never = new AbortController().signal;

async function open(input: object): Promise<{ exporter: LogExporter; logged: string[] }> {
  const { room, logged } = createRoom(tmpdir());
  const checker = { problem() {}, formats: { regex: () => undefined, glob: () => undefined } };
  const exporter = await logs(schema.parse(input, [], checker)!, room);
  onTestFinished(() => exporter.close());
  return { exporter, logged };
}
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'eudaemon-forward-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
};
const texts = (frames: readonly string[]): string[] =>
  frames.map(frame => frame.slice(frame.indexOf('] ') + 2));
const numbered = (count: number) => Array.from({ length: count }, (_, i) => ({ body: `number ${i}` }));
const bodies = (count: number) => numbered(count).map(each => each.body);

/** A stream server; `text` is all it has read, over all connections. */
async function listen(secure = false, path?: string) {
  const sockets: Socket[] = [];
  const state = { text: '', connections: 0, port: 0, peers: [] as string[], sockets, close: () => {} };
  const serve = (socket: Socket) => {
    state.connections++;
    sockets.push(socket);
    if (socket instanceof tls.TLSSocket) state.peers.push(String(socket.getPeerCertificate()?.subject?.CN));
    socket.on('error', () => {});
    socket.on('data', chunk => {
      state.text += chunk.toString();
    });
  };
  const server = secure
    ? tls.createServer({ ...SERVER, ca: FIRST.cert, requestCert: true, rejectUnauthorized: true }, serve)
    : createServer(serve);
  await new Promise<void>(ready =>
    path ? server.listen(path, ready) : server.listen(0, '127.0.0.1', ready),
  );
  state.port = path ? 0 : (server.address() as AddressInfo).port;
  state.close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  onTestFinished(state.close);
  return state;
}

/** Octet-counted frames (RFC 6587). */
function counted(text: string): string[] {
  const frames: string[] = [];
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(bytes.toString('latin1', at, space));
    frames.push(bytes.toString('utf8', space + 1, space + 1 + length));
    at = space + 1 + length;
  }
  return frames;
}

describe('a stream', () => {
  it.each(['tcp', 'unix'] as const)(
    '%s carries messages by count, newlines and all, on one connection',
    async kind => {
      const path = join(folder(), 'sock');
      const server = await listen(false, kind === 'unix' ? path : undefined);
      const target = kind === 'unix' ? { path, type: 'stream' } : { tcp: `127.0.0.1:${server.port}` };
      const { exporter } = await open(target);
      expect(await exporter.deliver(batch({ body: 'a\nb' }, { body: 'ü' }), never)).toEqual({ rejected: 0 });
      await exporter.deliver(batch({ body: 'c' }), never);
      await until('all are read', () => counted(server.text).length === 3);
      expect(texts(counted(server.text))).toEqual(['a\nb', 'ü', 'c']);
      expect(server.connections).toBe(1);
    },
  );

  it('carries messages a line each', async () => {
    const server = await listen();
    const { exporter } = await open({ tcp: `127.0.0.1:${server.port}`, framing: 'newline' });
    await exporter.deliver(batch({ body: 'a\nü' }, { body: 'b' }), never);
    await until('both are read', () => server.text.split('\n').length === 3);
    expect(texts(server.text.trimEnd().split('\n'))).toEqual(['a#012ü', 'b']);
  });

  it('with TLS shows a certificate, and does not trust a stranger', async () => {
    const dir = folder();
    const file = (name: string, text: string) => {
      writeFileSync(join(dir, name), text);
      return join(dir, name);
    };
    const server = await listen(true);
    const own = { cert_file: file('cert', FIRST.cert), key_file: file('key', FIRST.key) };
    const tcp = `127.0.0.1:${server.port}`;
    const { exporter } = await open({ tcp, tls: { ca_file: file('ca', SERVER.cert), ...own } });
    await exporter.deliver(batch({ body: 'a' }), never);
    await until('it is read', () => server.text !== '');
    expect(server.peers).toEqual(['first']);
    const { exporter: wary } = await open({ tcp, tls: own });
    await expect(wary.deliver(batch({ body: 'b' }), never)).rejects.toMatchObject({ reason: 'tls' });
    const { exporter: careless } = await open({ tcp, tls: { ...own, insecure_skip_verify: true } });
    expect(await careless.deliver(batch({ body: 'c' }), never)).toEqual({ rejected: 0 });
    const { exporter: elsewhere } = await open({
      tcp,
      tls: { ca_file: file('ca', SERVER.cert), ...own, server_name: 'other.example' },
    });
    await expect(elsewhere.deliver(batch({ body: 'd' }), never)).rejects.toThrow(/altnames|other\.example/);
  });

  it('that was closed is opened anew', async () => {
    const server = await listen();
    const { exporter } = await open({ tcp: `127.0.0.1:${server.port}` });
    await exporter.deliver(batch({ body: 'a' }), never);
    await until('it is read', () => server.text !== '');
    server.sockets[0]!.destroy();
    // What is written before the end is noticed is lost: syslog has no acknowledgement.
    await until('one arrives', async () => {
      await exporter.deliver(batch({ body: 'b' }), never);
      return texts(counted(server.text)).includes('b');
    });
  });

  it('nobody listens on asks to come again', async () => {
    const server = await listen();
    server.close();
    const { exporter } = await open({ tcp: `127.0.0.1:${server.port}` });
    await expect(exporter.deliver(batch({ body: 'a' }), never)).rejects.toMatchObject({
      name: 'RetryLater',
      reason: 'refused',
      message: `cannot send to "127.0.0.1:${server.port}": connection refused`,
    });
  });

  it('whose receiver takes nothing is given up, and its batch comes again whole', async () => {
    const server = await listen();
    const { exporter } = await open({ tcp: `127.0.0.1:${server.port}`, timeout: '300ms' });
    await exporter.deliver(batch({ body: 'hello' }), never);
    await until('it is read', () => server.text !== '');
    server.sockets[0]!.pause();
    const large = batch(...Array.from({ length: 2000 }, (_, i) => ({ body: `${i} ${'x'.repeat(7000)}` })));
    await expect(exporter.deliver(large, never)).rejects.toMatchObject({ reason: 'timeout' });
    server.text = '';
    await exporter.deliver(large, never);
    await until('all are read', () => counted(server.text).length === 2000);
  });

  it('breaks off when the agent stops', async () => {
    const server = await listen();
    const { exporter } = await open({ tcp: `127.0.0.1:${server.port}`, timeout: '1h' });
    await exporter.deliver(batch({ body: 'hello' }), never);
    await until('it is read', () => server.text !== '');
    server.sockets[0]!.pause();
    const stop = new AbortController();
    const large = batch(...Array.from({ length: 2000 }, () => ({ body: 'x'.repeat(7000) })));
    const delivery = exporter.deliver(large, stop.signal);
    stop.abort();
    await expect(delivery).rejects.toMatchObject({ name: 'RetryLater' });
  });
});

describe('datagrams', () => {
  const native = loadNative()!;
  /** What waits in the socket now. */
  function drain(fd: number): string[] {
    // SO_RCVTIMEO of a millisecond: reading an empty socket ends at once.
    native.libc.setsockopt(fd, 1, 20, new Uint8Array(BigInt64Array.from([0n, 1000n]).buffer), 16);
    const buffer = Buffer.alloc(65_536);
    const messages: string[] = [];
    try {
      for (;;) messages.push(buffer.toString('utf8', 0, readSync(fd, buffer)));
    } catch {
      return messages;
    }
  }

  it('to a Unix socket wait for a receiver that is full, and none is sent twice', async () => {
    const path = join(folder(), 'sock');
    const fd = native.bindUnix(path);
    onTestFinished(() => native.close(fd));
    const { exporter } = await open({ path, timeout: '200ms' });
    const given = batch(...numbered(2000));
    const received: string[] = [];
    // The queue of the kernel is shorter than that: nobody reads, so the receiver is full.
    await expect(exporter.deliver(given, never)).rejects.toMatchObject({ reason: 'timeout' });
    let done = false;
    const delivery = exporter.deliver(given, never).finally(() => {
      done = true;
    });
    await until(
      'all are read',
      () => {
        received.push(...drain(fd));
        return done && received.length >= 2000;
      },
      { everyMs: 1 },
    );
    await delivery;
    expect(texts(received)).toEqual(bodies(2000));
  });

  it.each([
    ['no socket', () => {}],
    ['a file', (path: string) => writeFileSync(path, '')],
  ])('to %s come again', async (_, make) => {
    const path = join(folder(), 'sock');
    make(path);
    const { exporter } = await open({ path });
    await expect(exporter.deliver(batch({ body: 'a' }), never)).rejects.toMatchObject({ reason: 'refused' });
  });

  it('by UDP', async () => {
    const socket = dgram.createSocket('udp4');
    const received: string[] = [];
    socket.on('message', message => received.push(message.toString()));
    await new Promise<void>(ready => socket.bind(0, '127.0.0.1', ready));
    onTestFinished(() => void socket.close());
    const { exporter } = await open({ udp: `localhost:${socket.address().port}` });
    await exporter.deliver(batch({ body: 'a' }, { body: 'b\nc' }), never);
    await until('both are read', () => received.length === 2);
    expect(texts(received)).toEqual(['a', 'b\nc']);
  });

  it('by UDP or to a Unix socket are no longer than a datagram can be', async () => {
    const [long, longer] = [{ body: 'x'.repeat(100_000) }, { body: 'x'.repeat(300_000) }];
    const socket = dgram.createSocket('udp4');
    const received: string[] = [];
    socket.on('message', message => received.push(message.toString()));
    await new Promise<void>(ready => socket.bind(0, '127.0.0.1', ready));
    onTestFinished(() => void socket.close());
    const udp = await open({ udp: `127.0.0.1:${socket.address().port}`, max_message: '1MiB' });
    expect(await udp.exporter.deliver(batch(long), never)).toEqual({ rejected: 0 });
    await until('all are read', () => texts(received).join('') === long.body);

    const path = join(folder(), 'log');
    const native = loadNative()!;
    const bound = native.bindUnix(path);
    onTestFinished(() => native.close(bound));
    const unix = await open({ path, max_message: '1MiB', timeout: '100ms' });
    // The second half finds the receiver full.
    await expect(unix.exporter.deliver(batch(longer), never)).rejects.toMatchObject({ reason: 'timeout' });
  });

  it('by UDP to nobody are told once the host says so', async () => {
    const socket = dgram.createSocket('udp4');
    await new Promise<void>(ready => socket.bind(0, '127.0.0.1', ready));
    const { port } = socket.address();
    await new Promise<void>(closed => socket.close(closed));
    const { exporter } = await open({ udp: `127.0.0.1:${port}` });
    const error = await until('it is told', () =>
      exporter.deliver(batch({ body: 'a' }), never).then(
        () => undefined,
        caught => caught,
      ),
    );
    expect(error).toMatchObject({ name: 'RetryLater', reason: 'refused' });
  });
});

it('gives up what is no batch, and hands it back', async () => {
  const { exporter } = await open({ udp: '127.0.0.1:9' });
  const damaged = { bytes: Uint8Array.of(0x0a, 99), records: 3 };
  expect(await exporter.deliver(damaged, never)).toMatchObject({ rejected: 3, refused: [damaged] });
});
