// What a line is: newlines, encodings, limits, and what is no text at all.
import { appendFileSync, copyFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FilesEntry } from '../../../collectors/files/options.ts';
import { Rig } from './rig.ts';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.remove());

type How = Omit<Partial<FilesEntry>, 'include'>;
const bytes = (...parts: (string | number[])[]): Buffer =>
  Buffer.concat(
    parts.map(part => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))),
  );
const utf16 = (text: string, bom = '') => Buffer.from(bom + text, 'utf16le');
const swapped = (text: string) => utf16(text).swap16();

function read(content: Buffer, entry: How = {}): string[] {
  rig.follow({ ...entry, include: ['app.log'], start_at: 'beginning' });
  writeFileSync(rig.path('app.log'), content);
  rig.start();
  return rig.bodies;
}

/** Of each record its text, whether its line goes on, and which record began that line. */
const pieces = () => {
  const uids = rig.records.map(({ attributes }) => attributes['log.record.uid']);
  return rig.records.map(({ body, attributes }) => {
    const first = attributes['eudaemon.partial.uid'];
    return [body, attributes['eudaemon.partial'], first === undefined ? undefined : uids.indexOf(first)];
  });
};

describe('lines', () => {
  it.each<[string, Buffer, How, string[]]>([
    ['LF', bytes('a\nb\n'), {}, ['a', 'b']],
    ['CRLF', bytes('a\r\nb\r\n'), {}, ['a', 'b']],
    ['a return that ends nothing', bytes('a\rb\n\r\n'), {}, ['a\rb', '']],
    ['empty lines', bytes('\n\na\n'), {}, ['', '', 'a']],
    ['an unfinished line', bytes('a\nb'), {}, ['a']],
    ['NULs', bytes('a\0b\n\0\n'), {}, ['a\0b', '\0']],
    ['NULs alone', bytes('\0\0\0\0'), {}, []],
    ['a byte order mark', bytes([0xef, 0xbb, 0xbf], '{}\n'), {}, ['{}']],
    ['a byte order mark that is none', bytes('\xef\xbb\n'), {}, ['\ufffd']],
    ['what is no UTF-8', bytes('te\x86st\n\xc5\n'), {}, ['te\ufffdst', '\ufffd']],
    [
      'surrogates and overlong forms',
      bytes('\xed\xa0\x80|\xc0\xaf\n'),
      {},
      ['\ufffd\ufffd\ufffd|\ufffd\ufffd'],
    ],
    ['a gzip file under another name', bytes([0x1f, 0x8b, 8, 0], '\n\n\n'), {}, []],
    ['a zstd file under another name', zstdCompressSync('a\nb\nc\n'), {}, []],
    ['an xz file under another name', bytes([0xfd], '7zXZ', [0], '\n\n\n'), {}, []],
    ['latin1', bytes('gr\xfc\xdfe\n'), { encoding: 'latin1' }, ['grüße']],
    ['Shift_JIS', bytes('\x83\x5c\x82\xa0\n\xb1\n'), { encoding: 'shift_jis' }, ['ソあ', 'ｱ']],
    ['GBK', bytes('\xc4\xe3\xba\xc3\n'), { encoding: 'gbk' }, ['你好']],
    ['EUC-JP', bytes('\xa4\xa2\r\n'), { encoding: 'euc-jp' }, ['あ']],
    ['an encoding that is UTF-8 after all', bytes('\xc3\xa9\n'), { encoding: 'utf8' }, ['é']],
    ['UTF-16LE', utf16('a\r\n😀\n\n'), { encoding: 'utf-16le' }, ['a', '😀', '']],
    ['UTF-16LE with its mark', utf16('a\nb\n', '\ufeff'), { encoding: 'utf-16le' }, ['a', 'b']],
    ['UTF-16 whose mark says big-endian', swapped('\ufeffa\r\nb\n'), { encoding: 'utf-16' }, ['a', 'b']],
    ['UTF-16 that is big-endian', swapped('äö\r\n😀\n'), { encoding: 'utf-16' }, ['äö', '😀']],
    ['UTF-16BE whose mark says it is not', utf16('\ufeffa\n'), { encoding: 'utf-16be' }, ['a']],
    ['UTF-16 with characters like ASCII', utf16('\u4e00a\n'), { encoding: 'utf-16' }, ['\u4e00a']],
    ['UTF-16BE', swapped('a\r\n😀\n\n'), { encoding: 'utf-16be' }, ['a', '😀', '']],
    [
      'UTF-16 with bytes like newlines',
      utf16('\u0a0a\u010a\u0a00x\n'),
      { encoding: 'utf-16le' },
      ['\u0a0a\u010a\u0a00x'],
    ],
    [
      'UTF-16BE with bytes like newlines',
      swapped('\u0a0a\u0a00\u000b\n'),
      { encoding: 'utf-16be' },
      ['\u0a0a\u0a00\u000b'],
    ],
    ['half a UTF-16 newline', bytes('a\0\n'), { encoding: 'utf-16le' }, []],
    [
      'a lone surrogate',
      Buffer.concat([utf16('\ud83d'), utf16('x\n')]),
      { encoding: 'utf-16le' },
      ['\ufffdx'],
    ],
    ['what a decoder cannot read', bytes('\x81\n'), { encoding: 'shift_jis' }, ['\ufffd']],
    ['a line over the limit, split', bytes('abcdefgh\nxy\n'), { max_line: 3 }, ['abc', 'def', 'gh', 'xy']],
    [
      'a line over the limit, cut',
      bytes('abcdefgh\nxy\n'),
      { max_line: 3, long_lines: 'cut' },
      ['abc', 'xy'],
    ],
    ['a line of just the limit', bytes('abc\r\n'), { max_line: 3, long_lines: 'cut' }, ['abc']],
    ['a limit within a character', bytes('\xc3\xa9\xc3\xa9\n'), { max_line: 3 }, ['é', 'é']],
    [
      'a limit within a character of GB18030',
      bytes('a\xc4\xe3\xba\xc3\x95\x32\x82\x36\n'),
      { max_line: 4, encoding: 'gb18030' },
      ['a你', '好', '𠀀'],
    ],
    ['a hole before the first line', bytes('\0'.repeat(700_000), 'a\nb\0\n'), {}, ['a', 'b\0']],
    [
      'a hole in UTF-16BE',
      Buffer.concat([Buffer.alloc(5000), swapped('a\n')]),
      { encoding: 'utf-16be' },
      ['a'],
    ],
    ['UTF-16 over the limit', utf16('ab😀c\n'), { max_line: 7, encoding: 'utf-16le' }, ['ab', '😀c']],
    [
      'UTF-16 over the limit, cut',
      utf16('abcdefgh\nxy\n'),
      { max_line: 5, long_lines: 'cut', encoding: 'utf-16le' },
      ['ab', 'xy'],
    ],
  ])('%s', (_, content, entry, expected) => {
    expect(read(content, entry)).toEqual(expected);
  });

  it.each(['beginning', 'end'] as const)('of UTF-16 keep the order of its bytes, from the %s', start_at => {
    const write = (text: Buffer) => appendFileSync(rig.path('app.log'), text);
    write(swapped('\ufefffirst\n'));
    rig.follow({ include: ['app.log'], encoding: 'utf-16', start_at });
    rig.start();
    write(swapped('second\n'));
    rig.turn();
    rig.stop();
    write(swapped('third\n'));
    rig.start();
    writeFileSync(rig.path('app.log'), utf16('fourth\n'));
    rig.turn(20_000);
    const all = ['first', 'second', 'third', 'fourth'];
    expect(rig.bodies).toEqual(start_at === 'end' ? all.slice(1) : all);
  });

  it('that are no text come with the bytes they were', () => {
    read(bytes('te\x86st\n'));
    expect(rig.records[0]!.attributes['log.record.original']).toEqual(new Uint8Array(bytes('te\x86st')));
  });

  it('that their encoding does not explain come with the bytes they were', () => {
    read(bytes('\x81\n'), { encoding: 'shift_jis' });
    expect(rig.records[0]!.attributes['log.record.original']).toEqual(new Uint8Array(bytes('\x81\n')));
  });

  it('over the limit are counted, and marked as parts', () => {
    read(bytes('abcdefgh\n'), { max_line: 3 });
    expect(pieces()).toEqual([
      ['abc', true, 0],
      ['def', true, 0],
      ['gh', false, 0],
    ]);
    const [family] = [...rig.meter.families()].filter(({ desc }) => desc.name === 'eudaemon.tail.long_lines');
    expect([...family!.points].map(({ value }) => value)).toEqual([1]);
  });
});

