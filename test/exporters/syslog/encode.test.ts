// Records as RFC 5424 messages: what came by syslog goes out as it came, the rest in a form receivers understand.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DecodedRecord } from '../../../agent/core/decode.ts';
import { encodeMessage, type Form, isRelayed } from '../../../exporters/syslog/encode.ts';

const FORM: Form = {
  facility: 3,
  sdId: 'eudaemon@32473',
  maxBytes: 8192,
  hostname: 'node-1',
  mark: 'abc',
  host: [
    ['host.name', 'node-1'],
    ['host.id', 'abc'],
  ],
};
const record = (given: Partial<DecodedRecord> = {}): DecodedRecord => ({
  resource: { 'service.name': 'nginx', 'host.name': 'node-1', 'host.id': 'abc' },
  time: 1_800_000_000_123_456_789n,
  observed: 1_800_000_000_500_000_000n,
  severity: 9,
  severityText: 'info',
  body: 'text',
  eventName: '',
  traceId: '',
  spanId: '',
  traceFlags: '',
  attributes: {},
  ...given,
});
const encode = (given: Partial<DecodedRecord> = {}, form: Partial<Form> = {}): string[] =>
  encodeMessage(record(given), { ...FORM, ...form }).map(each => Buffer.from(each).toString());
const VIA = 'via="abc" service.name="nginx"';

describe('a message', () => {
  const cases: [name: string, given: Partial<DecodedRecord>, message: string][] = [
    [
      'of a file',
      { attributes: { 'log.file.path': '/var/log/x', 'log.record.uid': 'u1' } },
      `<30>1 2027-01-15T08:00:00.123456Z node-1 nginx - - [eudaemon@32473 ${VIA} log.file.path="/var/log/x" log.record.uid="u1"] text`,
    ],
    [
      'that came by syslog, unchanged',
      {
        severity: 18,
        attributes: {
          'syslog.facility': 20,
          'syslog.hostname': 'web-7',
          'syslog.appname': 'httpd',
          'syslog.procid': 'worker/2',
          'syslog.msgid': 'ID47',
          'syslog.version': 1,
          'syslog.structured_data': { 'ex@1': { a: '1', b: 'q"\\]' }, origin: {} },
          'process.pid': 77,
        },
      },
      `<162>1 2027-01-15T08:00:00.123456Z web-7 httpd worker/2 ID47 [eudaemon@32473 ${VIA} process.pid="77"][ex@1 a="1" b="q\\"\\\\\\]"][origin] text`,
    ],
    [
      'of a process',
      { attributes: { 'process.pid': 42 } },
      `<30>1 2027-01-15T08:00:00.123456Z node-1 nginx 42 - [eudaemon@32473 ${VIA}] text`,
    ],
    [
      'that is an event',
      { eventName: 'eudaemon.daemon.exited', time: 0n, severity: 17 },
      `<27>1 2027-01-15T08:00:00.500000Z node-1 nginx - eudaemon.daemon.exited [eudaemon@32473 ${VIA}] text`,
    ],
    [
      'of a trace',
      { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: '01' },
      `<30>1 2027-01-15T08:00:00.123456Z node-1 nginx - - [eudaemon@32473 ${VIA}][opentelemetry trace_id="0af7651916cd43dd8448eb211c80319c" span_id="b7ad6b7169203331" trace_flags="01"] text`,
    ],
    [
      'of a trace that it names itself',
      {
        traceId: '0af7651916cd43dd8448eb211c80319c',
        attributes: { 'syslog.structured_data': { opentelemetry: { trace_id: 'x' } } },
      },
      `<30>1 2027-01-15T08:00:00.123456Z node-1 nginx - - [eudaemon@32473 ${VIA}][opentelemetry trace_id="x"] text`,
    ],
    [
      'of another host, with what is known of it',
      { resource: { 'service.name': 'x', 'host.name': 'other', 'k8s.pod.name': 'p' } },
      '<30>1 2027-01-15T08:00:00.123456Z other x - - [eudaemon@32473 via="abc" service.name="x" k8s.pod.name="p"] text',
    ],
    [
      'whose names fit no grammar',
      { resource: { 'service.name': 'my dæmon' }, attributes: { 'a b]="c': 'v', '': '' } },
      '<30>1 2027-01-15T08:00:00.123456Z node-1 my_d_mon - - [eudaemon@32473 via="abc" service.name="my dæmon" a_b___c="v" _=""] text',
    ],
    [
      'with values of every kind',
      { attributes: { n: 1.5, b: true, z: null, l: [1, 'x'], m: { k: 2n }, y: Uint8Array.of(1, 2) } },
      `<30>1 2027-01-15T08:00:00.123456Z node-1 nginx - - [eudaemon@32473 ${VIA} n="1.5" b="true" z="" l="[1,\\"x\\"\\]" m="{\\"k\\":\\"2\\"}" y="AQI="] text`,
    ],
    [
      'without a text',
      { body: '' },
      `<30>1 2027-01-15T08:00:00.123456Z node-1 nginx - - [eudaemon@32473 ${VIA}]`,
    ],
    [
      'that is a map',
      { body: { a: 1 } },
      `<30>1 2027-01-15T08:00:00.123456Z node-1 nginx - - [eudaemon@32473 ${VIA}] {"a":1}`,
    ],
    [
      'of nobody',
      { resource: {}, body: null },
      '<30>1 2027-01-15T08:00:00.123456Z node-1 - - - [eudaemon@32473 via="abc"]',
    ],
  ];
  it.each(cases)('%s', (_, given, message) => {
    expect(encode(given)).toEqual([message]);
  });

  it('keeps bytes that are not UTF-8', () => {
    const original = Uint8Array.of(0x66, 0xff, 0x00, 0x0a);
    const [message] = encodeMessage(
      record({ body: 'f\ufffd', attributes: { 'log.record.original': original } }),
      FORM,
    );
    expect(Buffer.from(message!.subarray(-4))).toEqual(Buffer.from(original));
  });

  it.each([
    [24, 0],
    [21, 0],
    [19, 1],
    [18, 2],
    [17, 3],
    [16, 4],
    [13, 4],
    [10, 5],
    [9, 6],
    [5, 7],
    [1, 7],
    [0, 5],
  ])('severity %d is %d', (severity, syslog) => {
    expect(encode({ severity })[0]).toMatch(new RegExp(`^<${24 + syslog}>1 `));
  });

  it.each([-1, 24, 1.5, 'daemon'])('a facility of %j is none', facility => {
    expect(encode({ attributes: { 'syslog.facility': facility } })[0]).toMatch(/^<30>1 /);
  });
});

