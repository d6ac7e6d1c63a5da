// A request in two: every record once, in order, under its own resource and scope.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeLogs } from '../../../agent/core/decode.ts';
import { encodeRecord, encodeResource, sealRequest } from '../../../agent/core/encode.ts';
import { ProtoWriter } from '../../../agent/core/protobuf.ts';
import { LogRecord, utf8 } from '../../../agent/core/record.ts';
import { splitRequest } from '../../../exporters/otlp/split.ts';
import { decodeOfficial } from '../../official.ts';

/** One resource a service, with so many numbered records. */
function request(sizes: readonly number[]): Uint8Array {
  let n = 0;
  const record = new LogRecord();
  const groups = sizes.map((size, i) => {
    const w = new ProtoWriter();
    for (let k = 0; k < size; k++) {
      record.clear();
      record.buf = utf8(`record ${n++}`);
      record.bodyEnd = record.buf.length;
      encodeRecord(w, record);
    }
    const origin = { service: `s${i}`, daemon: undefined, host: undefined, attributes: [] };
    return { resource: encodeResource(origin, []), records: w.copy() };
  });
  return sealRequest(groups);
}
const read = (bytes: Uint8Array) =>
  Array.from(decodeLogs(bytes), ({ resource, body }) => [resource['service.name'], body]);

it('keeps every record, in order, with its resource', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5), { minLength: 1, maxLength: 5 }), fc.nat(30), (sizes, count) => {
      const whole = request(sizes);
      const [first, rest] = splitRequest(whole, count);
      const total = sizes.reduce((sum, size) => sum + size, 0);
      expect(read(first)).toHaveLength(Math.min(count, total));
      expect([...read(first), ...read(rest)]).toEqual(read(whole));
      for (const half of [first, rest]) decodeOfficial('logs', Buffer.from(half));
    }),
  );
});

it('of three thousand in two resources', () => {
  const [first, rest] = splitRequest(request([1000, 2000]), 1500);
  expect(read(first)).toHaveLength(1500);
  expect(read(rest)[0]).toEqual(['s1', 'record 1500']);
  // The resource whose records are all in the first half is not repeated.
  expect(read(rest).every(([service]) => service === 's1')).toBe(true);
});

it.each([
  ['a length beyond the end', Uint8Array.of(0x0a, 99, 1)],
  ['no field at all', Uint8Array.of(0x00)],
  ['a varint without end', new Uint8Array(20).fill(0xff)],
])('%s is no request', (_, bytes) => {
  expect(() => splitRequest(bytes, 1)).toThrow('cannot decode protobuf');
});
