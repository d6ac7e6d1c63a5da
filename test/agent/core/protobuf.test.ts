// The wire format against known bytes, the platform's own UTF-8 decoder, and hostile input.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeAttribute } from '../../../agent/core/attribute.ts';
import { ProtoWriter, Wire } from '../../../agent/core/protobuf.ts';
import { ProtoReader } from '../../../agent/core/protobuf-reader.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const written = (fill: (w: ProtoWriter) => void): string => {
  const w = new ProtoWriter(16);
  fill(w);
  return hex(w.copy());
};
/** The same through a writer that has no room left, so that every write has to grow it. */
const grown = (fill: (w: ProtoWriter) => void): string => {
  const w = new ProtoWriter(16);
  w.raw(new Uint8Array(16));
  fill(w);
  return hex(w.copy().subarray(16));
};

const NUMBERS: [n: number, encoded: string][] = [
  [0, '00'],
  [1, '01'],
  [127, '7f'],
  [128, '8001'],
  [300, 'ac02'],
  [16383, 'ff7f'],
  [16384, '808001'],
  [2 ** 31 - 1, 'ffffffff07'],
  [2 ** 31, '8080808008'],
  [2 ** 32 - 1, 'ffffffff0f'],
  [2 ** 32, '8080808010'],
  [Number.MAX_SAFE_INTEGER, 'ffffffffffffff0f'],
];

const SIGNED: [n: number, encoded: string][] = [
  [-1, 'ffffffffffffffffff01'],
  [-2, 'feffffffffffffffff01'],
  [-128, '80ffffffffffffffff01'],
  [-(2 ** 31), '80808080f8ffffffff01'],
  [-(2 ** 32), '80808080f0ffffffff01'],
  [-Number.MAX_SAFE_INTEGER, '81808080808080f0ff01'],
  [5, '05'],
];

describe('numbers', () => {
  it.each(NUMBERS)('varint %d', (n, encoded) => {
    expect(written(w => w.varint(n))).toBe(encoded);
    expect(grown(w => w.varint(n))).toBe(encoded);
    expect(new ProtoReader(bytes(encoded)).varint()).toBe(n);
  });

  it.each(SIGNED)('int64 %d', (n, encoded) => {
    expect(written(w => w.int64(n))).toBe(encoded);
    expect(new ProtoReader(bytes(encoded)).int64()).toBe(n);
  });

  it('keeps integers beyond 2^53 as bigint', () => {
    expect(new ProtoReader(bytes('ffffffffffffffffff01')).uint64()).toBe(2n ** 64n - 1n);
    expect(new ProtoReader(bytes('80808080808080808001')).int64()).toBe(-(2n ** 63n));
    expect(() => new ProtoReader(bytes('ffffffffffffffffff01')).varint()).toThrow('too large');
  });

  it('writes fixed64 and double little endian', () => {
    expect(written(w => w.fixed64(0x01020304, 0xfffefdfc))).toBe('fcfdfeff04030201');
    expect(written(w => w.double(1.5))).toBe('000000000000f83f');
    expect(new ProtoReader(bytes('fcfdfeff04030201')).fixed64()).toBe(0x01020304fffefdfcn);
    expect(new ProtoReader(bytes('000000000000f83f')).double()).toBe(1.5);
  });
});

