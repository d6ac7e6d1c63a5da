// The readers against slow and obvious ones, on messages that are right and messages that are nearly so; and any bytes
// at all, in numbers: FUZZ_DATAGRAMS=10000000 for a long run.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeLogs } from '../../../agent/core/decode.ts';
import { encodeRecord, encodeResource, sealRequest } from '../../../agent/core/encode.ts';
import { createMeter } from '../../../agent/core/meter.ts';
import { ProtoWriter } from '../../../agent/core/protobuf.ts';
import { createOrigins } from '../../../agent/core/record.ts';
import { Framer } from '../../../collectors/syslog/frame.ts';
import { Recorder } from '../../../collectors/syslog/record.ts';
import { createSenders } from '../../../collectors/syslog/sender.ts';
import { quiet } from '../../quiet.ts';
import { noDaemons } from './collect.ts';
import { read } from './read.ts';
import { slow5424, slowFrames } from './slow.ts';
import { slow3164 } from './slow-3164.ts';

const latin1 = (text: string) => Buffer.from(text, 'latin1');
const word = (most: number) => fc.stringMatching(new RegExp(`^[!-~]{1,${most}}$`));
const orNil = (some: fc.Arbitrary<string>) => fc.oneof(fc.constant('-'), some);
const two = (most: number) => fc.nat(most).map(n => String(n).padStart(2, '0'));
const time = fc
  .tuple(
    fc.integer({ min: 1970, max: 2105 }),
    two(13),
    two(32),
    two(24),
    two(60),
    two(60),
    fc.constantFrom('', '.0', '.25', '.123456789', '.', '.1234567890'),
    fc.constantFrom('Z', '+00:00', '-07:30', '+23:59', '+24:00', 'z', ''),
  )
  .map(([y, m, d, h, i, s, fraction, zone]) => `${y}-${m}-${d}T${h}:${i}:${s}${fraction}${zone}`);
