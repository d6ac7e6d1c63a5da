// Expectations read and asked; what is none is refused by name.
import { describe, expect, it } from 'vitest';
import { parseCondition } from '../../../agent/identity/expect.ts';

describe('a condition', () => {
  const MiB = 2 ** 20;
  it.each([
    ['>= 1', 1, true],
    ['>= 1', 0, false],
    ['>=2', 2, true],
    ['<= 3', 3, true],
    ['<= 3', 4, false],
    ['== 2', 2, true],
    ['== 2', 3, false],
    ['!= 0', 0, false],
    ['!= 0', 1, true],
    ['> 0', 0, false],
    ['> 0', 1, true],
    ['< 80%', 0.79, true],
    ['< 80%', 0.8, false],
    ['< 12.5%', 0.12, true],
    ['< 2GiB', 2048 * MiB - 1, true],
    ['< 2GiB', 2048 * MiB, false],
    ['< 1.5MiB', 1.4 * MiB, true],
    ['< 10MB', 10e6, false],
    ['  <   5  ', 4, true],
  ] as const)('%s of %s is %s', (text, actual, holds) =>
    expect(parseCondition(text).holds(actual)).toBe(holds),
  );

  it.each([
    ['< 3 in 10m', 600_000],
    ['< 3 in 1h30m', 5_400_000],
    ['< 3', undefined],
  ])('%s looks back %s ms', (text, ms) => expect(parseCondition(text).withinMs).toBe(ms));

  it.each([
    '',
    '3',
    '= 3',
    '>= ',
    '>= x',
    '>= -1',
    '< 80 %%',
    '< 2XB',
    '< 3 in',
    '< 3 in soon',
    '< 1.2.3',
    '=> 1',
    '<> 1',
  ])('is not %j', text => expect(() => parseCondition(text)).toThrow(`cannot read expectation "${text}"`));
});
