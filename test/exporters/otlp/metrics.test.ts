// Families as OTLP metrics, judged by the official decoder and encoder, in protobuf and in JSON.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Desc, Family, Point } from '../../../agent/core/metric.ts';
import { toJson } from '../../../exporters/otlp/json.ts';
import { encodeMetrics } from '../../../exporters/otlp/metrics.ts';
import { decodeOfficial, type OfficialPoint, parseOfficial, plain } from '../../official.ts';
import { metricsOf, type ReceivedMetric } from '../../receiver.ts';

const HOST: [string, string][] = [
  ['host.name', 'node-1'],
  ['host.id', 'abc'],
];
const NOW = 1_795_000_000_123;
const CREATED = 1_794_999_000.5;

const CPU: Desc = {
  name: 'eudaemon.daemon.cpu',
  type: 'counter',
  help: 'CPU time.',
  unit: 's',
  labels: ['daemon', 'mode'],
  attributes: { mode: 'cpu.mode' },
};
const UP: Desc = { name: 'eudaemon.collector.up', type: 'gauge', help: '', labels: ['collector'] };
const WAIT: Desc = {
  name: 'eudaemon.health.check.duration',
  type: 'histogram',
  help: 'Duration of a check.',
  unit: 's',
  labels: ['daemon', 'check'],
  buckets: [0.1, 1],
};
const point = (value: number, ...labels: string[]): Point => ({ labels, value, created: CREATED });
const family = (desc: Desc, ...points: Point[]): Family => ({ desc, points });

/** Decodes, and demands that the JSON form says the same. */
function decode(requests: readonly Uint8Array[]): ReceivedMetric[] {
  return requests.flatMap(request => {
    const found = metricsOf(decodeOfficial('metrics', request));
    const json = metricsOf(parseOfficial('metrics', toJson('metrics', request)));
    expect(json).toEqual(JSON.parse(JSON.stringify(found, nonFinite)));
    return found;
  });
}
const nonFinite = (_: string, value: unknown) =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
const pointsOf = (metric: ReceivedMetric): OfficialPoint[] =>
  (metric.sum ?? metric.gauge ?? metric.histogram)!.dataPoints;

