// Thresholds: tables of outcomes and the verdict after each.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge, type Verdict } from '../../../collectors/health/verdict.ts';

const verdicts = (outcomes: string, failures: number, successes: number): string => {
  let verdict: Verdict | undefined;
  return [...outcomes]
    .map(outcome => {
      verdict = judge(verdict, outcome === '+', { failures, successes });
      return verdict.healthy ? '+' : '-';
    })
    .join('');
};

describe('judge', () => {
  it.each([
    ['+', 3, 2, '+'],
    ['-', 3, 2, '-'],
    ['+--', 3, 2, '+++'],
    ['+---', 3, 2, '+++-'],
    ['+--+--', 3, 2, '++++++'],
    ['+--+---', 3, 2, '++++++-'],
    ['-+-+-+', 3, 2, '------'],
    ['-++', 3, 2, '--+'],
    ['-++--', 3, 2, '--+++'],
    ['+-+-', 1, 1, '+-+-'],
  ])('%s with %i failures and %i successes gives %s', (outcomes, failures, successes, expected) => {
    expect(verdicts(outcomes, failures, successes)).toBe(expected);
  });

  it('turns exactly when the last outcomes in a row reach the threshold', () => {
    const outcomes = fc.array(fc.constantFrom('+', '-'), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(outcomes, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), (given, f, s) => {
        const told = verdicts(given.join(''), f, s);
        for (let i = 1; i < given.length; i++) {
          const limit = told[i - 1] === '+' ? f : s;
          const opposite = told[i - 1] === '+' ? '-' : '+';
          const row = given.slice(Math.max(0, i - limit + 1), i + 1);
          const reached = row.length === limit && row.every(outcome => outcome === opposite);
          // The first outcome is the verdict, so it never counts against itself.
          expect(told[i]).toBe(reached ? opposite : told[i - 1]);
        }
      }),
    );
  });
});
