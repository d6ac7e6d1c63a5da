// TCP sockets of a network namespace: ours by the kernel's dump, another's by the files of who is in it.
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { createTcpTables } from '../../../collectors/processes/tcp.ts';
import { createHost } from '../../procfs.ts';

it('of another, out of /proc/PID/net', () => {
  const host = createHost();
  onTestFinished(host.close);
  host.write('proc/10/net/tcp', '  sl  local\n   0: 0 0 0A 0 0 0 0 0 77 1\n');
  host.write('proc/10/net/tcp6', '  sl  local\n   0: 0 0 08 0 0 0 0 0 78 1\n');
  const tables = createTcpTables(host.root);
  expect([...tables(10, 'net:[1]')]).toEqual([
    [77, 'listen'],
    [78, 'close_wait'],
  ]);
  expect([...tables(11, '')]).toEqual([]);
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
  const tables = createTcpTables('/');
  const listening = (network: string) =>
    inodes.filter(inode => tables(process.pid, network).get(inode) === 'listen');
  const own = readlinkSync('/proc/self/ns/net');
  expect(listening(own).length).toBeGreaterThan(0);
  expect(listening(own)).toEqual(listening('another'));
});