describe('encodeMetrics', () => {
  it('tells gauges that add up as sums that may fall, and what is for Prometheus alone not at all', () => {
    const memory: Desc = {
      name: 'system.memory.usage',
      type: 'gauge',
      help: '',
      unit: 'By',
      labels: ['state'],
      additive: true,
    };
    const own: Desc = { name: 'process.open.fds', type: 'gauge', help: '', prometheusOnly: true };
    const requests = encodeMetrics([family(own, point(9)), family(memory, point(3, 'free'))], HOST, NOW);
    const [metric, ...others] = decode(requests);
    expect(others).toEqual([]);
    expect(metric).toMatchObject({ name: 'system.memory.usage', sum: { aggregationTemporality: 2 } });
    expect(metric!.sum).not.toHaveProperty('isMonotonic', true);
    expect(metric!.sum!.dataPoints[0]).toMatchObject({
      startTimeUnixNano: '1794999000500000000',
      asDouble: 3,
    });
  });

  it('gives daemons their own resource, the rest the agent', () => {
    const requests = encodeMetrics(
      [
        family(CPU, point(1.5, 'nginx', 'user'), point(2, 'cron', 'user'), point(3, 'nginx', 'system')),
        family(UP, point(1, 'syslog')),
      ],
      HOST,
      NOW,
    );
    expect(requests).toHaveLength(1);
    const metrics = decode(requests);
    const host = { 'host.name': 'node-1', 'host.id': 'abc', 'service.instance.id': 'node-1' };
    expect(metrics.map(metric => [metric.resource['service.name'], metric.name])).toEqual([
      ['nginx', 'eudaemon.daemon.cpu'],
      ['cron', 'eudaemon.daemon.cpu'],
      ['eudaemon', 'eudaemon.collector.up'],
    ]);
    expect(metrics[0]!.resource).toEqual({ 'service.name': 'nginx', ...host });
    expect(metrics[2]!.resource).toMatchObject({ ...host, 'service.version': expect.any(String) });
    expect(metrics[0]).toMatchObject({
      description: 'CPU time.',
      unit: 's',
      sum: { aggregationTemporality: 2, isMonotonic: true },
    });
    expect(pointsOf(metrics[0]!).map(each => [plain(each.attributes), each.asDouble])).toEqual([
      [{ daemon: 'nginx', 'cpu.mode': 'user' }, 1.5],
      [{ daemon: 'nginx', 'cpu.mode': 'system' }, 3],
    ]);
    expect(pointsOf(metrics[0]!)[0]).toMatchObject({
      startTimeUnixNano: '1794999000500000000',
      timeUnixNano: '1795000000123000000',
    });
    expect(pointsOf(metrics[2]!)[0]).toEqual({
      attributes: [{ key: 'collector', value: { stringValue: 'syslog' } }],
      timeUnixNano: '1795000000123000000',
      asDouble: 1,
    });
  });

  it('turns cumulative buckets into single ones', () => {
    const histogram = { counts: [3, 3, 2 ** 33], sum: 12.5 };
    const metrics = decode(
      encodeMetrics([family(WAIT, { ...point(0, 'nginx', 'web'), histogram })], HOST, NOW),
    );
    expect(metrics[0]!.histogram!.aggregationTemporality).toBe(2);
    expect(pointsOf(metrics[0]!)[0]).toMatchObject({
      count: String(2 ** 33),
      sum: 12.5,
      bucketCounts: ['3', '0', String(2 ** 33 - 3)],
      explicitBounds: [0.1, 1],
    });
    expect(plain(pointsOf(metrics[0]!)[0]!.attributes)).toEqual({ daemon: 'nginx', check: 'web' });
  });

  const values: [value: number][] = [[0], [-1.5], [Number.NaN], [Number.POSITIVE_INFINITY], [2 ** 60]];
  it.each(values)('carries %d', value => {
    const [metric] = decode(encodeMetrics([family(UP, point(value, 'x'))], HOST, NOW));
    expect(pointsOf(metric!)[0]!.asDouble).toBe(value);
  });

  it('leaves out empty labels and empty families', () => {
    expect(encodeMetrics([family(UP), family(CPU)], HOST, NOW)).toEqual([]);
    const [metric] = decode(encodeMetrics([family(CPU, point(1, '', 'user'))], [], NOW));
    expect(metric!.resource).toEqual({ 'service.name': 'eudaemon', 'service.version': expect.any(String) });
    expect(plain(pointsOf(metric!)[0]!.attributes)).toEqual({ 'cpu.mode': 'user' });
  });

  it('splits what is too large, and loses or doubles nothing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ daemon: fc.nat(5), points: fc.integer({ min: 1, max: 60 }) }), {
          maxLength: 12,
        }),
        fc.integer({ min: 200, max: 5000 }),
        (shape, maxBytes) => {
          const sent: string[] = [];
          const families = shape.map(({ daemon, points }, f) =>
            family(
              { ...CPU, name: `family.${f}` },
              ...Array.from({ length: points }, (_, i) => {
                const name = `d${(daemon + i) % 3}`;
                sent.push(`family.${f} ${name} ${i}`);
                return point(i, name, 'user');
              }),
            ),
          );
          const requests = encodeMetrics(families, HOST, NOW, maxBytes);
          // One point and the resource may come on top.
          for (const request of requests) expect(request.length).toBeLessThan(maxBytes + 600);
          const got = decode(requests).flatMap(metric =>
            pointsOf(metric).map(
              each => `${metric.name} ${metric.resource['service.name']} ${each.asDouble}`,
            ),
          );
          expect(got.sort()).toEqual(sent.sort());
        },
      ),
      { numRuns: 50 },
    );
  });
});
