import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, it, vi } from 'vitest';
import { collect } from './collect.ts';

vi.mock('../../../agent/native/index.ts', () => ({
  loadNative: (unavailable: (cause: string) => void) => {
    unavailable('koffi is away; bring it back');
    return undefined;
  },
}));

it('without native functions datagrams are a fault that names the fix, and streams work', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const collector = await collect({ listen: [{ path: '/tmp/never' }, { tcp: `127.0.0.1:${port}` }] });
  expect(collector.stream.faults()).toEqual([
    'cannot listen for syslog on "/tmp/never": koffi is away; bring it back; stream sockets work without',
  ]);
  connect(port, '127.0.0.1').end('<13>Nov 22 17:35:01 app: streamed\n');
  expect((await collector.until(1))[0]!.body).toBe('streamed');
  await collector.close();
});
