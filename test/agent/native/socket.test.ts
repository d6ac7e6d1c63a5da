import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadNative } from '../../../agent/native/index.ts';

const native = loadNative()!;

test.each(['unix', 'tcp'])('who is connected: %s', async kind => {
  const dir = mkdtempSync(join(tmpdir(), 'eudaemon-native-'));
  const server = createServer();
  onTestFinished(() => {
    server.close();
    rmSync(dir, { recursive: true });
  });
  server.listen(kind === 'unix' ? { path: join(dir, 's') } : { port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const address = server.address();
  const client = typeof address === 'string' ? connect(address) : connect(address!.port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket & { _handle: { fd: number } }];
  const peer = native.peerOf(accepted._handle.fd);
  client.destroy();
  // Of a TCP connection the kernel names pid 0 of user -1.
  expect(peer).toEqual(
    kind === 'unix' ? { pid: process.pid, uid: process.getuid!(), gid: process.getgid!() } : undefined,
  );
});
