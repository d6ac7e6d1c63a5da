import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { cleanExtents } from '../../../agent/native/parse-smaps.ts';

const mapping = (head: string, anonymous = 0) => `${head}
Size:               4280 kB
Rss:                4280 kB
Anonymous:          ${anonymous === 0 ? '       0' : `${anonymous}`.padStart(8)} kB
VmFlags: rd mr mw me sd
`;
const cases: [string, string[], number[]][] = [
  [
    'code and constants',
    [
      '00400000-0082e000 r--p 00000000 fd:00 7   /bin/node',
      '0082e000-03489000 r-xp 0042e000 fd:00 7   /bin/node',
    ],
    [0x400000, 0x82e000],
  ],
  [
    'not what can be written to',
    [
      '00400000-0082e000 r--p 00000000 fd:00 7   /bin/node',
      '0082e000-03489000 rw-p 0042e000 fd:00 7   /bin/node',
    ],
    [0x400000],
  ],
  [
    'not a copy elsewhere',
    [
      '00400000-0082e000 r--p 00000000 fd:00 7   /bin/node',
      '7f3c01040000-7f3c01255000 r-xp 00a00000 fd:00 7   /bin/node',
    ],
    [0x400000],
  ],
  [
    'not a library, and not what follows it',
    [
      '00400000-0082e000 r--p 00000000 fd:00 8   /lib/libc.so.6',
      '0082e000-03489000 r-xp 00a00000 fd:00 7   /bin/node',
    ],
    [],
  ],
  [
    'not memory without a file',
    ['00400000-0082e000 r--p 00000000 00:00 0 ', '0082e000-03489000 r--p 00000000 00:00 0   [vvar]'],
    [],
  ],
  ['nor anything of what is none', ['00400000-0082e000', '', 'Anonymous:         0 kB'], []],
];
it.each(cases)('finds %s', (_, heads, expected) => {
  const smaps = heads.map(head => mapping(head)).join('');
  expect(cleanExtents(smaps, '/bin/node').map(({ address }) => address)).toEqual(expected);
});

it('leaves out what was written to before it was made read-only, but not what follows', () => {
  const smaps =
    mapping('00400000-0082e000 r--p 00000000 fd:00 7   /opt/a b (deleted)', 16) +
    mapping('0082e000-03489000 r-xp 0042e000 fd:00 7   /opt/a b (deleted)');
  expect(cleanExtents(smaps, '/opt/a b (deleted)')).toEqual([{ address: 0x82e000, size: 0x2c5b000 }]);
});

if (process.platform === 'linux')
  it('finds the code of this very process', () => {
    const found = cleanExtents(readFileSync('/proc/self/smaps', 'latin1'), process.execPath);
    expect(found.reduce((sum, { size }) => sum + size, 0)).toBeGreaterThan(30 * 2 ** 20);
  });
