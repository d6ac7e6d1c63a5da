// Metrics pushed to a real receiver: our own families, and what the SDK tells about the agent.
import { afterEach, describe, expect, it } from 'vitest';
import type { ExporterRoom, MetricExporter } from '../../../agent/core/exporter.ts';
import type { Log } from '../../../agent/core/log.ts';
import { createMeter } from '../../../agent/core/meter.ts';
import { metrics } from '../../../exporters/otlp/index.ts';
import type { Protocol } from '../../../exporters/otlp/options.ts';
import { plain } from '../../official.ts';
import { startReceiver } from '../../receiver.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const HOST: [string, string][] = [
  ['host.name', 'node-1'],
  ['host.id', 'abc'],
];
const lines: string[] = [];
const log: Log = {
  debug: message => void lines.push(message),
  info: message => void lines.push(message),
  warn: message => void lines.push(message),
  error: message => void lines.push(message),
  room: () => log,
};
const room: ExporterRoom = {
  name: 'otlp',
  stateDir: '/nowhere',
  log,
  meter: createMeter(),
  host: HOST,
  now: Date.now,
};
const open = async (endpoint: string, protocol: Protocol = 'http/protobuf', interval = 3_600_000) =>
  (await metrics({ logs: true, metrics: true, interval, endpoint, protocol, timeout: 1000 }, room))!;
const families = () => {
  const meter = createMeter(() => 1_795_000_000_000);
  const up = { name: 'eudaemon.daemon.up', type: 'gauge', help: 'Up.', labels: ['daemon'] } as const;
  meter.instrument(up).with('nginx').set(1);
  return meter.families();
};
const never = new AbortController().signal;

describe.each(['http/protobuf', 'http/json'] as const)('%s', protocol => {
  it('pushes families, and the figures of the agent when it closes', async () => {
    const server = await startReceiver();
    closers.push(server.close);
    const exporter = await open(server.url, protocol);
    expect(exporter.everyMs).toBe(3_600_000);
    await exporter.push(families(), 1_795_000_000_000, never);
    expect(server.metrics).toMatchObject([
      { name: 'eudaemon.daemon.up', resource: { 'service.name': 'nginx', 'host.name': 'node-1' } },
    ]);
    await exporter.close();
    // The receiver is strict: it would have refused what it does not understand.
    expect(server.requests.map(request => request.accepted)).toEqual([true, true]);
    const own = server.metrics.slice(1);
    expect(own.map(metric => metric.name).sort()).toEqual([
      'nodejs.eventloop.utilization',
      'process.cpu.time',
      'process.memory.usage',
      'process.unix.file_descriptor.count',
      'process.uptime',
      'v8js.memory.heap.used',
    ]);
    for (const metric of own)
      expect(metric.resource).toMatchObject({
        'service.name': 'eudaemon',
        'service.instance.id': 'node-1',
        'host.name': 'node-1',
        'host.id': 'abc',
        'process.pid': process.pid,
      });
    const cpu = own.find(metric => metric.name === 'process.cpu.time')!.sum!;
    expect(cpu.dataPoints.map(point => plain(point.attributes))).toEqual([
      { 'cpu.mode': 'user' },
      { 'cpu.mode': 'system' },
    ]);
    expect(cpu.dataPoints[0]!.asDouble).toBeGreaterThan(0);
  });
});

describe('a receiver that does not take them', () => {
  it('is a failure, whether final or not', async () => {
    const server = await startReceiver();
    closers.push(server.close);
    const exporter = await open(server.url);
    closers.unshift(exporter.close);
    server.behave(() => ({ status: 404 }));
    await expect(exporter.push(families(), 1, never)).rejects.toMatchObject({
      name: 'RetryLater',
      reason: 'http_404',
    });
    server.behave(() => ({ status: 503 }));
    await expect(exporter.push(families(), 1, never)).rejects.toMatchObject({
      name: 'RetryLater',
      reason: 'http_503',
    });
    server.behave(() => ({ rejected: 1, message: 'no such metric' }));
    await exporter.push(families(), 1, never);
    expect(lines).toContain('receiver rejected metric points: no such metric');
  });

  it('holds up neither start nor close', async () => {
    const server = await startReceiver();
    await server.close();
    const opened: MetricExporter[] = [await open(server.url, 'http/protobuf', 1000), await open(server.url)];
    await expect(opened[0]!.push(families(), 1, never)).rejects.toMatchObject({ reason: 'refused' });
    for (const exporter of opened) await expect(exporter.close()).resolves.toBeUndefined();
  });
});
