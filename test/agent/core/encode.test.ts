// What we encode, judged by the official decoder and encoder, and read back by our own.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeAttribute } from '../../../agent/core/attribute.ts';
import { decodeLogs, type Value } from '../../../agent/core/decode.ts';
import { encodeOutline, encodeRecord, encodeResource, sealRequest } from '../../../agent/core/encode.ts';
import { ProtoWriter } from '../../../agent/core/protobuf.ts';
import { Kind, LogRecord, type Origin, utf8 } from '../../../agent/core/record.ts';
import { VERSION } from '../../../agent/core/version.ts';
import { toJson } from '../../../exporters/otlp/json.ts';
import manifest from '../../../package.json' with { type: 'json' };
import { decodeOfficial, encodeOfficial, plain } from '../../official.ts';

const origin = (changes: Partial<Origin> = {}): Origin => ({
  service: 'nginx',
  daemon: 'nginx',
  host: undefined,
  attributes: [],
  ...changes,
});
const TRACE: [kind: number, digits: string][] = [
  [Kind.TraceFlags, '01'],
  [Kind.SpanId, 'B7AD6B7169203331'],
  [Kind.TraceId, '0af7651916cd43dd8448eb211c80319c'],
];
const HOST: [string, string][] = [
  ['host.name', 'node-1'],
  ['host.id', 'abc'],
  ['os.type', 'linux'],
];

function seal(fill: (r: LogRecord) => void): Uint8Array {
  const w = new ProtoWriter(16);
  const r = new LogRecord();
  fill(r);
  encodeRecord(w, r);
  return sealRequest([{ resource: encodeResource(origin(), HOST), records: w.copy() }]);
}

function officialRecord(request: Uint8Array) {
  const logs = decodeOfficial('logs', request);
  return logs.resourceLogs![0]!.scopeLogs![0]!.logRecords![0]!;
}
const body = (r: LogRecord, bytes: Uint8Array): void => {
  r.buf = bytes;
  r.bodyStart = 0;
  r.bodyEnd = bytes.length;
};

