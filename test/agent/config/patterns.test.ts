import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createPatterns, formats } from '../../../agent/config/patterns.ts';
import { cpuMs } from '../../cpu.ts';

const { regex, glob } = createPatterns();

describe('regex', () => {
  test('finds the leftmost match and its groups', () => {
    const pattern = regex('(?<verb>GET|PUT) (?P<path>\\S+)(!)?');
    expect(pattern.groups).toEqual({ verb: 1, path: 2 });
    expect([...pattern.exec('x GET /a PUT /b')!]).toEqual(['GET /a', 'GET', '/a', undefined]);
    expect(pattern.exec('POST /a')).toBeUndefined();
    expect(pattern.test('PUT /')).toBe(true);
    expect(pattern.source).toBe('(?<verb>GET|PUT) (?P<path>\\S+)(!)?');
  });

  test.each([['(a+)+$'], ['(a|a)*$x'], ['(.*a){12}$'], ['^(\\w+\\s?)*$']])('%s cannot hang', source => {
    const took = cpuMs(() => expect(regex(source).test(`${'a'.repeat(20_000)}!`)).toBe(false));
    expect(took).toBeLessThan(5_000);
  });

  test.each([
    ['(', 'missing closing )'],
    ['a(?=b)', 'invalid or unsupported Perl syntax'],
    ['(a)\\1', 'invalid escape sequence'],
    ['x{1001}', 'invalid repeat count'],
    ['[z-a]', 'invalid character class range'],
  ])('%s is refused', (source, why) => {
    expect(() => regex(source)).toThrow();
    expect(formats.regex(source)).toBe(why);
  });

  test('a good expression has no fault', () => expect(formats.regex('^\\+PONG')).toBeUndefined());
});

/** The meaning of a glob told plainly: segment by segment, `**` standing for any number of them. */
function fits(globs: readonly string[], names: readonly string[]): boolean {
  const [head, ...rest] = globs;
  if (head === undefined) return names.length === 0;
  if (head === '**') return fits(rest, names) || (names.length > 0 && fits(globs, names.slice(1)));
  const one = head
    .replaceAll('.', '\\.')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
    .replaceAll('[!', '[^')
    .replaceAll('{a,b}', '(a|b)');
  return names.length > 0 && new RegExp(`^${one}$`).test(names[0]!) && fits(rest, names.slice(1));
}

