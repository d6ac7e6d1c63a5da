// What answers mean, by the OTLP specification; and what a receiver may say without disturbing us.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtoWriter, Wire } from '../../../agent/core/protobuf.ts';
import {
  classifyGrpc,
  classifyHttp,
  type HttpAnswer,
  retryAfterMs,
} from '../../../exporters/otlp/classify.ts';
import { encodeOfficialResponse } from '../../official.ts';

const NOW = Date.UTC(2026, 10, 22, 17, 35, 1);
const PROTOBUF = 'application/x-protobuf';
const JSON_TYPE = 'application/json';
const http = (status: number, rest: Partial<HttpAnswer> = {}) =>
  classifyHttp({ status, contentType: PROTOBUF, retryAfter: undefined, body: NONE, ...rest }, NOW);
const NONE = new Uint8Array(0);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('HTTP statuses', () => {
  const retried = [429, 502, 503, 504];
  const refused = [
    400, 401, 403, 404, 405, 406, 408, 409, 410, 411, 413, 415, 421, 422, 500, 501, 505, 507, 301, 304,
  ];
  it.each([200, 202, 204])('%d is taken', status => {
    expect(http(status)).toEqual({ outcome: 'accepted', rejected: 0, message: '' });
  });
  it.each(retried)('%d is sent again', status => {
    expect(http(status)).toMatchObject({ outcome: 'retry', reason: `http_${status}`, afterMs: undefined });
  });
  it.each(refused)('%d is never sent again', status => {
    expect(http(status)).toMatchObject({ outcome: 'refused', reason: `http_${status}` });
  });
});

describe('success', () => {
  const cases: [name: string, contentType: string, body: Uint8Array, rejected: number, message: string][] = [
    ['full', PROTOBUF, encodeOfficialResponse('logs', 0, ''), 0, ''],
    ['partial logs', PROTOBUF, encodeOfficialResponse('logs', 12, 'old'), 12, 'old'],
    ['partial metrics', PROTOBUF, encodeOfficialResponse('metrics', 3, ''), 3, ''],
    ['a warning', PROTOBUF, encodeOfficialResponse('logs', 0, 'note'), 0, 'note'],
    ['empty partial', PROTOBUF, Uint8Array.of(0x0a, 0), 0, ''],
    ['negative count', PROTOBUF, encodeOfficialResponse('logs', -4, ''), 0, ''],
    ['garbage', PROTOBUF, Uint8Array.of(255, 255, 255, 255), 0, ''],
    [
      'partial JSON',
      JSON_TYPE,
      text('{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"x"}}'),
      2,
      'x',
    ],
    [
      'count as number',
      'Application/JSON; charset=utf-8',
      text('{"partialSuccess":{"rejectedDataPoints":4}}'),
      4,
      '',
    ],
    [
      'unknown fields',
      JSON_TYPE,
      text('{"x":1,"partialSuccess":{"rejectedLogRecords":"1","y":[1,{}]}}'),
      1,
      '',
    ],
    ['no JSON at all', JSON_TYPE, text('OK'), 0, ''],
    ['JSON null', JSON_TYPE, text('null'), 0, ''],
    ['odd types', JSON_TYPE, text('{"partialSuccess":{"rejectedLogRecords":{},"errorMessage":[1]}}'), 0, ''],
    ['empty JSON', JSON_TYPE, text(''), 0, ''],
    ["a proxy's page", 'text/html', encodeOfficialResponse('logs', 12, 'not ours'), 0, ''],
  ];
  it.each(cases)('%s', (_, contentType, body, rejected, message) => {
    expect(http(200, { contentType, body })).toEqual({ outcome: 'accepted', rejected, message });
  });
});

describe('messages', () => {
  const status = (message: string): Uint8Array => {
    const w = new ProtoWriter();
    w.tag(1, Wire.Varint);
    w.varint(3);
    w.tag(2, Wire.Bytes);
    w.string(message);
    return w.copy();
  };
  const cases: [contentType: string, body: Uint8Array, message: string][] = [
    [PROTOBUF, status('bad data'), 'HTTP 400: bad data'],
    [JSON_TYPE, text('{"code":3,"message":"bad data","details":[]}'), 'HTTP 400: bad data'],
    ['text/plain', text(' no token \n'), 'HTTP 400: no token'],
    ['text/html', text('<html>'), 'HTTP 400'],
    [PROTOBUF, Uint8Array.of(0x12, 99), 'HTTP 400'],
    [PROTOBUF, status('x'.repeat(5000)), `HTTP 400: ${'x'.repeat(200)}`],
  ];
  it.each(cases)('%s', (contentType, body, message) => {
    expect(http(400, { contentType, body })).toMatchObject({ message });
  });
});

