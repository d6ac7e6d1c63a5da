// Small files of /proc, as kernels old and new write them and as nobody does.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createLayout,
  parseIo,
  parseMemory,
  parseOpenFilesLimit,
  parsePageSize,
  parseRights,
  parseStatus,
} from '../../../collectors/processes/parse.ts';

const of = <T>(parse: (buf: Buffer, length: number) => T, text: string): T =>
  parse(Buffer.from(text), Buffer.byteLength(text));
const nan = Number.NaN;

const STATUS: [what: string, text: string, expected: object][] = [
  [
    'a daemon, after an empty line',
    '\nName:\tprometheus\nGroups:\nVmPeak:\t   58472 kB\nVmSize:\t   58440 kB\nVmHWM:\t    8028 kB\nVmRSS:\t    6716 kB\nRssAnon:\t    2092 kB\nRssFile:\t    4624 kB\nVmSwap:\t     660 kB\nThreads:\t1\nvoluntary_ctxt_switches:\t4742839\nnonvoluntary_ctxt_switches:\t1727500\n',
    {
      anonymous: 2142208,
      swap: 675840,
      voluntary: 4742839,
      involuntary: 1727500,
    },
  ],
  [
    'an old kernel, without RssAnon',
    'Name:\tx\nVmSize:\t   16772 kB\nVmRSS:\t    7876 kB\nVmSwap:\t      10 kB\nvoluntary_ctxt_switches:\t72\nnonvoluntary_ctxt_switches:\t6\n',
    { anonymous: nan, swap: 10240, voluntary: 72, involuntary: 6 },
  ],
  [
    'blanks for the tab',
    'Name:   kube-proxy\nVmRSS:     42652 kB\nVmSwap:     4 kB\nThreads:        51\n',
    { swap: 4096, anonymous: nan, voluntary: nan },
  ],
  [
    'a kernel thread, without memory',
    'Name:\tata_sff\nState:\tI (idle)\nThreads:\t1\nvoluntary_ctxt_switches:\t2\nnonvoluntary_ctxt_switches:\t0\n',
    { anonymous: 0, swap: 0, voluntary: 2, involuntary: 0 },
  ],
  ['a name that imitates a line', 'Name:\tVmSwap: 5 kB\nVmSwap:\t7 kB\n', { swap: 7168 }],
  ['longer names that begin alike', 'VmSwapx:\t5 kB\nxVmSwap:\t6 kB\nVmSwap:\t7 kB', { swap: 7168 }],
  ['no number', 'VmSwap:\tmany kB\n', { swap: 0, anonymous: 0 }],
  ['nothing', '', { swap: 0, voluntary: nan }],
];

describe('parseStatus', () => {
  it.each(STATUS)('reads %s', (_, text, expected) => expect(of(parseStatus, text)).toMatchObject(expected));
});

describe('parseMemory', () => {
  it.each([
    ['a process', '665 400 300 5 0 100 0\n', 4096, 2723840, 1638400, 409600],
    ['larger pages', '665 400 300 5 0 100 0\n', 65536, 43581440, 26214400, 6553600],
    ['a zombie', '0 0 0 0 0 0 0\n', 4096, 0, 0, 0],
    ['one that is cut short', '665 400', 4096, 2723840, 1638400, nan],
    ['nothing', '', 4096, nan, nan, nan],
    ['no numbers', 'x y z', 4096, nan, nan, nan],
  ])('reads %s', (_, text, pageSize, virtual, resident, anonymous) =>
    expect(parseMemory(Buffer.from(text), text.length, pageSize)).toEqual({ virtual, resident, anonymous }),
  );
});

describe('parsePageSize', () => {
  const vector = (...entries: [type: number, value: number][]) =>
    Buffer.from(BigUint64Array.from(entries.flat().map(BigInt)).buffer);
  it.each([
    ['at its place', vector([33, 7], [6, 16384], [0, 0]), 16384],
    ['absent', vector([33, 6], [0, 0]), undefined],
    ['cut off', vector([33, 7], [6, 16384]).subarray(0, 24), undefined],
    ['of nothing', Buffer.alloc(0), undefined],
  ])('%s', (_, bytes, expected) => expect(parsePageSize(bytes)).toBe(expected));
  it('of this machine is one that memory comes in', () => {
    const size = parsePageSize(readFileSync('/proc/self/auxv'));
    expect(readFileSync('/proc/self/smaps', 'latin1')).toContain(
      `KernelPageSize: ${String(size! / 1024).padStart(8)} kB`,
    );
  });
});