describe('an unfinished line', () => {
  it('waits for its end', () => {
    read(bytes('half'));
    rig.turn(3000);
    expect(rig.bodies).toEqual([]);
    appendFileSync(rig.path('app.log'), ' done\n');
    rig.turn();
    expect(rig.bodies).toEqual(['half done']);
  });

  it('goes out marked when its file has been quiet, and so that its rest joins it', () => {
    read(bytes('half'));
    rig.turn(6000);
    appendFileSync(rig.path('app.log'), ' done\n\n');
    rig.turn(6000);
    expect(pieces()).toEqual([
      ['half', true, 0],
      [' done', false, 0],
      ['', undefined, undefined],
    ]);
  });

  const cri = (tag: string, text: string) => `2026-11-24T15:30:14Z stdout ${tag} ${text}\n`;
  it.each<[string, How, (string | Buffer | number | 'restart' | 'rotate' | 'empty')[], unknown[][]]>([
    [
      'in three pieces',
      {},
      ['x\na', 6000, 'b', 6000, 'c\n'],
      [['x'], ['a', true, 1], ['b', true, 1], ['c', false, 1]],
    ],
    [
      'whose newline comes alone',
      {},
      ['a', 6000, '\nb', 6000, 'c\n'],
      [
        ['a', true, 0],
        ['b', true, 1],
        ['c', false, 1],
      ],
    ],
    [
      'across a restart',
      {},
      ['x\na', 6000, 'restart', 'b\nc\n'],
      [['x'], ['a', true, 1], ['b', false, 1], ['c']],
    ],
    [
      'that is as long as its limit allows',
      { max_line: 2 },
      ['abcd\nefg\n'],
      [
        ['ab', true, 0],
        ['cd', false, 0],
        ['ef', true, 2],
        ['g', false, 2],
      ],
    ],
    [
      'of a joined record',
      { multiline: 'java' },
      ['E: a', 9000, 'b\n\tat x\nc\n', 3000],
      [['E: a', true, 0], ['b\n\tat x', false, 0], ['c']],
    ],
    [
      'of a joined record, across a restart',
      { multiline: 'java' },
      ['E: a', 9000, 'restart', 'b\nc\n', 3000],
      [['E: a', true, 0], ['b', false, 0], ['c']],
    ],
    [
      'of a container',
      { parse: 'cri' },
      [cri('P', 'a'), 6000, cri('P', 'b'), 6000, cri('F', 'c'), cri('F', 'd')],
      [['a', true, 0], ['b', true, 0], ['c', false, 0], ['d']],
    ],
    [
      'of UTF-16 whose byte order mark comes alone',
      { encoding: 'utf-16le' },
      [utf16('\ufeff'), 6000, utf16('a\n')],
      [['a']],
    ],
    ['of a container that is never ended', { parse: 'cri' }, [cri('P', 'a'), 6000], [['a', true, 0]]],
    [
      'of a container, across a restart',
      { parse: 'cri' },
      [
        cri('P', 'a'),
        6000,
        'restart',
        cri('P', 'b'),
        6000,
        'restart',
        cri('F', 'c'),
        'restart',
        cri('F', 'd'),
      ],
      [['a', true, 0], ['b', true, 0], ['c', false, 0], ['d']],
    ],
    [
      'of a container, across a rotation and restarts',
      { parse: 'cri' },
      [
        cri('P', 'a'),
        'rotate',
        'restart',
        cri('P', 'b'),
        'restart',
        cri('F', 'c'),
        'restart',
        cri('F', 'd'),
        cri('P', 'e'),
        'rotate',
        'restart',
        cri('F', 'f'),
      ],
      [['a', true, 0], ['b', true, 0], ['c', false, 0], ['d'], ['e', true, 4], ['f', false, 4]],
    ],
    [
      'of a container, whose file is copied and emptied, and restarts',
      { parse: 'cri' },
      [
        cri('P', 'a'),
        'empty',
        500,
        'restart',
        cri('P', 'b'),
        'empty',
        'restart',
        cri('F', 'c'),
        cri('F', 'd'),
      ],
      [['a', true, 0], ['b', true, 0], ['c', false, 0], ['d']],
    ],
    ['of a container, that takes its time', { parse: 'cri' }, [cri('P', 'a'), 4000, cri('F', 'b')], [['ab']]],
    ['that is cut', { max_line: 2, long_lines: 'cut' }, ['abcd\nx\n'], [['ab'], ['x']]],
  ])('%s is told as such', (_, entry, steps, expected) => {
    read(bytes(''), entry);
    for (const [i, step] of steps.entries())
      if (step === 'restart') {
        rig.stop();
        rig.start();
      } else if (step === 'rotate') {
        rig.tick();
        renameSync(rig.path('app.log'), rig.path('app.log.1'));
        writeFileSync(rig.path('app.log'), '');
      } else if (step === 'empty') {
        rig.tick();
        copyFileSync(rig.path('app.log'), rig.path(`app.log.${steps.length - i}`));
        truncateSync(rig.path('app.log'));
        rig.tick();
      } else if (typeof step === 'number') rig.turn(step);
      else {
        appendFileSync(rig.path('app.log'), step);
        rig.turn();
      }
    expect(pieces()).toEqual(expected.map(([body, partial, of]) => [body, partial, of]));
  });

  it.each<[string, Buffer, Buffer, How]>([
    ['UTF-8', bytes('a\xe2\x82'), bytes('\xac\n'), {}],
    ['UTF-8, nothing before', bytes('\xe2\x82'), bytes('\xac\n'), {}],
    [
      'UTF-16',
      utf16('a€').subarray(0, 3),
      Buffer.concat([utf16('€').subarray(1), utf16('\n')]),
      { encoding: 'utf-16le' },
    ],
    ['Shift_JIS', bytes('a\x83'), bytes('\x5c\n'), { encoding: 'shift_jis' }],
  ])('is never cut within a character of %s', (_, first, rest, entry) => {
    read(first, entry);
    rig.turn(12_000);
    appendFileSync(rig.path('app.log'), rest);
    rig.turn();
    expect(rig.bodies.join('')).toMatch(/^a?[€ソ]$/);
  });
});