describe('Retry-After', () => {
  const cases: [header: string | undefined, ms: number | undefined][] = [
    [undefined, undefined],
    ['', undefined],
    ['0', undefined],
    ['4', 4000],
    [' 4 ', 4000],
    ['-4', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['99999999999', 300_000],
    ['9'.repeat(400), 300_000],
    ['Sun, 22 Nov 2026 17:35:05 GMT', 4000],
    ['Sunday, 22-Nov-26 17:35:05 GMT', 4000],
    ['Sun Nov 22 17:35:05 2026', 4000],
    ['Sun Nov  1 17:35:05 2026', undefined],
    ['Sun, 22 Nov 2026 17:34:00 GMT', undefined],
    ['Sun, 22 Nov 2099 17:34:00 GMT', 300_000],
    ['Sun, 99 Foo 2026 17:34:00 GMT', undefined],
    ['2026', 300_000],
  ];
  it.each(cases)('%s', (header, ms) => {
    expect(retryAfterMs(header, NOW)).toBe(ms);
  });
});

describe('gRPC statuses', () => {
  const message = (fields: (w: ProtoWriter) => void): Uint8Array => {
    const w = new ProtoWriter();
    fields(w);
    return w.copy();
  };
  const nested = (field: number, content: Uint8Array) => (w: ProtoWriter) => {
    w.tag(field, Wire.Bytes);
    w.bytes(content);
  };
  const retryInfo = (seconds: number, nanos: number, type = 'type.googleapis.com/google.rpc.RetryInfo') => {
    const duration = message(w => {
      w.tag(1, Wire.Varint);
      w.int64(seconds);
      w.tag(2, Wire.Varint);
      w.int64(nanos);
    });
    const detail = message(w => {
      nested(1, text(type))(w);
      nested(2, message(nested(1, duration)))(w);
    });
    return message(w => {
      nested(2, text('busy'))(w);
      nested(3, message(nested(1, text('type.googleapis.com/google.rpc.DebugInfo'))))(w);
      nested(3, detail)(w);
    });
  };
  const grpc = (status: number, details: Uint8Array = NONE, body: Uint8Array = NONE) =>
    classifyGrpc({ status, message: 'why', details, body });

  it('0 is taken, partially or not', () => {
    expect(grpc(0)).toEqual({ outcome: 'accepted', rejected: 0, message: '' });
    const partial = encodeOfficialResponse('metrics', 5, 'no');
    expect(grpc(0, NONE, partial)).toEqual({ outcome: 'accepted', rejected: 5, message: 'no' });
  });
  it.each([1, 4, 10, 11, 14, 15])('%d is sent again', status => {
    expect(grpc(status)).toEqual({
      outcome: 'retry',
      reason: `grpc_${status}`,
      message: `gRPC status ${status}: why`,
      afterMs: undefined,
    });
  });
  it.each([2, 3, 5, 6, 7, 8, 9, 12, 13, 16])('%d is never sent again', status => {
    expect(grpc(status)).toMatchObject({ outcome: 'refused', reason: `grpc_${status}` });
  });
  it.each([17, 99, 1e9, -1])('%d is unknown', status => {
    const message = `gRPC status ${status}: why`;
    expect(grpc(status)).toEqual({ outcome: 'refused', reason: 'grpc_2', message });
  });

  const delays: [
    name: string,
    status: number,
    details: Uint8Array,
    outcome: string,
    afterMs: number | undefined,
  ][] = [
    ['unavailable for 30 s', 14, retryInfo(30, 0), 'retry', 30_000],
    ['unavailable for no time', 14, retryInfo(0, 0), 'retry', undefined],
    ['exhausted for 250 ms', 8, retryInfo(0, 250_000_000), 'retry', 250],
    ['exhausted for no time', 8, retryInfo(0, 0), 'retry', undefined],
    [
      'exhausted, another detail',
      8,
      retryInfo(1, 0, 'type.googleapis.com/google.rpc.QuotaFailure'),
      'refused',
      undefined,
    ],
    ['exhausted, damaged details', 8, Uint8Array.of(0x1a, 200), 'refused', undefined],
    ['a negative delay', 14, retryInfo(-5, 0), 'retry', undefined],
    ['a delay of years', 14, retryInfo(1e9, 0), 'retry', 300_000],
    ['denied, though with a delay', 7, retryInfo(3, 0), 'refused', undefined],
  ];
  it.each(delays)('%s', (_, status, details, outcome, afterMs) => {
    const verdict = grpc(status, details);
    expect(verdict.outcome).toBe(outcome);
    expect('afterMs' in verdict ? verdict.afterMs : undefined).toBe(afterMs);
  });
});

it('never throws, whatever a receiver says', () => {
  const type = fc.constantFrom(PROTOBUF, JSON_TYPE, 'text/plain', '');
  fc.assert(
    fc.property(
      fc.integer({ min: 100, max: 599 }),
      type,
      fc.uint8Array(),
      fc.string(),
      (status, contentType, body, retryAfter) => {
        const verdict = classifyHttp({ status, contentType, retryAfter, body }, NOW);
        expect(verdict.outcome === 'accepted').toBe(status >= 200 && status < 300);
        expect(
          classifyGrpc({ status: status % 17, message: retryAfter, details: body, body }),
        ).toHaveProperty('outcome');
      },
    ),
  );
});
