// What does a request of OTLP/HTTP cost, beside its records? CPU of this process for one after another, by our own client
// and by the platform's, which serves where there may be a proxy.
//   node --expose-gc --max-semi-space-size=2 --no-parallel-scavenge bench/post.ts [--requests 1000] [--rounds 5]

import { parseArgs } from 'node:util';
import { createHttp } from '../exporters/otlp/http.ts';
import { createProxied } from '../exporters/otlp/proxied.ts';
import { resolve } from '../exporters/otlp/settings.ts';
import type { Transport } from '../exporters/otlp/transport.ts';
import { startOwn } from './process.ts';
import { printTable } from './table.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '5' },
  },
});
const requests = Number(values.requests);
const sink = startOwn('sink.ts');
const endpoint = `http://127.0.0.1:${await sink.line()}`;
const settings = resolve({ endpoint, logs: true, metrics: false, interval: 0 }, {}, 'logs');
const tls = { ca: undefined, cert: undefined, key: undefined, rejectUnauthorized: true };
const body = new Uint8Array(0);

async function measure(client: Transport): Promise<{ user: number; system: number }> {
  const before = process.cpuUsage();
  for (let i = 0; i < requests; i++) {
    const { signal } = new AbortController();
    await client.exchange({ body, encoding: undefined, headers: {}, deadlineMs: 10_000, signal });
  }
  const { user, system } = process.cpuUsage(before);
  return { user: user / requests, system: system / requests };
}

const clients = {
  ours: createHttp(settings, tls, Date.now),
  'node:http': createProxied(settings, tls, Date.now),
};
const rounds: Record<string, { user: number; system: number }[]> = { ours: [], 'node:http': [] };
for (let round = 0; round < Number(values.rounds); round++)
  for (const [name, client] of Object.entries(clients)) rounds[name]!.push(await measure(client));
printTable(
  `${requests} requests, CPU µs each by rounds, user + system`,
  ['', ...Array.from({ length: Number(values.rounds) }, (_, i) => `${i + 1}`)],
  Object.entries(rounds).map(([name, each]) => [
    name,
    ...each.map(({ user, system }) => `${user.toFixed(0)} + ${system.toFixed(0)}`),
  ]),
);
for (const client of Object.values(clients)) await client.close();
await sink.stop();