describe('encodeRecord', () => {
  it('carries every field', () => {
    const request = seal(r => {
      body(r, utf8('head|héllo|tail'));
      r.bodyStart = 5;
      r.bodyEnd = 11;
      r.seconds = 1_795_000_000;
      r.nanos = 123_456_789;
      r.observedSeconds = 1_795_000_001;
      r.observedNanos = 1;
      r.severity = 17;
      r.severityText = utf8('err');
      r.eventName = utf8('eudaemon.daemon.exited');
      r.sourceHigh = 0xdeadbeef;
      r.sourceLow = 0x0000_00ff;
      r.position = 2 ** 40 + 5;
      const a = r.attributes;
      a.text(utf8('text'), utf8('xxvaluexx'), 2, 7);
      a.int(utf8('int'), -42);
      a.double(utf8('double'), 0.25);
      a.bool(utf8('yes'), true);
      a.bool(utf8('no'), false);
      a.value(utf8('list'), Uint8Array.of(0x2a, 4, 0x0a, 2, 0x18, 7));
      a.fields(encodeAttribute('cached.text', 'c'));
      a.fields(encodeAttribute('cached.int', 12));
      for (const [kind, digits] of TRACE)
        expect(a.trace(kind, utf8('key'), utf8(`x${digits}x`), 1, 1 + digits.length)).toBe(true);
      a.text(utf8('last'), utf8('l'));
    });
    const record = officialRecord(request);
    expect(plain(record.attributes)).toEqual({
      text: 'value',
      int: -42,
      double: 0.25,
      yes: true,
      no: false,
      list: [7],
      'cached.text': 'c',
      'cached.int': 12,
      last: 'l',
      'log.record.uid': 'deadbeef000000ff0000010000000005',
    });
    expect(record).toMatchObject({
      timeUnixNano: '1795000000123456789',
      observedTimeUnixNano: '1795000001000000001',
      severityNumber: 17,
      severityText: 'err',
      body: { stringValue: 'héllo' },
      eventName: 'eudaemon.daemon.exited',
      traceId: Buffer.from('0af7651916cd43dd8448eb211c80319c', 'hex').toString('base64'),
      spanId: Buffer.from('b7ad6b7169203331', 'hex').toString('base64'),
      flags: 1,
    });
    expect([...decodeLogs(request)][0]).toMatchObject({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      traceFlags: '01',
    });
    expect(JSON.parse(toJson('logs', request)).resourceLogs[0].scopeLogs[0].logRecords[0]).toMatchObject({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      flags: 1,
    });
  });

  it.each([
    [Kind.TraceId, '0'.repeat(32)],
    [Kind.TraceId, 'a'.repeat(31)],
    [Kind.TraceId, 'g'.repeat(32)],
    [Kind.SpanId, '0'.repeat(16)],
    [Kind.SpanId, '123456789012345'],
    [Kind.SpanId, '12345678901234-6'],
    [Kind.TraceFlags, '1'],
    [Kind.TraceFlags, '0x'],
  ])('trace context of kind %d is not "%s"', (kind, digits) => {
    const a = new LogRecord().attributes;
    expect(a.trace(kind, utf8('key'), utf8(digits), 0, digits.length)).toBe(false);
    expect(a.size).toBe(0);
  });

  it('leaves out what is not known, and keeps an empty body', () => {
    const record = officialRecord(seal(() => {}));
    expect(record).toEqual({ body: { stringValue: '' } });
  });

  it('repairs text and keeps the original', () => {
    const record = officialRecord(
      seal(r => {
        body(r, Uint8Array.of(0x61, 0xff, 0x62));
        r.attributes.text(utf8('name'), Uint8Array.of(0xfc));
      }),
    );
    expect(record.body).toEqual({ stringValue: 'a\ufffdb' });
    expect(plain(record.attributes)).toEqual({ name: '\ufffd', 'log.record.original': 'Yf9i' });
  });

  const times: [seconds: number, nanos: number, expected: string | undefined][] = [
    [0, 0, undefined],
    [0, 5, undefined],
    [-1, 0, undefined],
    [1, 0, '1000000000'],
    [1, 999_999_999, '1999999999'],
    [4, 294_967_295, '4294967295'],
    [4, 294_967_296, '4294967296'],
    [65_535, 999_999_999, '65535999999999'],
    [2 ** 31, 1, '2147483648000000001'],
    [2 ** 32 + 1, 7, '4294967297000000007'],
    [18_446_744_072, 999_999_999, '18446744072999999999'],
    [18_446_744_073, 0, undefined],
    [253_402_300_799, 0, undefined],
    [Number.NaN, 0, undefined],
  ];
  it.each(times)('time %d.%d', (seconds, nanos, expected) => {
    const record = officialRecord(
      seal(r => {
        r.seconds = seconds;
        r.nanos = nanos;
      }),
    );
    expect(record.timeUnixNano).toBe(expected);
  });

  it('gives every nanosecond exactly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 34 }), fc.nat(999_999_999), (seconds, nanos) => {
        const [record] = decodeLogs(
          seal(r => {
            r.seconds = seconds;
            r.nanos = nanos;
          }),
        );
        expect(record!.time).toBe(BigInt(seconds) * 1_000_000_000n + BigInt(nanos));
      }),
    );
  });

  it.each([2 ** 53, Number.NaN, 1.5, Number.POSITIVE_INFINITY])(
    'integer %d leaves as the double it is',
    n => {
      const [record] = decodeLogs(seal(r => r.attributes.int(utf8('n'), n)));
      expect(record!.attributes).toEqual({ n });
      expect(officialRecord(seal(r => r.attributes.int(utf8('n'), n)))).toHaveProperty('attributes');
    },
  );

  it('round trips any record', () => {
    const anyAttribute = fc.oneof(
      fc.record({ kind: fc.constant('text' as const), value: fc.uint8Array({ maxLength: 300 }) }),
      fc.record({ kind: fc.constant('int' as const), value: fc.maxSafeInteger() }),
      fc.record({ kind: fc.constant('double' as const), value: fc.double() }),
      fc.record({ kind: fc.constant('bool' as const), value: fc.boolean() }),
    );
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 20_000 }),
        fc.dictionary(fc.string({ minLength: 1, unit: 'binary' }), anyAttribute, { maxKeys: 12 }),
        fc.record({
          severity: fc.integer({ min: 0, max: 24 }),
          uid: fc.boolean(),
          name: fc.string(),
          outlined: fc.boolean(),
        }),
        (text, attributes, { severity, uid, name, outlined }) => {
          const expected: [string, Value][] = [];
          const request = seal(r => {
            body(r, text);
            r.severity = severity;
            r.severityText = utf8('as it came');
            r.seconds = 1_795_000_000;
            r.nanos = 5;
            r.observedSeconds = severity % 2 === 0 ? 1_795_000_001 : 0;
            if (!outlined) r.eventName = utf8(name);
            if (uid) {
              r.position = 77;
              expected.push(['log.record.uid', '0'.repeat(30).concat('4d')]);
            }
            for (const [key, { kind, value }] of Object.entries(attributes)) {
              r.attributes[kind](utf8(key), value as never);
              expected.push([key, kind === 'text' ? decode(value as Uint8Array) : (value as Value)]);
            }
            if (outlined) r.outline = encodeOutline(r);
          });
          const whole = decode(text);
          if (!Buffer.from(whole).equals(text)) expected.push(['log.record.original', text]);
          const [record] = decodeLogs(request);
          expect(record!.body).toBe(whole);
          expect(record!.severity).toBe(severity);
          expect(record!.severityText).toBe('as it came');
          expect(record!.time).toBe(1_795_000_000_000_000_005n);
          expect(record!.observed).toBe(severity % 2 === 0 ? 1_795_000_001_000_000_000n : 0n);
          expect(record!.eventName).toBe(outlined ? '' : name);
          expect(record!.attributes).toEqual(Object.fromEntries(expected));
          expect(officialRecord(request).body).toEqual({ stringValue: whole });
        },
      ),
      { numRuns: 150 },
    );
  });
});

