// Logs of a pod as the kubelet lays them out, and an API server that knows its labels: the real program joins them.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { SERVER } from '../certificates.ts';
import { startBackend } from './backend.ts';
import { createHome, startProgram, tempDir } from './program.ts';

it('a pod has its labels from its first line on, and what it wrote as JSON is read', async () => {
  const directory = tempDir('pods');
  writeFileSync(join(directory, 'token'), 'secret');
  writeFileSync(join(directory, 'ca.crt'), SERVER.cert);
  const pod = { metadata: { uid: 'u-1', labels: { app: 'web' } } };
  const server = createServer(SERVER, ({ url, headers }, response) => {
    if (headers.authorization !== 'Bearer secret') response.writeHead(401).end();
    else if (url!.includes('watch=1')) response.flushHeaders();
    else response.end(JSON.stringify({ metadata: { resourceVersion: '1' }, items: [pod] }));
  });
  await new Promise<void>(ready => server.listen(0, '127.0.0.1', ready));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const logs = join(directory, 'pods/shop_web-0_u-1/nginx');
  mkdirSync(logs, { recursive: true });
  const json = '{"level":"error","msg":"no such page","n":7}';
  writeFileSync(
    join(logs, '2.log'),
    `2026-11-01T00:00:00Z stdout P ${json.slice(0, 9)}\n2026-11-01T00:00:01Z stdout F ${json.slice(9)}\n`,
  );
  const backend = await startBackend();
  const { port } = server.address() as AddressInfo;
  const entry = {
    include: [`${directory}/pods/*/*/*.log`],
    start_at: 'beginning',
    parse: { format: 'cri', content: 'json' },
    kubernetes: { labels: true, node: 'n1', api: `https://127.0.0.1:${port}`, account: directory },
  };
  const program = await startProgram(
    await createHome({ collectors: { files: [entry] }, exporters: { otlp: backend.exporter } }),
  );
  const record = await backend.record(each => each.body === 'no such page');
  expect(record.severity).toBe(17);
  expect(record.resource).toMatchObject({
    'service.name': 'nginx',
    'k8s.pod.name': 'web-0',
    'k8s.container.restart_count': '2',
    'k8s.pod.label.app': 'web',
  });
  expect((await program.stop()).code).toBe(0);
});
