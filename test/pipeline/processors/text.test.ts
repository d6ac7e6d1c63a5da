// Encoded fields taken apart say what they said whole.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeAttribute } from '../../../agent/core/attribute.ts';
import { type DecodedRecord, decodeLogs } from '../../../agent/core/decode.ts';
import { encodeRecord, sealRequest } from '../../../agent/core/encode.ts';
import { ProtoWriter } from '../../../agent/core/protobuf.ts';
import { Kind, LogRecord, utf8 } from '../../../agent/core/record.ts';
import { Unpacker } from '../../../agent/pipeline/processors/text.ts';
import { anyValue } from './rig.ts';

const attributesOf = (record: LogRecord): DecodedRecord['attributes'] => {
  const w = new ProtoWriter();
  encodeRecord(w, record);
  return [...decodeLogs(sealRequest([{ resource: new Uint8Array(0), records: w.copy() }]))][0]!.attributes;
};

const value = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.maxSafeInteger(),
  fc.array(fc.string({ maxLength: 5 }), { maxLength: 3 }),
);
/** How an attribute comes: by itself, in fields that never change, or in a buffer that is used again. */
const entry = fc.tuple(value, fc.constantFrom('alone', 'constant', 'reused'));

test('whatever they hold and however they come', () => {
  const unpacker = new Unpacker();
  const buffer = new ProtoWriter(16);
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 12 }), entries => {
      const record = new LogRecord();
      buffer.reset();
      const constants: [Uint8Array][] = [];
      for (const [i, [given, how]] of entries.entries()) {
        const key = `key.${i}`;
        if (typeof given === 'object') {
          record.attributes.value(utf8(key), anyValue(given));
          continue;
        }
        const isText = typeof given === 'string';
        const encoded = isText ? encodeAttribute(key, given) : encodeAttribute(key, given);
        if (how === 'constant') constants.push([encoded]);
        else if (how === 'reused') buffer.raw(encoded);
        else if (isText) record.attributes.text(utf8(key), utf8(given));
        else record.attributes.int(utf8(key), given);
      }
      for (const [encoded] of constants) record.attributes.fields(encoded);
      record.attributes.fields(buffer.buf, 0, buffer.pos);
      const whole = attributesOf(record);
      expect(Object.keys(whole)).toHaveLength(entries.length);
      unpacker.unpack(record.attributes);
      expect(record.attributes.size).toBe(entries.length);
      expect(record.attributes.kinds.slice(0, record.attributes.size)).not.toContain(Kind.Fields);
      expect(attributesOf(record)).toEqual(whole);
      for (const [i, [given]] of entries.entries())
        if (typeof given === 'number') {
          const at = record.attributes.find(utf8(`key.${i}`));
          expect(record.attributes.numbers[at]).toBe(given);
        }
    }),
    { numRuns: 500 },
  );
});

test('what is at a reused place is read each time', () => {
  const unpacker = new Unpacker();
  const buffer = new Uint8Array(encodeAttribute('k', 'one'));
  const read = (start?: number, end?: number) => {
    const record = new LogRecord();
    record.attributes.fields(buffer, start, end);
    unpacker.unpack(record.attributes);
    return attributesOf(record);
  };
  expect(read(0, buffer.length)).toEqual({ k: 'one' });
  buffer.set(encodeAttribute('k', 'two'));
  expect(read(0, buffer.length)).toEqual({ k: 'two' });
});

test('damaged fields throw, and do not loop', () => {
  const unpacker = new Unpacker();
  const record = new LogRecord();
  record.attributes.fields(encodeAttribute('k', 'value').subarray(0, 9));
  expect(() => unpacker.unpack(record.attributes)).toThrow(/cannot decode protobuf/);
});