const decode = (bytes: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);

describe('sealRequest', () => {
  const one = (text: string): Uint8Array => {
    const w = new ProtoWriter();
    const r = new LogRecord();
    body(r, utf8(text));
    encodeRecord(w, r);
    return w.copy();
  };

  it('groups records below their resources, under the scope of the agent', () => {
    const pool = Uint8Array.from([...one('skipped'), ...one('a'), ...one('b'), ...one('cut')]);
    const start = one('skipped').length;
    const request = sealRequest([
      {
        resource: encodeResource(origin({ attributes: [['k8s.pod.name', 'p']] }), HOST),
        records: pool,
        start,
        end: start + one('a').length * 2,
      },
      { resource: encodeResource(origin({ service: 'cron' }), HOST), records: one('c') },
    ]);
    const logs = decodeOfficial('logs', request).resourceLogs!;
    expect(plain(logs[0]!.resource!.attributes)).toEqual({
      'service.name': 'nginx',
      'k8s.pod.name': 'p',
      'host.name': 'node-1',
      'host.id': 'abc',
      'os.type': 'linux',
    });
    expect(logs.map(each => each.scopeLogs![0]!.scope)).toEqual([
      { name: 'eudaemon', version: VERSION },
      { name: 'eudaemon', version: VERSION },
    ]);
    expect([...decodeLogs(request)].map(r => [r.resource['service.name'], r.body])).toEqual([
      ['nginx', 'a'],
      ['nginx', 'b'],
      ['cron', 'c'],
    ]);
  });

  it('is empty without groups', () => {
    expect(sealRequest([])).toHaveLength(0);
    expect([...decodeLogs(sealRequest([]))]).toEqual([]);
  });

  it('says nothing of our host for a relayed message', () => {
    const resource = encodeResource(origin({ host: 'router' }), [
      ...HOST,
      ['k8s.node.name', 'node-1'],
      ['site', 'b'],
    ]);
    const request = sealRequest([{ resource, records: one('x') }]);
    const [record] = decodeLogs(request);
    expect(record!.resource).toEqual({ 'service.name': 'nginx', 'host.name': 'router', site: 'b' });
    expect(decodeOfficial('logs', request).resourceLogs).toHaveLength(1);
  });

  it("lets an origin's own attribute win over the host's, once", () => {
    const resource = encodeResource(origin({ attributes: [['host.id', 'container-host']] }), HOST);
    const [record] = decodeLogs(sealRequest([{ resource, records: one('x') }]));
    expect(record!.resource).toMatchObject({ 'host.id': 'container-host', 'host.name': 'node-1' });
    expect(Object.keys(record!.resource)).toHaveLength(4);
  });
});

