import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Framer } from '../../../collectors/syslog/frame.ts';

/** The messages in a stream that arrives in these portions; `…` marks a cut one. */
function frames(portions: readonly Uint8Array[], max = 100): string[] {
  const framer = new Framer(max);
  const found: string[] = [];
  const take = (last: boolean) => {
    while (framer.next(last))
      found.push(
        Buffer.from(framer.buf.subarray(framer.start, framer.end)).toString('latin1') +
          (framer.truncated ? '…' : ''),
      );
  };
  for (const portion of portions) {
    framer.add(portion);
    take(false);
  }
  take(true);
  return found;
}

const whole = (text: string): Uint8Array[] => [Buffer.from(text, 'latin1')];
const bytewise = (text: string): Uint8Array[] =>
  [...Buffer.from(text, 'latin1')].map(byte => Buffer.from([byte]));

const long = 'x'.repeat(150);
const cases: [stream: string, messages: string[]][] = [
  ['', []],
  ['\n', []],
  ['<1>a\n<2>b\n', ['<1>a', '<2>b']],
  ['<1>a\n<2>b', ['<1>a', '<2>b']],
  ['<1>a\r\n<2>b\r\n', ['<1>a', '<2>b']],
  ['<1>a\n\n\n<2>b\n', ['<1>a', '<2>b']],
  ['<1>a\0<2>b\nc\0', ['<1>a', '<2>b\nc']],
  ['<1>a\n<2>b\0c\n', ['<1>a', '<2>b\0c']],
  ['<1>00\n <2>01\n<3>02\n', ['<1>00', '<2>01', '<3>02']],
  ['<1>a\n text\n', ['<1>a', ' text']],
  ['4 <1>a4 <2>b', ['<1>a', '<2>b']],
  ['4 <1>a\n4 <2>b\n', ['<1>a', '<2>b']],
  ['6 <1>a\nb4 <2>b', ['<1>a\nb', '<2>b']],
  ['6 <1>a\0b', ['<1>a\0b']],
  ['<1>a\n6 <2>b\nc<3>d\n', ['<1>a', '<2>b\nc', '<3>d']],
  ['21 \xe1rv\xed zt\xfbr\xf5 t\xfck\xf6r', ['\xe1rv\xed zt\xfbr\xf5 t\xfck\xf6r']],
  ['5 hello5 world', ['hello', 'world']],
  ['4 <1>axyz', ['<1>a', 'xyz']],
  ['9 <1>a', ['<1>a']],
  ['123', ['123']],
  ['7 ', ['7 ']],
  ['2024 was a good year\n<1>a\n', ['2024 was a good year', '<1>a']],
  ['12 monkeys\n<1>a\n', ['12 monkeys', '<1>a']],
  ['0 <1>a\n', ['0 <1>a']],
  ['0004 <1>a04 <2>b4 <3>c', ['<1>a', '<2>b', '<3>c']],
  ['007 agents\n<1>a\n', ['007 agents', '<1>a']],
  ['500 <1>a\n<2>b\n', ['500 <1>a', '<2>b']],
  ['500 <1>a\r\n4 <2>b4 <3>c', ['500 <1>a', '<2>b', '<3>c']],
  [`153 <1>a\n${long}`.slice(0, 157), [`<1>a\n${'x'.repeat(95)}…`]],
  ['99999999999 <1>a\n<2>b\n', ['99999999999 <1>a', '<2>b']],
  [`<1>${long}\n<2>b\n`, [`<1>${'x'.repeat(97)}…`, '<2>b']],
  [`<1>${long}`, [`<1>${'x'.repeat(97)}…`]],
  [`<1>a\0<1>${long}\n\0<2>b\0`, ['<1>a', `<1>${'x'.repeat(97)}…`, '<2>b']],
  [`153 <1>${long}4 <2>b`, [`<1>${'x'.repeat(97)}…`, '<2>b']],
  [`153 <1>${long.slice(20)}`, [`<1>${'x'.repeat(97)}…`]],
  [`${'x'.repeat(100)}\n<2>b\n`, ['x'.repeat(100), '<2>b']],
];

describe('messages of a stream', () => {
  it.each(cases)('%j', (stream, messages) => {
    expect(frames(whole(stream))).toEqual(messages);
  });

  it.each(cases)('%j byte by byte', (stream, messages) => {
    expect(frames(bytewise(stream))).toEqual(messages);
  });

  it('are the same however the stream is cut', () => {
    const message = fc.stringMatching(/^<\d>[a-z ]{0,30}$/);
    const framed = fc.oneof(
      message.map(text => ({ text, bytes: `${text}\n` })),
      message.map(text => ({ text, bytes: `${text.length} ${text}` })),
    );
    fc.assert(
      fc.property(
        fc.array(framed, { maxLength: 8 }),
        fc.array(fc.nat(400), { maxLength: 8 }),
        (list, cuts) => {
          const stream = Buffer.from(list.map(({ bytes }) => bytes).join(''));
          const at = [
            0,
            ...cuts.map(cut => Math.min(cut, stream.length)).sort((a, b) => a - b),
            stream.length,
          ];
          const portions = at.slice(1).map((end, i) => Uint8Array.from(stream.subarray(at[i], end)));
          expect(frames(portions)).toEqual(list.map(({ text }) => text));
        },
      ),
    );
  });

  it('never loops and never holds more than one message and a portion, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 20 }), portions => {
        const framer = new Framer(50);
        let got = 0;
        for (const portion of portions) {
          framer.add(portion);
          expect(framer.buf.length).toBeLessThanOrEqual(50 + 60 + 16);
          for (; framer.next(); got += framer.end - framer.start)
            expect(framer.end - framer.start).toBeLessThanOrEqual(50);
        }
        while (framer.next(true)) got += framer.end - framer.start;
        expect(got).toBeLessThanOrEqual(portions.reduce((sum, { length }) => sum + length, 0));
      }),
    );
  });
});
