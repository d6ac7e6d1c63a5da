// Attributes of events as a receiver of OTLP reads them.
import fc from 'fast-check';
import { expect, it, test } from 'vitest';
import { type EventValue, encodeAttribute } from '../../../agent/core/attribute.ts';
import { decodeRecords } from '../../../agent/core/decode.ts';
import { ProtoWriter, Wire } from '../../../agent/core/protobuf.ts';

function read(value: EventValue): unknown {
  const w = new ProtoWriter();
  w.tag(2, Wire.Bytes);
  w.bytes(encodeAttribute('key', value));
  return [...decodeRecords(w.copy())][0]!.attributes['key'];
}

it.each<[EventValue, unknown?]>([
  ['text'],
  [''],
  ['\ud800', '\ufffd'],
  [0],
  [-1],
  [2 ** 40],
  [0.5],
  [Number.NaN],
  [1e300],
  [true],
  [false],
  [null],
  [[]],
  [{}],
  [[1, null, 'a', [2.5]]],
  [{ a: { b: [{ c: 'd' }] } }],
  [{ a: 1, b: undefined }, { a: 1 }],
])('%j', (value, expected = value) => {
  expect(read(value)).toEqual(expected);
});

test('whatever the value', () => {
  const leaf = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
  );
  const { value } = fc.letrec<{ value: EventValue }>(tie => ({
    value: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('value')),
      fc.dictionary(fc.string(), tie('value')),
    ),
  }));
  fc.assert(
    fc.property(value, given => {
      expect(JSON.stringify(read(given))).toEqual(JSON.stringify(given));
    }),
  );
});
