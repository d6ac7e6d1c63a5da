// Headers and certificates in files that change while the agent runs; and the way through a proxy.
import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { logs } from '../../../exporters/otlp/index.ts';
import { createSender } from '../../../exporters/otlp/send.ts';
import { resolve } from '../../../exporters/otlp/settings.ts';
import { FIRST, SECOND, SERVER } from '../../certificates.ts';
import { batch, closers, createRoom, exporter, never, read, receiver } from './rig.ts';

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'eudaemon-credentials-'));
  closers.push(async () => rmSync(made, { recursive: true }));
  return made;
}

describe('headers from files', () => {
  const setUp = async (first: string) => {
    const server = await receiver();
    const file = join(folder(), 'token');
    writeFileSync(file, first);
    const room = createRoom();
    const input = { endpoint: server.url, headers_from: { Authorization: { file, scheme: 'Bearer' } } };
    return { server, file, room, sender: await exporter(input, room) };
  };
  const sent = (server: Awaited<ReturnType<typeof receiver>>) =>
    server.requests.map(request => request.headers.authorization);

  it('are read again when the file changes', async () => {
    const { server, file, sender } = await setUp('one\n');
    await sender.deliver(batch('a'), never);
    writeFileSync(file, 'another\n');
    await sender.deliver(batch('b'), never);
    expect(sent(server)).toEqual(['Bearer one', 'Bearer another']);
  });

  it.each([401, 403])('are read again on %d, and the request is sent once more', async status => {
    const { server, file, sender } = await setUp('old');
    // Renewed between the look at the file and the answer.
    server.behave(({ headers }) => {
      if (headers.authorization === 'Bearer new') return undefined;
      writeFileSync(file, 'new');
      return { status };
    });
    expect(await sender.deliver(batch('a'), never)).toEqual({ rejected: 0 });
    expect(sent(server)).toEqual(['Bearer old', 'Bearer new']);
  });

  it('a token that is refused and not renewed is refused for good, as the protocol has it', async () => {
    const { server, sender } = await setUp('old');
    server.behave(() => ({ status: 401 }));
    expect(await sender.deliver(batch('a'), never)).toMatchObject({ rejected: 1, reason: 'http_401' });
    expect(server.requests).toHaveLength(1);
  });

  it.each<[string, (file: string) => void, string]>([
    ['a file that vanishes', file => unlinkSync(file), 'no such file or directory'],
    ['an empty file', file => writeFileSync(file, '\n'), 'not one line of text'],
    ['two lines', file => writeFileSync(file, 'a\nb'), 'not one line of text'],
  ])('%s keeps what was read before, and is told', async (_, change, cause) => {
    const { server, file, room, sender } = await setUp('one');
    change(file);
    await sender.deliver(batch('a'), never);
    expect(sent(server)).toEqual(['Bearer one']);
    expect(room.lines).toEqual([
      `cannot read value of header "authorization" "${file}": ${cause}; what was read before stays in use`,
    ]);
  });

  it('must be there at the start', async () => {
    const input = read({ headers_from: { a: { file: '/no/such' } } });
    await expect(logs(input, createRoom())).rejects.toThrow(
      'cannot read value of header "a" "/no/such": no such file or directory',
    );
  });
});

describe('certificates', () => {
  it('are taken up when they are renewed; half a renewal is not', async () => {
    const dir = folder();
    writeFileSync(join(dir, 'ca.crt'), SERVER.cert);
    const seen: string[] = [];
    const listener = https.createServer(
      {
        ...SERVER,
        ca: [FIRST.cert, SECOND.cert],
        requestCert: true,
        rejectUnauthorized: true,
      },
      (request, response) => {
        seen.push(String((request.socket as TLSSocket).getPeerCertificate().subject.CN));
        request.resume().on('end', () => response.end());
      },
    );
    await new Promise<void>(ready => listener.listen(0, '127.0.0.1', ready));
    closers.push(async () => {
      listener.closeAllConnections();
      listener.close();
    });
    const warnings: string[] = [];
    const options = read({
      endpoint: `https://127.0.0.1:${(listener.address() as AddressInfo).port}`,
      tls: {
        ca_file: join(dir, 'ca.crt'),
        cert_file: join(dir, 'in-use.crt'),
        key_file: join(dir, 'in-use.key'),
      },
    });
    const use = (part: 'cert' | 'key', from: typeof FIRST) =>
      writeFileSync(join(dir, `in-use.${part === 'cert' ? 'crt' : 'key'}`), from[part]);
    use('cert', FIRST);
    use('key', FIRST);
    const sender = createSender(resolve(options, {}, 'logs'), Date.now, warning => warnings.push(warning));
    closers.push(() => sender.close());
    const send = () => sender.send(Uint8Array.of(), never);

    await send();
    use('cert', SECOND);
    await send();
    use('key', SECOND);
    await send();
    expect(seen).toEqual(['first', 'first', 'second']);
    expect(warnings).toEqual([
      expect.stringMatching(/^cannot use certificates ".*what was read before stays/),
    ]);
  });
});

describe('a proxy', () => {
  /** Forwards what it is asked to; remembers for whom. */
  async function proxy(): Promise<{ url: string; asked: string[] }> {
    const asked: string[] = [];
    const sockets = new Set<Socket>();
    const server = createServer((request, response) => {
      asked.push(request.url!);
      request.resume().on('end', () => response.end());
    });
    server.on('connect', (request: IncomingMessage, socket: Socket) => {
      asked.push(`CONNECT ${request.url}`);
      const [, port] = /:(\d+)$/.exec(request.url!)!;
      const onward = connect(Number(port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.pipe(onward).pipe(socket);
      });
      for (const each of [socket, onward]) {
        each.on('error', () => {});
        sockets.add(each);
      }
    });
    await new Promise<void>(ready => server.listen(0, '127.0.0.1', ready));
    closers.push(async () => {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      server.close();
    });
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
  }
  const send = async (endpoint: string, env: Record<string, string>) => {
    const sender = createSender(resolve(read({ endpoint, compression: 'none' }), env, 'logs'), Date.now);
    closers.push(() => sender.close());
    return sender.send(Uint8Array.of(), never).then(
      verdict => verdict.outcome,
      error => error.reason,
    );
  };

  it.each(['HTTP_PROXY', 'http_proxy'])('of %s carries requests', async name => {
    const { url, asked } = await proxy();
    expect(await send('http://receiver.invalid:4318', { [name]: url })).toBe('accepted');
    expect(asked).toEqual(['http://receiver.invalid:4318/v1/logs']);
  });
  it('is asked for a tunnel where there is TLS', async () => {
    const { url, asked } = await proxy();
    // Who answers there speaks no TLS.
    const { port } = await receiver();
    expect(await send(`https://receiver.invalid:${port}`, { HTTPS_PROXY: url })).not.toBe('accepted');
    expect(asked).toEqual([`CONNECT receiver.invalid:${port}`]);
  });
  it.each(['receiver.invalid', '*', '.invalid'])('is passed by for NO_PROXY=%s', async NO_PROXY => {
    const { url, asked } = await proxy();
    expect(await send('http://receiver.invalid:4318', { HTTP_PROXY: url, NO_PROXY })).toBe('dns');
    expect(asked).toEqual([]);
  });
  it('carries nothing that stays on the host', async () => {
    const { url, asked } = await proxy();
    const server = await receiver();
    expect(await send(server.url, { HTTP_PROXY: url })).toBe('accepted');
    expect(asked).toEqual([]);
  });
});
