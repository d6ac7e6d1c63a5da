// TCP sockets of a network namespace: ours by the kernel's dump, another's by the files of who is in it.
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { createTcpSockets } from '../../../collectors/processes/tcp.ts';
import { createHost } from '../../procfs.ts';

const LISTEN = '0A';
const CLOSE_WAIT = '08';
const table = (...sockets: (readonly [inode: number, state: string])[]): string =>
  ['  sl  local', ...sockets.map(([inode, state]) => `   0: 0 0 ${state} 0 0 0 0 0 ${inode} 1`), ''].join(
    '\n',
  );

it('of another, out of /proc/PID/net', () => {
  const host = createHost();
  onTestFinished(host.close);
  host.write('proc/10/net/tcp', table([77, LISTEN]));
  host.write('proc/10/net/tcp6', table([78, CLOSE_WAIT]));
  const sockets = createTcpSockets(host.root);
  sockets.begin(0);
  expect([77, 78, 79].map(inode => sockets.stateOf(10, 'net:[1]', inode))).toEqual([
    'listen',
    'close_wait',
    undefined,
  ]);
  expect(sockets.stateOf(11, 'net:[2]', 77)).toBeUndefined();
});

it('asks when one may be another: not for sockets that are none of TCP, but for those, too, once a minute', () => {
  const host = createHost();
  onTestFinished(host.close);
  const sockets = createTcpSockets(host.root);
  const look = (seconds: number, ...inodes: number[]) => {
    sockets.begin(seconds * 1000);
    return inodes.map(inode => sockets.stateOf(10, 'net:[1]', inode));
  };
  const connect = (...of: Parameters<typeof table>) => host.write('proc/10/net/tcp', table(...of));
  expect(look(0, 1, 2)).toEqual([undefined, undefined]);
  connect();
  expect(look(1, 1, 2)).toEqual([undefined, undefined]);
  connect([2, LISTEN], [3, LISTEN]);
  expect(look(2, 1, 2)).toEqual([undefined, undefined]);
  expect(look(3, 1, 2, 3)).toEqual([undefined, undefined, 'listen']);
  connect([2, LISTEN], [3, CLOSE_WAIT]);
  expect(look(59, 1, 2, 3)).toEqual([undefined, undefined, 'close_wait']);
  expect(look(60, 1, 2)).toEqual([undefined, 'listen']);
  connect([2, CLOSE_WAIT]);
  expect(look(61, 1, 2)).toEqual([undefined, 'close_wait']);
});

it('this host: both ways tell the same of a socket', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const inodes = readdirSync('/proc/self/fd').flatMap(fd => {
    try {
      return [Number(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1])];
    } catch {
      return [];
    }
  });
  const sockets = createTcpSockets('/');
  sockets.begin(0);
  const listening = (network: string) =>
    inodes.filter(inode => sockets.stateOf(process.pid, network, inode) === 'listen');
  const own = readlinkSync('/proc/self/ns/net');
  expect(listening(own).length).toBeGreaterThan(0);
  expect(listening(own)).toEqual(listening('another'));
});
