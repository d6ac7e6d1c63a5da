// Which files an entry may name.
import { expect, it } from 'vitest';
import { options } from '../../../collectors/files/options.ts';

it.each<[input: unknown, problems: string[]]>([
  [null, []],
  [[{ include: '/var/log/a.log' }], []],
  [[{ include: ['/var/log/*.log'], exclude: ['*.gz'] }], []],
  [
    [{ include: ['/a', 'app.log'] }, { include: './b' }],
    ['0.include.1: "app.log" is not an absolute path', '1.include: "./b" is not an absolute path'],
  ],
])('%j', (input, expected) => {
  const problems: string[] = [];
  options.parse(input, [], {
    problem: (path, message) => problems.push(`${path.join('.')}: ${message}`),
    formats: { regex: () => undefined, glob: () => undefined },
  });
  expect(problems).toEqual(expected);
});
