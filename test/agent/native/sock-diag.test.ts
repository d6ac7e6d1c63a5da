// TCP sockets as the kernel dumps them: broken messages, a kernel that refuses, and this one beside /proc/net/tcp.
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { loadNative, type Native } from '../../../agent/native/index.ts';
import { createSockDiag, takeSockets } from '../../../agent/native/sock-diag.ts';

/** A netlink message with this payload: struct inet_diag_msg has its state at 1 and its inode at 68. */
function message(type: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + payload.length, 0);
  header.writeUInt16LE(type, 4);
  return Buffer.concat([header, payload, Buffer.alloc(-payload.length & 3)]);
}
function socket(inode: number, state: number): Buffer {
  const payload = Buffer.alloc(72);
  payload[1] = state;
  payload.writeUInt32LE(inode, 68);
  return message(20, payload);
}
const DONE = message(3, Buffer.alloc(4));
const refused = (errno: number) => message(2, Buffer.from(Int32Array.of(-errno).buffer));

function take(...parts: readonly Buffer[]) {
  const bytes = Uint8Array.from(Buffer.concat(parts));
  const found: [inode: number, state: number][] = [];
  const more = takeSockets(new DataView(bytes.buffer), bytes.length, (...each) => found.push(each));
  return { found, more };
}

it.each([
  [
    'some, and more to follow',
    [socket(7, 10), socket(8, 1)],
    [
      [7, 10],
      [8, 1],
    ],
    true,
  ],
  ['the last', [socket(7, 10), DONE, socket(8, 1)], [[7, 10]], false],
  ['one of nobody', [socket(0, 4), socket(9, 8)], [[9, 8]], true],
  ['none', [DONE], [], false],
  ['one that is cut short', [socket(7, 10), socket(8, 1).subarray(0, 60)], [[7, 10]], false],
  ['one that is too short', [message(20, Buffer.alloc(8)), socket(8, 1)], [[8, 1]], true],
  ['a message without a length', [Buffer.alloc(32)], [], false],
  ['nothing', [], [], false],
] as const)('%s', (_, parts, found, more) => expect(take(...parts)).toEqual({ found, more }));

it('an error of the kernel is thrown', () => {
  expect(() => take(refused(2))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  expect(() => take(message(2, Buffer.alloc(0)))).toThrow(expect.objectContaining({ code: 'EPROTO' }));
});

it('any bytes come to an end', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), bytes => {
      const { buffer } = Uint8Array.from(bytes);
      try {
        takeSockets(new DataView(buffer), bytes.length, () => {});
      } catch (error) {
        expect(error).toHaveProperty('code');
      }
    }),
  );
});

it('a kernel that refuses leaves nothing open', () => {
  const closed: number[] = [];
  const native = (answer: Buffer) =>
    ({
      libc: {
        socket: () => 7,
        sendto: () => 72,
        recv(_fd: number, into: Uint8Array) {
          into.set(answer);
          return answer.length;
        },
        close: (fd: number) => closed.push(fd),
      },
    }) as unknown as Native;
  expect(() => createSockDiag(native(refused(1))).tcp(() => {})).toThrow(
    expect.objectContaining({ code: 'EPERM' }),
  );
  createSockDiag(native(DONE)).tcp(() => {});
  expect(closed).toEqual([7, 7]);
});

const native = loadNative();
if (native)
  it('this host: what we have open, as /proc/net/tcp has it', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const client = connect((server.address() as { port: number }).port, '127.0.0.1');
    onTestFinished(() => void client.destroy());
    await once(client, 'connect');
    const ours = new Set(
      readdirSync('/proc/self/fd').flatMap(fd => {
        try {
          return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? [];
        } catch {
          return [];
        }
      }),
    );
    const table = new Map(
      ['tcp', 'tcp6'].flatMap(name =>
        readFileSync(`/proc/self/net/${name}`, 'latin1')
          .split('\n')
          .map(line => line.trim().split(/\s+/))
          .filter(fields => ours.has(fields[9] ?? ''))
          .map(fields => [Number(fields[9]), Number.parseInt(fields[3]!, 16)] as const),
      ),
    );
    const found = new Map<number, number>();
    createSockDiag(native).tcp((inode, state) => ours.has(String(inode)) && found.set(inode, state));
    expect(found).toEqual(table);
    expect([...found.values()]).toEqual(expect.arrayContaining([1, 10]));
  });