describe('parseRights', () => {
  it('reads nothing that stands behind the end', () => {
    const own = 'State:\tS (sleeping)\nCapInh:\t0\n';
    const buf = Buffer.from(`${own}Uid:\t0\t33\t0\t0\n`);
    expect(parseRights(buf, own.length)).toBe(of(parseRights, own));
    expect(parseRights(buf, own.length)).not.toBe(0);
  });
});

describe('a layout', () => {
  it('of other statuses changes no result', () => {
    const line = fc.constantFrom(
      'Name:\tx',
      'State:\tS (sleeping)',
      'Uid:\t0\t33\t0\t0',
      'Gid:\t0\t0\t0\t0',
      'VmRSS:\t    6716 kB',
      'VmRSS:\t 1 kB',
      'RssAnon:\t    2092 kB',
      'VmSwap:\t     660 kB',
      'CapInh:\t0',
      'CapPrm:\t000001ffffffffff',
      'voluntary_ctxt_switches:\t47',
      'voluntary_ctxt_switches:\t4742839',
      'nonvoluntary_ctxt_switches:\t6',
      '',
    );
    // A status has no name twice.
    const status = fc.uniqueArray(line, { selector: text => text.split(':')[0] });
    const statuses = fc.array(status, { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(statuses, texts => {
        const layout = createLayout();
        const buf = Buffer.alloc(1024);
        for (const lines of texts) {
          const length = buf.write(`${lines.join('\n')}\n`);
          const own = Buffer.from(buf.subarray(0, length));
          expect(parseStatus(buf, length, layout)).toEqual(parseStatus(own, length));
          expect(parseRights(buf, length, layout)).toBe(parseRights(own, length));
        }
      }),
    );
  });
});

describe('parseIo', () => {
  it.each([
    [
      'a process',
      'rchar: 1605958\nwchar: 69\nsyscr: 5534\nsyscw: 1\nread_bytes: 1814455\nwrite_bytes: 12\ncancelled_write_bytes: 9\n',
      { read: 1814455, written: 12 },
    ],
    ['a kernel without task I/O accounting', 'rchar: 1\n', { read: nan, written: nan }],
    ['only cancelled writes', 'cancelled_write_bytes: 9\n', { read: nan, written: nan }],
  ])('reads %s', (_, text, expected) => expect(of(parseIo, text)).toEqual(expected));
});

describe('parseOpenFilesLimit', () => {
  const limits = (soft: string) =>
    `Limit                     Soft Limit           Hard Limit           Units     \nMax cpu time              unlimited            unlimited            seconds   \nMax open files            ${soft.padEnd(20)} 1048576              files     \n`;
  it.each([
    ['1024', 1024],
    ['1048576', 1048576],
    ['unlimited', Infinity],
    ['', 1048576],
    ['?', nan],
  ])('reads "%s"', (soft, expected) => expect(of(parseOpenFilesLimit, limits(soft))).toBe(expected));
  it('knows nothing of nothing', () => expect(of(parseOpenFilesLimit, 'Max open file 1\n')).toBeNaN());
});

describe('parseRights', () => {
  const status = (change: Record<string, string> = {}) => {
    const lines = { Name: 'x', Uid: '0 0', Gid: '0 0', FDSize: '64', VmRSS: '5 kB', Threads: '1' };
    const rights = {
      CapInh: '0',
      CapPrm: 'ff',
      CapEff: 'ff',
      CapBnd: 'ff',
      CapAmb: '0',
      NoNewPrivs: '0',
      Seccomp: '0',
    };
    const all = Object.entries({ ...lines, ...rights, Cpus_allowed: '3', ...change });
    return of(parseRights, all.map(([name, value]) => `${name}:\t${value}\n`).join(''));
  };
  it.each(['Uid', 'Gid', 'CapPrm', 'CapEff', 'NoNewPrivs', 'Seccomp'])('differ with %s', name =>
    expect(status({ [name]: '33' })).not.toBe(status()),
  );
  it.each(['Name', 'FDSize', 'VmRSS', 'Threads', 'Cpus_allowed'])('stay with another %s', name =>
    expect(status({ [name]: '33' })).toBe(status()),
  );
  it.each(['', 'Uid:', '\nUid:', '\nCapInh:\t0'])('are taken of %j', text =>
    expect(of(parseRights, text)).toBeTypeOf('number'),
  );
});

it('takes any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, led) => {
      const buf = Buffer.concat([Buffer.from(led ? 'VmRSS:' : ''), bytes]);
      for (const value of Object.values(parseStatus(buf, buf.length))) expect(value).not.toBeUndefined();
      parseOpenFilesLimit(buf, buf.length);
      parsePageSize(buf);
      for (const value of Object.values(parseMemory(buf, buf.length, 4096)))
        expect(value).toBeTypeOf('number');
      expect(parseRights(buf, buf.length)).toBeTypeOf('number');
    }),
  );
});