describe('decodeLogs', () => {
  it('reads every kind of value, as the official encoder writes it', () => {
    const attributes = [
      { key: 'text', value: { stringValue: '\ufeffbom' } },
      { key: 'int', value: { intValue: '-7' } },
      { key: 'wide', value: { intValue: '9223372036854775807' } },
      { key: 'low', value: { intValue: '-9223372036854775808' } },
      { key: 'double', value: { doubleValue: -0.5 } },
      { key: 'true', value: { boolValue: true } },
      { key: 'false', value: { boolValue: false } },
      { key: 'bytes', value: { bytesValue: 'AP8=' } },
      { key: 'list', value: { arrayValue: { values: [{ stringValue: 'a' }, { intValue: '1' }] } } },
      { key: 'map', value: { kvlistValue: { values: [{ key: '__proto__', value: { intValue: '1' } }] } } },
      { key: 'empty' },
    ];
    const request = encodeOfficial('logs', {
      resourceLogs: [{ scopeLogs: [{ logRecords: [{ attributes, timeUnixNano: '5' }] }] }],
    });
    const [record] = decodeLogs(request);
    const { map, ...rest } = record!.attributes;
    expect(rest).toEqual({
      text: '\ufeffbom',
      int: -7,
      wide: 2n ** 63n - 1n,
      low: -(2n ** 63n),
      double: -0.5,
      true: true,
      false: false,
      bytes: Uint8Array.of(0, 255),
      list: ['a', 1],
      empty: null,
    });
    expect(Object.entries(map as object)).toEqual([['__proto__', 1]]);
    expect(record!.time).toBe(5n);
  });

  it('finds the resource behind its records', () => {
    const resource = encodeResource(origin(), []);
    const swapped = Uint8Array.from([
      0x0a,
      6 + resource.length,
      0x12,
      2,
      0x12,
      0,
      0x0a,
      resource.length,
      ...resource,
    ]);
    expect([...decodeLogs(swapped)].map(r => r.resource)).toEqual([{ 'service.name': 'nginx' }]);
  });

  it('refuses bottomless nesting', () => {
    let value: Uint8Array = Uint8Array.of(0x18, 1);
    for (let i = 0; i < 1000; i++) {
      const w = new ProtoWriter(value.length + 16);
      w.tag(5, 2);
      const list = w.begin(value.length + 8);
      w.tag(1, 2);
      w.bytes(value);
      w.end(list);
      value = w.copy();
    }
    const request = seal(r => r.attributes.value(utf8('deep'), value));
    expect(() => [...decodeLogs(request)]).toThrow('nested deeper than 100');
  });

  it('ends on any damage, with an Error at most', () => {
    const good = seal(r => {
      body(r, utf8('some text'));
      r.severity = 9;
      r.seconds = 1;
      r.position = 1;
      r.attributes.int(utf8('n'), 5);
    });
    fc.assert(
      fc.property(
        fc.nat(good.length - 1),
        fc.integer({ min: 0, max: 255 }),
        fc.nat(good.length),
        (at, byte, cut) => {
          const damaged = good.slice(0, Math.max(cut, at + 1));
          damaged[at] = byte;
          try {
            for (const record of decodeLogs(damaged)) expect(typeof record.time).toBe('bigint');
          } catch (error) {
            expect((error as Error).message).toMatch(/^cannot decode /);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

it('tells one version', () => {
  expect(VERSION).toBe(manifest.version);
});