describe('a long message', () => {
  it('goes in parts that say so, and end between characters', () => {
    const body = 'ü€𝄞'.repeat(400);
    const parts = encode({ body }, { maxBytes: 480 });
    expect(parts.length).toBeGreaterThan(5);
    parts.forEach((part, i) => {
      expect(Buffer.byteLength(part)).toBeLessThanOrEqual(480);
      expect(part).toContain(`part="${i + 1}/${parts.length}"]`);
    });
    expect(parts.map(part => part.slice(part.indexOf('] ') + 2)).join('')).toBe(body);
  });

  it('leaves out what is known about it before any of its text', () => {
    const attributes = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [`attribute.${i}`, 'x'.repeat(50)]),
    );
    const parts = encode({ body: 'y'.repeat(1000), attributes }, { maxBytes: 1024 });
    expect(parts.every(part => Buffer.byteLength(part) <= 1024)).toBe(true);
    expect(parts[0]).toContain('attribute.0=');
    expect(parts[0]).not.toContain('attribute.99=');
    expect(parts.map(part => part.slice(part.indexOf('] ') + 2)).join('')).toBe('y'.repeat(1000));
  });

  it('of any text, in any room, has every byte', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 800 }),
        fc.integer({ min: 480, max: 1000 }),
        fc.dictionary(fc.string(), fc.string({ unit: 'binary' })),
        (text, maxBytes, attributes) => {
          const body = text.toWellFormed();
          const parts = encodeMessage(
            record({ body, attributes: { ...attributes, 'log.record.original': undefined! } }),
            {
              ...FORM,
              maxBytes,
            },
          ).map(each => Buffer.from(each));
          const texts = parts.map(part => {
            expect(part.length).toBeLessThanOrEqual(maxBytes);
            return part.subarray(endOfData(part));
          });
          expect(Buffer.concat(texts).toString()).toBe(body);
        },
      ),
      { numRuns: 50 },
    );
  });
});

/** Where the text begins: behind the structured data and a space. */
function endOfData(message: Buffer): number {
  let at = message.indexOf('[');
  while (message[at] === 0x5b) {
    for (at++; message[at] !== 0x5d; at++)
      if (message[at] === 0x22) for (at++; message[at] !== 0x22; at++) if (message[at] === 0x5c) at++;
    at++;
  }
  return Math.min(at + 1, message.length);
}

describe('a message that was forwarded before', () => {
  const relayed = (via: string) =>
    record({ attributes: { 'syslog.structured_data': { 'eudaemon@32473': { via, uid: '7' } } } });
  it.each<[string, boolean]>([
    ['abc', true],
    ['x abc', true],
    ['x', false],
    ['xabc', false],
    ['', false],
  ])('by %j', (via, expected) => {
    expect(isRelayed(relayed(via), FORM)).toBe(expected);
  });
  it('by nobody', () => {
    expect(isRelayed(record(), FORM)).toBe(false);
    expect(isRelayed(record({ attributes: { 'syslog.structured_data': 'x' } }), FORM)).toBe(false);
  });
  it('is known by no attribute of that name', () => {
    expect(encode({ attributes: { via: 'x', part: '1/1', 'service.name': 'y' } })[0]).toContain(
      `[eudaemon@32473 ${VIA}] text`,
    );
  });
  it('by others carries all their marks, in one element', () => {
    const [message] = encode(relayed('x y'));
    expect(message).toContain('[eudaemon@32473 via="x y abc" uid="7" service.name="nginx"] text');
  });
});