describe('text', () => {
  const broken: [name: string, input: string][] = [
    ['lone continuation', '80'],
    ['overlong slash', 'c0af'],
    ['overlong NUL', 'c080'],
    ['surrogate', 'eda080'],
    ['above U+10FFFF', 'f4908080'],
    ['five-byte lead', 'f888808080'],
    ['cut in the middle', '61e282'],
    ['cut before ASCII', 'f09f9841'],
    ['two leads', 'e2e28282'],
    ['Latin-1 word', '6bfc68'],
    ['bad after good', 'c3a9ff'],
  ];
  it.each(broken)('repairs %s as the platform decoder does', (_, input) => {
    const source = bytes(input);
    const w = new ProtoWriter(16);
    expect(w.text(source)).toBe(true);
    expect(new ProtoReader(w.copy()).string()).toBe(new TextDecoder().decode(source));
  });

  it('equals the platform decoder for any bytes, at any place, at any length', () => {
    const interesting = fc.oneof(
      fc.integer({ min: 0, max: 255 }),
      fc.constantFrom(0xe0, 0xed, 0xef, 0xf0, 0xf4, 0x80, 0xa0, 0xbf, 0x90, 0x8f, 0xc2, 0xbb, 0x41),
    );
    // What is short is copied and looked at otherwise than what is long.
    const filling = fc.constantFrom(0, 480, 520, 2000);
    fc.assert(
      fc.property(fc.array(interesting, { maxLength: 300 }), fc.nat(40), filling, (odd, before, plain) => {
        const list = [...new Array(plain).fill(0x61), ...odd];
        const source = Uint8Array.from([...new Array(before).fill(0xff), ...list, 0x80]);
        const w = new ProtoWriter(16);
        const repaired = w.text(source, before, before + list.length);
        const expected = new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(list));
        const reader = new ProtoReader(w.copy());
        expect(reader.string()).toBe(expected);
        expect(repaired).toBe(!Buffer.from(expected).equals(Buffer.from(list)));
        expect(hex(w.copy())).toBe(written(other => other.string(expected)));
      }),
    );
  });

  it('finds the one odd byte wherever it stands in a long text', () => {
    for (const length of [513, 575, 576, 577, 640])
      for (let at = 0; at < length; at++) {
        const source = new Uint8Array(length + 8).fill(0x61);
        source[3 + at] = 0xff;
        expect(new ProtoWriter(16).utf8(source, 3, 3 + length)).toBe(false);
        expect(new ProtoWriter(16).utf8(source, 4 + at, length + 8)).toBe(true);
        expect(new ProtoWriter(16).utf8(source, 0, 3 + at)).toBe(true);
      }
  });

  it('turns lone surrogates of strings into U+FFFD', () => {
    expect(written(w => w.string('a\ud800b'))).toBe('0561efbfbd62');
    expect(grown(w => w.string('é€😀'))).toBe(`09${hex(Buffer.from('é€😀'))}`);
  });
});

describe('nesting', () => {
  it('writes the shortest length whatever was guessed', () => {
    for (const size of [0, 1, 127, 128, 200, 16383, 16384, 20000])
      for (const guess of [0, 127, 128, 16384, 2097152]) {
        const fill = (w: ProtoWriter) => {
          const outer = w.begin(guess);
          const inner = w.begin(guess);
          w.raw(new Uint8Array(size).fill(7));
          w.end(inner);
          w.end(outer);
        };
        const whole = written(fill);
        expect(grown(fill)).toBe(whole);
        const outer = new ProtoReader(bytes(whole)).bytes();
        expect(hex(outer)).toBe(written(w => w.bytes(new Uint8Array(size).fill(7))));
        expect(whole).toBe(written(w => w.bytes(outer)));
      }
  });

  it('gives ready attribute entries', () => {
    expect(hex(encodeAttribute('k', 'v'))).toBe('32080a016b12030a0176');
    expect(hex(encodeAttribute('ключ', 'x'.repeat(200)))).toHaveLength(2 * (3 + 10 + 3 + 3 + 200));
    expect(hex(encodeAttribute('k', 300))).toBe('32080a016b120318ac02');
    expect(hex(encodeAttribute('k', -1))).toBe('32100a016b120b18ffffffffffffffffff01');
  });

  it('starts again after reset', () => {
    const w = new ProtoWriter();
    w.string('first');
    w.reset();
    w.string('x');
    expect(hex(w.copy())).toBe('0178');
  });
});

describe('hostile input', () => {
  const damaged: [name: string, input: string][] = [
    ['tag cut short', '80'],
    ['endless varint', '08ffffffffffffffffffffff'],
    ['length past the end', '0a05616263'],
    ['length of 2^63', '0affffffffffffffff7f'],
    ['fixed64 cut', '09010203'],
    ['fixed32 cut', '0d0102'],
    ['group', '0b'],
    ['wire type 7', '0f'],
    ['field 0', '0001'],
    ['field beyond 2^29', '80808080808080800101'],
  ];
  const drain = (reader: ProtoReader): void => {
    while (reader.next()) reader.skip();
  };
  it.each(damaged)('throws for %s', (_, input) => {
    expect(() => drain(new ProtoReader(bytes(input)))).toThrow(/^cannot decode protobuf at byte \d+: /);
  });

  it('ends for any bytes and stays in its range', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(20), (input, start) => {
        const reader = new ProtoReader(input, Math.min(start, input.length));
        let fields = 0;
        try {
          while (reader.next()) {
            fields++;
            reader.skip();
          }
        } catch (error) {
          expect((error as Error).message).toMatch(/^cannot decode protobuf/);
        }
        expect(fields).toBeLessThanOrEqual(input.length);
      }),
    );
  });

  it('does not let a nested message read its neighbours', () => {
    const inner = new ProtoReader(bytes('0a020a054142434445'));
    inner.next();
    expect(() => drain(inner.message())).toThrow('past the end');
    expect(inner.is(1, Wire.Bytes)).toBe(true);
  });
});
