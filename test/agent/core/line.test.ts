// The stored line, field by field.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DecodedRecord, Value } from '../../../agent/core/decode.ts';
import { createEncoder, isoTime } from '../../../agent/core/line.ts';

const record = (given: Partial<DecodedRecord>): DecodedRecord => ({
  resource: { 'service.name': 'web' },
  time: 1_800_000_000_123_456_789n,
  observed: 1_800_000_001_000_000_000n,
  severity: 0,
  severityText: '',
  body: 'text',
  eventName: '',
  traceId: '',
  spanId: '',
  traceFlags: '',
  attributes: {},
  ...given,
});
const base = {
  time: '2027-01-15T08:00:00.123456789Z',
  observed: '2027-01-15T08:00:01.000000000Z',
  service: 'web',
  body: 'text',
};

describe('createEncoder', () => {
  const encode = createEncoder([
    ['host.name', 'box'],
    ['os.type', 'linux'],
  ]);

  it.each<[what: string, given: Partial<DecodedRecord>, line: object]>([
    ['no more than there is', {}, base],
    ['our time where the sender gave none', { time: 0n }, { ...base, time: base.observed }],
    [
      'severity',
      { severity: 17, severityText: 'ERROR' },
      { ...base, severity: 'ERROR', severity_number: 17 },
    ],
    ['severity without its word', { severity: 13 }, { ...base, severity: 'warning', severity_number: 13 }],
    ['an event', { eventName: 'eudaemon.daemon.exited' }, { ...base, event: 'eudaemon.daemon.exited' }],
    [
      'the trace it belongs to',
      { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: '01' },
      {
        ...base,
        trace_id: '0af7651916cd43dd8448eb211c80319c',
        span_id: 'b7ad6b7169203331',
        trace_flags: '01',
      },
    ],
    ['no service', { resource: {} }, { ...base, service: '' }],
    [
      'what the resource says beyond this host',
      { resource: { 'service.name': 'web', 'host.name': 'box', 'os.type': 'linux', 'k8s.pod.name': 'p' } },
      { ...base, host: 'box', resource: { 'k8s.pod.name': 'p' } },
    ],
    [
      'another host',
      { resource: { 'service.name': 'web', 'host.name': 'far', 'os.type': 'plan9' } },
      { ...base, host: 'far', resource: { 'os.type': 'plan9' } },
    ],
    [
      'values of every kind',
      {
        attributes: {
          big: 2n ** 63n,
          bytes: Uint8Array.of(255, 0),
          list: [1, null, true, [Number.NaN]],
          map: { __proto__: null, deep: { x: 'y' } } as unknown as Value,
          ['__proto__']: 'key',
        },
      },
      {
        ...base,
        attributes: JSON.parse(
          '{"big":"9223372036854775808","bytes":"/wA=","list":[1,null,true,["NaN"]],"map":{"deep":{"x":"y"}},"__proto__":"key"}',
        ),
      },
    ],
    ['a structured body', { body: { a: [1, 'b'] } }, { ...base, body: { a: [1, 'b'] } }],
    ['an empty body', { body: null }, { ...base, body: null }],
  ])('%s', (_, given, line) => {
    expect(JSON.parse(encode(record(given)))).toEqual(line);
  });

  it('gives one line whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), body => {
        const line = encode(record({ body }));
        expect(line.indexOf('\n')).toBe(line.length - 1);
        expect(JSON.parse(line).body).toBe(body);
      }),
    );
  });
});

it.each([
  [0n, '1970-01-01T00:00:00.000000000Z'],
  [1n, '1970-01-01T00:00:00.000000001Z'],
  [1_800_000_000_999_999_999n, '2027-01-15T08:00:00.999999999Z'],
  [2n ** 64n - 1n, '2554-07-21T23:34:33.709551615Z'],
])('isoTime %s', (nanos, expected) => {
  expect(isoTime(nanos)).toBe(expected);
});

it('isoTime keeps the order of times as the order of texts', () => {
  const nanos = fc.bigInt(0n, 2n ** 64n - 1n);
  fc.assert(
    fc.property(nanos, nanos, (a, b) => {
      expect(isoTime(a) < isoTime(b)).toBe(a < b);
    }),
  );
});
