// /proc/PID/stat against names that imitate fields, numbers at their limits, old kernels, and cut or foreign bytes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commOf, hasEnded, parseStat, type Stat } from '../../../agent/core/procstat.ts';
import { type FakeProcess, statOf } from '../../procfs.ts';

const parse = (text: string | Uint8Array) => {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  return parseStat(bytes, bytes.length);
};
const OLD = (comm: string) => statOf({ pid: 4242, comm, cpu: [11, 22], start: 7.77, threads: 3 });

const GOOD: [what: string, text: string | Uint8Array, expected: Partial<Stat>][] = [
  [
    'an editor',
    '26231 (vim) R 5392 7446 5392 34835 7446 4218880 32533 309516 26 82 1677 44 158 99 20 0 1 0 82375 56274944 1981 18446744073709551615 4194304 6294284 140736914091744 0 0 0 0 12288 1870679807 0 0 0 17 0 0 0 31 0 0\n',
    {
      pid: 26231,
      comm: 'vim',
      state: 'R',
      ppid: 5392,
      kernelThread: false,
      minorFaults: 32533,
      childMinorFaults: 309516,
      majorFaults: 26,
      childMajorFaults: 82,
      userTicks: 1677,
      systemTicks: 44,
      childUserTicks: 158,
      childSystemTicks: 99,
      threads: 1,
      startTicks: 82375,
    },
  ],
  [
    'a kernel thread with numbers at their limits',
    '33 (ata_sff) S 2 0 0 0 -1 69238880 0 0 0 0 0 0 -9223372036854775808 9223372036854775807 0 -20 1 0 5 0 0 18446744073709551615 0\n',
    { pid: 33, kernelThread: true, threads: 1, startTicks: 5 },
  ],
  ['a long name of a worker', OLD('kworker/0:1H-kblockd'), { comm: 'kworker/0:1H-kblockd', ppid: 1 }],
  ['a name like the following fields', OLD(') S 1 '), { comm: ') S 1 ', state: 'S', ppid: 1, userTicks: 11 }],
  ['a name like another process', OLD('a) R 99 (b'), { comm: 'a) R 99 (b', state: 'S', ppid: 1 }],
  ['an empty name', OLD(''), { comm: '', startTicks: 777, systemTicks: 22 }],
  ['a blank', OLD(' '), { comm: ' ', threads: 3 }],
  ['only parentheses', OLD('))))((((('), { comm: '))))(((((', startTicks: 777 }],
  ['numbers', OLD('1 2 3'), { comm: '1 2 3', ppid: 1 }],
  ['a line end', OLD('a\nb'), { comm: 'a\nb', ppid: 1 }],
  ['UTF-8', OLD('übung'), { comm: 'übung' }],
  ['Latin-1', Buffer.from(OLD('caf\xe9'), 'latin1'), { comm: 'caf\ufffd', startTicks: 777 }],
  ['no newline at the end', OLD('x').trimEnd(), { startTicks: 777 }],
  ['not one field more than needed', OLD('x').split(' ').slice(0, 22).join(' '), { startTicks: 777 }],
];

const BAD: [what: string, text: string][] = [
  ['nothing', ''],
  ['no name', '4242 S 1 2 3'],
  ['an open name', '4242 (daemon S 1 2 3'],
  ['no pid', OLD('x').replace('4242 ', '')],
  ['letters for a pid', OLD('x').replace('4242', 'self')],
  ['cut behind the name', '4242 (x)'],
  ['cut behind the state', '4242 (x) S'],
  ['one field short', OLD('x').split(' ').slice(0, 21).join(' ')],
  ['letters for a number', OLD('x').replace(' 777 ', ' x ')],
  ['another file', 'Name:\tdaemon (x)\nState:\tS (sleeping)\n'],
];

describe('parseStat', () => {
  it.each(GOOD)('reads %s', (_, text, expected) => expect(parse(text)).toMatchObject(expected));
  it.each(BAD)('refuses %s', (_, text) => expect(parse(text)).toBeUndefined());

  it.each(['x', 'caf\u00e9', '\ufffd', '', '1 2 3'])('is the same after a process named %j', comm => {
    const before = parse(OLD(comm));
    for (const [, text] of GOOD) {
      const bytes = Buffer.from(text as string);
      expect(parseStat(bytes, bytes.length, before)).toEqual(parse(text));
    }
  });

  it('brings up to date what it gave of the same process, name, parent, terminal and program, and nothing else', () => {
    const bytes = (changed: Partial<FakeProcess>) =>
      Buffer.from(statOf({ pid: 7, comm: 'x', ppid: 2, start: 5, cpu: [1, 2], ...changed }));
    const first = parse(bytes({}))!;
    const next = bytes({ cpu: [10, 20], threads: 4, state: 'D' });
    expect(parseStat(next, next.length, first)).toBe(first);
    expect(first).toEqual(parse(next));
    for (const changed of [
      { pid: 8 },
      { comm: 'y' },
      { ppid: 1 },
      { start: 6 },
      { terminal: 9 },
      { stack: 9 },
    ]) {
      const other = bytes(changed);
      const stat = parseStat(other, other.length, first);
      expect(stat).not.toBe(first);
      expect(stat).toEqual(parse(other));
      expect(first).toMatchObject({ pid: 7, comm: 'x', ppid: 2, startTicks: 500, terminal: 0, stack: 0 });
    }
  });

  it('comes near numbers beyond 2^53', () => {
    const stat = parse(GOOD[1]![1]);
    expect(stat!.childUserTicks / -(2 ** 63)).toBeCloseTo(1, 12);
    expect(stat!.childSystemTicks / 2 ** 63).toBeCloseTo(1, 12);
  });

  it('reads no further than it is told', () => {
    const bytes = Buffer.from(`${OLD('x')}) S 9 9`);
    expect(parseStat(bytes, OLD('x').length)).toMatchObject({ comm: 'x', ppid: 1 });
  });

  it('gives back any name and any numbers', () => {
    const number = fc.nat({ max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 15 }), number, number, number, (comm, u, s, cu) => {
        const stat = parse(statOf({ pid: 7, comm, cpu: [u, s, cu, 0] }));
        expect(stat).toMatchObject({
          comm: Buffer.from(comm).toString(),
          userTicks: u,
          systemTicks: s,
          childUserTicks: cu,
        });
      }),
    );
  });

  it('takes any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), bytes => void parse(bytes)));
  });
});

it.each([
  ['S', 1, false],
  ['Z', 1, true],
  ['X', 1, true],
  ['Z', 3, false],
  ['T', 1, false],
])('a process in state %s with %i threads has ended: %s', (state, threads, ended) =>
  expect(hasEnded(parse(statOf({ pid: 5, state, threads }))!)).toBe(ended),
);

it.each([
  ['nginx', 'nginx'],
  ['a-name-of-fifteen', 'a-name-of-fifte'],
  ['äöüäöüäöü', 'äöüäöüä\ufffd'],
  ['', ''],
])('the kernel calls %j %j', (name, comm) => expect(commOf(name)).toBe(comm));