const value = fc.stringMatching(/^(?:[ !#-Z^-~\x80-\xff]|\\["\\\]n]){0,8}$/);
const element = fc
  .tuple(
    fc.constantFrom('a', 'b@1', 'origin'),
    fc.array(fc.tuple(fc.constantFrom('x', 'ip'), value), { maxLength: 3 }),
  )
  .map(([id, pairs]) => `[${id}${pairs.map(([name, text]) => ` ${name}="${text}"`).join('')}]`);
const structure = fc.array(element, { minLength: 1, maxLength: 3 }).map(elements => elements.join(''));
const text = fc.stringMatching(/^(?:\xef\xbb\xbf)?[ -~\x80-\xff\n]{0,20}$/);
const message = fc
  .tuple(
    fc.oneof(fc.nat(191), fc.nat(999)),
    fc.constantFrom('1', '2', '999', '0'),
    orNil(time),
    orNil(word(12)),
    orNil(fc.oneof(word(12), word(49))),
    orNil(word(5)),
    orNil(fc.oneof(word(5), word(33))),
    orNil(structure),
    fc.option(text, { nil: undefined }),
  )
  .map(
    ([pri, version, ...parts]) => `<${pri}>${version} ${parts.filter(part => part !== undefined).join(' ')}`,
  );
/** One byte more, less or another. */
const slip = fc.tuple(
  fc.nat(200),
  fc.constantFrom('', ' ', ']', '"', '\\', '-', '=', 'x', '\xff', '[', '1'),
  fc.nat(1),
);
const slipped = fc
  .tuple(message, fc.array(slip, { maxLength: 2 }))
  .map(([whole, slips]) =>
    slips.reduce((now, [at, by, out]) => now.slice(0, at) + by + now.slice(at + out), whole),
  );

it('RFC 5424 is read as the grammar has it', () => {
  let good = 0;
  fc.assert(
    fc.property(slipped, input => {
      const trimmed = input.replace(/\n$/, '');
      const expected = slow5424(trimmed);
      const { format, error, ...got } = read(latin1(input));
      expect(format === 'rfc5424').toBe(expected !== undefined);
      if (!expected) return;
      good++;
      expect(error).toBe('');
      expect(got).toEqual(expected);
    }),
    { numRuns: 3000 },
  );
  expect(good).toBeGreaterThan(100);
});

const anyTime = fc.oneof(
  fc.constantFrom(
    '',
    '*',
    '.',
    '12: ',
    '123: r1: ',
    '123: r1: .',
    '1: fe80::1: *',
    ': ',
    '2026 ',
    ': 2026 ',
    '123: 2026 ',
  ),
  fc.constantFrom('', ' '),
);
const bsdTime = fc
  .tuple(
    fc.constantFrom('Jan', 'Feb', 'MAR', 'dec', 'Nov', 'Xov', '\xeaan'),
    fc.constantFrom(' ', '  ', '   '),
    fc.oneof(fc.nat(33).map(String), two(31)),
    fc.constantFrom('', '', ' 1970', ' 2020', ' 1969', ' 2100'),
    two(25),
    two(60),
    two(60),
    fc.constantFrom('', '', '.5', ',25', '.', '.12345678901'),
    fc.constantFrom('', '', ' 2007', ' 3007', ' 2008x'),
  )
  .map(
    ([m, gap, d, year, h, i, s, fraction, late]) => `${m}${gap}${d}${year} ${h}:${i}:${s}${fraction}${late}`,
  );
const isoTime = time.chain(stamp =>
  fc.constantFrom(
    stamp,
    stamp.replace('T', ' '),
    stamp.replace(/(\d\d):(\d\d)$/, '$1$2'),
    stamp.replace('.', ','),
  ),
);
const tagWord = fc.oneof(
  fc.constantFrom(
    'a',
    'app[9]',
    'app[x]',
    'a[b[c]',
    '[9]',
    'a b',
    'http://x',
    'fe80::1',
    '10.0.0.1',
    '%SYS-5-X',
    '{"a":1}',
    '-',
    'a\xe4',
    'a[',
    'a:b',
    'a:',
    ':',
    'a]',
  ),
  word(8),
  fc.constantFrom('x'.repeat(128), 'x'.repeat(129), 'h'.repeat(256)),
);
const local = fc
  .tuple(
    fc.oneof(
      fc.nat(191).map(pri => `<${pri}>`),
      fc.constantFrom('', '<192>', '<007>'),
    ),
    fc.oneof(
      fc.constant(''),
      fc.tuple(anyTime, fc.oneof(bsdTime, isoTime)).map(parts => parts.join('')),
    ),
    fc.constantFrom(
      '',
      ' ',
      '  ',
      ': ',
      ' UTC: ',
      ' gmt: ',
      ' CEST: ',
      ' UTC: %',
      ' gmt: %',
      ' ABCDE: %',
      ' ABCDEF: %',
      'x',
    ),
    fc.array(fc.tuple(tagWord, fc.constantFrom(' ', ': ', ' : ', ':', '  ', '')), { maxLength: 3 }),
    text,
  )
  .map(
    ([pri, stamp, between, words, body]) =>
      pri + stamp + between + words.map(each => each.join('')).join('') + body,
  );

it('RFC 3164 and its relatives are read alike', () => {
  const now = Date.parse('2026-11-22T12:00:00Z');
  let timed = 0;
  fc.assert(
    fc.property(local, input => {
      const message = read(latin1(input), now);
      if (/^<\d+>\d{1,3} /.test(input)) return;
      const expected = slow3164(input.replace(/\n$/, ''), now);
      expect(message.error === '').toBe(expected !== undefined);
      if (!expected) return;
      if (expected.time !== '') timed++;
      const { error: _, ...got } = message;
      expect(got).toEqual(expected);
    }),
    { numRuns: Number(process.env['RUNS'] ?? 5000) },
  );
  expect(timed).toBeGreaterThan(100);
});

it('streams are cut into messages alike', () => {
  const piece = fc.oneof(
    fc.stringMatching(/^<\d>[a-z ]{0,20}$/).map(line => `${line}\n`),
    fc.stringMatching(/^<\d>[a-z \n]{0,20}$/).map(line => `${line.length} ${line}`),
    fc.stringMatching(/^<\d>[a-z]{20,70}$/).map(line => `${line}\n`),
    fc.stringMatching(/^<\d>[a-z]{20,70}$/).map(line => `${line.length} ${line}`),
    fc.constantFrom(
      '\n',
      '\r\n',
      '\0',
      ' ',
      '<',
      '1',
      '12 ',
      '99999999 ',
      '00',
      '123456789 ',
      '0 ',
      'text\n',
      '5 hello',
    ),
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 8 }),
      fc.array(fc.nat(300), { maxLength: 6 }),
      (pieces, cuts) => {
        const stream = pieces.join('');
        const framer = new Framer(40);
        const found: string[] = [];
        const take = (last: boolean) => {
          while (framer.next(last))
            found.push(
              Buffer.from(framer.buf.subarray(framer.start, framer.end)).toString('latin1') +
                (framer.truncated ? '…' : ''),
            );
        };
        const at = [0, ...cuts.map(cut => Math.min(cut, stream.length)).sort((a, b) => a - b), stream.length];
        for (const [i, end] of at.slice(1).entries()) {
          framer.add(Uint8Array.from(latin1(stream.slice(at[i], end))));
          take(false);
        }
        take(true);
        expect(found).toEqual(slowFrames(stream, 40));
      },
    ),
    { numRuns: 3000 },
  );
});