describe('glob', () => {
  test.each([
    ['/var/log/*.log', '/var/log/a.log', true],
    ['/var/log/*.log', '/var/log/.hidden.log', true],
    ['/var/log/*.log', '/var/log/sub/a.log', false],
    ['/var/log/*.log', '/var/log/a.log.1', false],
    ['/var/log/*.log', '/var/log/a\nb.log', true],
    ['/var/log/**/*.log', '/var/log/a.log', true],
    ['/var/log/**/*.log', '/var/log/a/b/c.log', true],
    ['/var/**', '/var/log/x', true],
    ['/var/**', '/variety/x', false],
    ['/l/{nginx,apache2}/?.log', '/l/nginx/a.log', true],
    ['/l/{nginx,apache2}/?.log', '/l/redis/a.log', false],
    ['/l/{nginx,apache2}/?.log', '/l/nginx/ab.log', false],
    ['/l/[a-c]*', '/l/bee', true],
    ['/l/[a-c]*', '/l/dee', false],
    ['/l/[!a-c]*', '/l/dee', true],
    ['/l/[!a-c]*', '/l/bee', false],
    ['/l/a.b', '/l/axb', false],
    ['/l/\\*', '/l/*', true],
    ['/l/\\*', '/l/x', false],
    ['!/l/a', '/l/b', false],
  ])('%s and %j: %s', (pattern, path, expected) => expect(glob([pattern])(path)).toBe(expected));

  test('any of several fits; none fits nothing', () => {
    const any = glob(['/a/*', '/b/*.log']);
    expect([any('/a/x'), any('/b/x.log'), any('/b/x'), any('/c/a/x')]).toEqual([true, true, false, false]);
    expect(glob([])('/a')).toBe(false);
  });

  test('eight stars cannot hang', () => {
    const took = cpuMs(() => expect(glob(['/a/*a*a*a*a*a*a*a*b'])(`/a/${'a'.repeat(250)}`)).toBe(false));
    expect(took).toBeLessThan(2_000);
  });

  test('means what a walk over the segments says', () => {
    const segment = fc.string({ unit: fc.constantFrom('a', 'b', '.', '-'), minLength: 1, maxLength: 4 });
    const path = fc.array(
      segment.filter(text => text !== '.' && text !== '..'),
      { minLength: 1, maxLength: 4 },
    );
    const piece = fc.constantFrom('a', 'b', '.', '*', '?', '[ab]', '[!a]', '{a,b}');
    const pattern = fc.array(
      fc.oneof(
        fc.constant('**'),
        fc.array(piece, { minLength: 1, maxLength: 3 }).map(p => p.join('')),
      ),
      {
        minLength: 1,
        maxLength: 4,
      },
    );
    fc.assert(
      fc.property(pattern, path, (p, text) => {
        expect(glob([`/${p.join('/')}`])(`/${text.join('/')}`)).toBe(fits(p, text));
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['/l/]x', '/l/]x', true],
    ['/l/[]x]', '/l/]', true],
    ['/l/[!]x]', '/l/a', true],
    ['/l/[[]', '/l/[', true],
    ['/l/[[:digit:]]', '/l/7', true],
    ['/l/[a\\]b]', '/l/]', true],
    ['/l/[!a]b', '/l//b', false],
    ['/l/a**b', '/l/axxb', true],
    ['/l/a**b', '/l/ax/xb', false],
    ['/l/{a,{b,c}d}.log', '/l/cd.log', true],
    ['/l/{a,{b,c}d}.log', '/l/bc.log', false],
    ['/l/a,b}', '/l/a,b}', true],
    ['**/*.gz', '/a/b/c.gz', true],
    ['*.gz', 'c.gz', true],
    ['*.gz', '/a/c.gz', false],
    ['**', '/a/b', true],
    ['/l/(a+)$^|b', '/l/(a+)$^|b', true],
    ['/l/é😀\n', '/l/é😀\n', true],
  ])('%j and %j: %s', (pattern, path, expected) => expect(glob([pattern])(path)).toBe(expected));

  test.each([
    ['/a/{b', 'a { is not closed'],
    ['/a/[b', 'a [ is not closed'],
    ['/a/b\\', 'nothing follows the last \\'],
    ['/a/[b-a]', 'invalid character class range'],
    ['', 'it is empty'],
  ])('%j is refused', (pattern, why) => expect(formats.glob(pattern)).toBe(why));
});

describe('spans', () => {
  const spans = (source: string, text: string) => createPatterns().regex(source).spans(text);
  test.each<[string, string, number[]]>([
    ['b+', 'abba b', [1, 3, 5, 6]],
    ['x', 'abc', []],
    ['x*', 'ab', []],
    ['', 'ab', []],
    ['(a)-(b)', 'a-b a-b', [0, 1, 2, 3, 4, 5, 6, 7]],
    ['((a)b)', 'ab', [0, 2]],
    ['(a)|b', 'ba', [0, 1, 1, 2]],
    ['(?:(b)|(a))+', 'ab', [0, 1, 1, 2]],
    ['\u00e9', 'caf\u00e9 \u{1f600}\u00e9', [3, 4, 7, 8]],
  ])('%s in %s', (source, text, expected) => expect(spans(source, text)).toEqual(expected));

  test('many matches of a short text are all found', () =>
    expect(spans('a', 'a'.repeat(2000))).toHaveLength(4000));

  test('where each looks through all that is left, the last reaches the end', () => {
    const text = 'x'.repeat(2 ** 18);
    const found = spans('x[^y]*y|x', text);
    expect(found.length).toBeLessThan(2 ** 18);
    expect(found.at(-1)).toBe(text.length);
    expect(found.every((at, i) => i === 0 || at >= found[i - 1]!)).toBe(true);
  });
});
