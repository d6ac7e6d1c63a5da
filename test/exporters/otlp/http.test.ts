// Connections: when one serves for the next request, and when another is opened.
import { createServer, type Socket } from 'node:net';
import { expect, it, vi } from 'vitest';
import { batch, closers, exporter, never } from './rig.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n';

/** Answers each request with what `answers` gives for its number; remembers requests, and how many connections there were. */
async function server(answer: (socket: Socket, request: number) => void) {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const listening = createServer(socket => {
    sockets.add(socket);
    let text = '';
    socket
      .on('error', () => {})
      .on('data', chunk => {
        text += chunk.toString('latin1');
        const [, head, length] = /^([\s\S]*?content-length: (\d+)\r\n[\s\S]*?\r\n\r\n)/.exec(text) ?? [];
        if (head === undefined || text.length < head.length + Number(length)) return;
        text = '';
        requests.push(head);
        answer(socket, requests.length);
      });
  });
  await new Promise<void>(ready => listening.listen(0, '127.0.0.1', ready));
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    listening.close();
  });
  const { port } = listening.address() as { port: number };
  return { at: `127.0.0.1:${port}`, requests, sockets };
}

const deliver = async (endpoint: string, times: number) => {
  const sender = await exporter({ endpoint });
  for (let i = 0; i < times; i++) expect(await sender.deliver(batch('a'), never)).toEqual({ rejected: 0 });
};

it.each<[what: string, connections: number, answer: (socket: Socket, request: number) => void]>([
  ['serves again', 1, socket => socket.write(`${OK}\r\n`)],
  ['serves again after pieces', 1, socket => void [...`${OK}\r\n`].map(each => socket.write(each))],
  [
    'is not used again where the answer is the last',
    3,
    socket => socket.write(`${OK}Connection: close\r\n\r\n`),
  ],
  ['is not used again where it ended the answer', 3, socket => socket.end('HTTP/1.1 200 OK\r\n\r\n')],
  [
    'is not used again after more than was asked for',
    3,
    socket => socket.write(`${OK}\r\nHTTP/1.1 500 No\r\n\r\n`),
  ],
  [
    'is not used again where it is kept for too short',
    3,
    socket => socket.write(`${OK}keep-alive: timeout=1\r\n\r\n`),
  ],
  [
    'that was closed meanwhile is no failure',
    2,
    (socket, request) => (request === 2 ? socket.resetAndDestroy() : socket.write(`${OK}\r\n`)),
  ],
])('a connection %s', async (_, connections, answer) => {
  const { at, sockets } = await server(answer);
  await deliver(`http://${at}`, 3);
  expect(sockets.size).toBe(connections);
});

it('is not used once the receiver has kept it for as long as it said', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    const { at, sockets } = await server(socket => socket.write(`${OK}keep-alive: timeout=5\r\n\r\n`));
    const sender = await exporter({ endpoint: `http://${at}` });
    for (const [ms, connections] of [
      [0, 1],
      [3900, 1],
      [3900, 1],
      [4000, 2],
    ] as const) {
      vi.advanceTimersByTime(ms);
      await sender.deliver(batch('a'), never);
      expect(sockets.size).toBe(connections);
    }
  } finally {
    vi.useRealTimers();
  }
});

it('what the URL says of path, query and user is in the request', async () => {
  const { at, requests } = await server(socket => socket.write(`${OK}\r\n`));
  await deliver(`http://us%40r:p%20w@${at}/base?a=b`, 1);
  expect(requests[0]).toMatch(/^POST \/base\/v1\/logs\?a=b HTTP\/1\.1\r\n/);
  expect(requests[0]).toContain(`\r\nhost: ${at}\r\n`);
  expect(requests[0]).toContain(`\r\nauthorization: Basic ${btoa('us@r:p w')}\r\n`);
});