const SEEDS = [
  '<165>1 2003-10-11T22:14:15.003Z host app 42 ID47 [ex@1 a="1" b="2"][two x="\\]"] \ufefftext',
  '<34>Oct 11 22:14:15 mymachine su[230]: failed for lonvick on /dev/pts/8',
  '<30>Nov 22 17:35:01 prog[123]: msg\n',
  '<189>123: r1: *Mar  1 2020 00:00:01.5 UTC: %SYS-5-CONFIG_I: m',
  '<34>2019-02-13T21:53:30.605850+00:00 fe80::1 app: m',
  'plain text \u20ac \0 and more',
].map(seed => Buffer.from(seed));

describe('mutated datagrams', () => {
  const runs = Number(process.env['FUZZ_DATAGRAMS'] ?? 100_000);
  it(`${runs} of them are a record each, without growth`, { timeout: 60_000 + runs / 10 }, () => {
    const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
    let state = seed;
    /** xorshift32 */
    const random = (below: number) => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) % below;
    };
    const origins = createOrigins();
    const recorder = new Recorder({ daemons: noDaemons, origins, meter: createMeter() }, 'here');
    const senders = createSenders({ root: '/', now: Date.now, daemons: noDaemons, origins, log: quiet });
    const writer = new ProtoWriter();
    const buf = new Uint8Array(512);
    let warm = 0;
    for (let i = 0; i < runs; i++) {
      const from = SEEDS[random(SEEDS.length)]!;
      const start = random(8);
      buf.set(from, start);
      let end = start + from.length;
      for (let k = random(6); k > 0; k--) {
        const at = start + random(end - start || 1);
        const kind = random(4);
        if (kind === 0) buf[at] = random(256);
        else if (kind === 1) buf[at] = SEEDS[random(SEEDS.length)]![random(20)]!;
        else if (kind === 2) end = Math.max(start, end - random(10));
        else {
          buf.copyWithin(at + 1, at, end);
          end = Math.min(end + 1, 500);
        }
      }
      // Time goes on, back, and over the ends of years.
      const now = 1_798_750_000_000 + (random(2) === 0 ? i * 7919 : -i * 31);
      recorder.fill(
        buf,
        start,
        end,
        senders.peer(random(2) === 0 ? '' : `192.0.2.${random(250)}`),
        now,
        false,
      );
      const { record } = recorder;
      if (!(record.bodyStart >= start && record.bodyStart <= record.bodyEnd && record.bodyEnd <= end))
        throw new Error(
          `body out of range, seed ${seed}: ${Buffer.from(buf.subarray(start, end)).toString('hex')}`,
        );
      writer.reset();
      encodeRecord(writer, record);
      if (i % 997 === 0) {
        const group = {
          resource: encodeResource(record.origin, []),
          records: writer.buf,
          start: 0,
          end: writer.pos,
        };
        expect([...decodeLogs(sealRequest([group]))]).toHaveLength(1);
      }
      // The caches are full by then.
      if (i === Math.floor(runs / 2)) warm = process.memoryUsage().rss;
    }
    const grown = process.memoryUsage().rss - warm;
    console.info(`seed ${seed}: in the second half RSS grew by ${(grown / 2 ** 20).toFixed(1)} MiB`);
    expect(grown, `seed ${seed}`).toBeLessThan(96 * 2 ** 20);
  });
});