it('wherever the writes and reads of a text are cut, its lines are the same', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', 'é', '€', '😀', '\r', '\n', '\0', '\u0a0a'),
    maxLength: 40,
  });
  const form = fc.constantFrom(
    { encoding: 'utf-8', encode: (each: string) => Buffer.from(each) },
    { encoding: 'utf-16le', encode: (each: string) => utf16(each) },
    { encoding: 'utf-16be', encode: swapped },
  );
  fc.assert(
    fc.property(
      text,
      form,
      fc.array(fc.nat(200), { maxLength: 5 }),
      (content, { encoding, encode }, cuts) => {
        const own = new Rig();
        try {
          const whole = encode(`${content}|\n`);
          const places = [...cuts.map(cut => cut % whole.length), 0, whole.length].sort((a, b) => a - b);
          own.follow({ include: ['app.log'], start_at: 'beginning', encoding });
          writeFileSync(own.path('app.log'), '');
          own.start();
          for (let i = 1; i < places.length; i++) {
            appendFileSync(own.path('app.log'), whole.subarray(places[i - 1], places[i]));
            own.turn();
          }
          expect(own.bodies).toEqual(`${content}|`.split('\n').map(line => line.replace(/\r$/, '')));
        } finally {
          own.remove();
        }
      },
    ),
    { numRuns: 150 },
  );
});
