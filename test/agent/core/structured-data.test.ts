import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeLogs } from '../../../agent/core/decode.ts';
import { encodeRecord, sealRequest } from '../../../agent/core/encode.ts';
import { ProtoWriter } from '../../../agent/core/protobuf.ts';
import { LogRecord, utf8 } from '../../../agent/core/record.ts';
import { encodeStructure, structureEnd } from '../../../agent/core/structured-data.ts';

/** Structured data as it arrives at a receiver. */
function sent(text: string): unknown {
  const buf = Buffer.from(`x ${text} y`);
  const end = structureEnd(buf, 2, buf.length);
  expect(end).toBe(buf.length - 2);
  const w = new ProtoWriter();
  encodeStructure(w, buf, 2, end);
  const record = new LogRecord();
  record.attributes.value(utf8('s'), w.buf, 0, w.pos);
  const out = new ProtoWriter();
  encodeRecord(out, record);
  const request = sealRequest([{ resource: new Uint8Array(0), records: out.buf, start: 0, end: out.pos }]);
  return [...decodeLogs(request)][0]!.attributes['s'];
}

describe('structured data', () => {
  it.each<[string, unknown]>([
    ['[a]', { a: {} }],
    ['[a@1 x="1" y=""][b z="\u20ac"]', { 'a@1': { x: '1', y: '' }, b: { z: '\u20ac' } }],
    ['[a x="\\"\\\\\\]"]', { a: { x: '"\\]' } }],
    ['[a x="C:\\temp"]', { a: { x: 'C:\\temp' } }],
    ['[origin ip="1" software="s" ip="2" ip="3"]', { origin: { ip: ['1', '2', '3'], software: 's' } }],
    ['[a x="1"][b x="2"]', { a: { x: '1' }, b: { x: '2' } }],
    ['[a ab="1" a="2"]', { a: { ab: '1', a: '2' } }],
  ])('%s', (text, expected) => {
    expect(sent(text)).toEqual(expected);
  });

  it('goes there and back', () => {
    const name = fc.stringMatching(/^[a-z@0-9]{1,8}$/).filter(text => text !== '__proto__');
    const value = fc.string({ unit: 'grapheme', maxLength: 12 });
    const map = fc.dictionary(name, fc.dictionary(name, value, { maxKeys: 4 }), { minKeys: 1, maxKeys: 4 });
    fc.assert(
      fc.property(map, structure => {
        const text = Object.entries(structure)
          .map(([id, parameters]) => {
            const pairs = Object.entries(parameters).map(
              ([key, text]) => ` ${key}="${text.replace(/["\\\]]/g, '\\$&')}"`,
            );
            return `[${id}${pairs.join('')}]`;
          })
          .join('');
        expect(sent(text)).toEqual(structure);
      }),
    );
  });
});
