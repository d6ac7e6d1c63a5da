// Texts of /proc as kernels of different ages write them, and as nobody should.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as parse from '../../../collectors/host/parse.ts';

describe('parseStat', () => {
  it('sums interrupts, counts processors and takes the boot time', () => {
    const { seconds, processors, bootTime } = parse.parseStat(
      'cpu  100 200 300 4000 50 6 7 8 9 10\ncpu0 1 2 3\ncpu1 1 2 3\nintr 5 0\nbtime 1700000000\nprocesses 9\n',
    );
    expect(Object.fromEntries(seconds)).toEqual({
      user: 1,
      nice: 2,
      system: 3,
      idle: 40,
      iowait: 0.5,
      interrupt: 0.13,
      steal: 0.08,
    });
    expect({ processors, bootTime }).toEqual({ processors: 2, bootTime: 1_700_000_000 });
  });

  it.each([
    ['an old kernel with four figures', 'cpu 1 2 3 4\n', ['user', 'nice', 'system', 'idle']],
    ['words instead of figures', 'cpu a b 300\nbtime soon\n', ['system']],
    ['nothing', '', []],
  ])('%s', (_, text, modes) => {
    const { seconds, bootTime } = parse.parseStat(text);
    expect([...seconds.keys()]).toEqual(modes);
    expect(bootTime).toBeUndefined();
  });
});

it.each([
  [
    'MemTotal:       24684084 kB\nHugePages_Total:       0\nActive(anon):       1568 kB\n',
    { MemTotal: 25_276_502_016, 'Active(anon)': 1_605_632 },
  ],
  ['MemTotal: many kB\nMemFree: 5 pages\n', {}],
  ['', {}],
])('parseMeminfo case %#', (text, expected) => {
  expect(Object.fromEntries(parse.parseMeminfo(text))).toEqual(expected);
});

it.each([
  ['0.50 0.25 0.10 2/345 6789\n', [0.5, 0.25, 0.1]],
  ['2438.51 4306.66\n', [2438.51, 4306.66]],
  ['nan 1 2', []],
  ['1 -2', [1]],
  ['', []],
])('parseNumbers %j', (text, expected) => {
  expect(parse.parseNumbers(text)).toEqual(expected);
});

describe('parseDiskstats', () => {
  const figures = '10 1 16 250 20 2 32 500 0 1500 750';
  it('gives bytes, operations and seconds', () => {
    expect(parse.parseDiskstats(` 254       0 vda ${figures} 9 63 80 10 41 17\n`)).toEqual([
      {
        device: 'vda',
        read: { operations: 10, bytes: 8192, seconds: 0.25 },
        write: { operations: 20, bytes: 16_384, seconds: 0.5 },
        busySeconds: 1.5,
      },
    ]);
  });

  it.each([
    ['sda', true],
    ['sda1', false],
    ['xvdb', true],
    ['xvdb2', false],
    ['nvme0n1', true],
    ['nvme0n1p3', false],
    ['mmcblk0', true],
    ['mmcblk0p1', false],
    ['dm-0', true],
    ['md127', true],
    ['loop7', false],
    ['ram0', false],
    ['zram0', false],
    ['sr0', false],
  ])('%s is a disk: %s', (device, isDisk) => {
    expect(parse.parseDiskstats(`8 0 ${device} ${figures}`)).toHaveLength(isDisk ? 1 : 0);
  });

  it.each([
    '',
    '8 0',
    '8 0 sda',
    '8 0 sda 1 2 3',
    `8 0 sda ${figures.replace('16', 'x')}`,
    `8 0 sdb ${'0 '.repeat(17)}`,
  ])('leaves out %j', text => {
    expect(parse.parseDiskstats(text)).toEqual([]);
  });
});

describe('parseNetDev', () => {
  const head =
    'Inter-|   Receive    |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes\n';
  const figures = '100 10 1 2 0 0 0 0 200 20 3 4 0 0 0 0';
  it('gives both directions', () => {
    expect(parse.parseNetDev(`${head}  eth0: ${figures}\n`)).toEqual([
      {
        device: 'eth0',
        receive: { bytes: 100, packets: 10, errors: 1, drops: 2 },
        transmit: { bytes: 200, packets: 20, errors: 3, drops: 4 },
      },
    ]);
  });

  it.each([
    [`eth0:${figures}`, ['eth0']],
    [`eth0:1: ${figures}`, ['eth0:1']],
    [`br-0a1b: ${figures}`, ['br-0a1b']],
    [`lo: ${figures}`, []],
    [`veth12ab: ${figures}`, []],
    [`cali123: ${figures}`, []],
    ['eth0: 1 2 3', []],
    [`eth0: ${figures.replace('100', '-')}`, []],
    [`eth0 ${figures}`, []],
    ['', []],
  ])('%j', (text, expected) => {
    expect(parse.parseNetDev(head + text).map(each => each.device)).toEqual(expected);
  });
});

it.each([
  [
    'some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=250000\n',
    { some: 1.5, full: 0.25 },
  ],
  ['some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n', { some: 0 }],
  ['most total=5\nsome total=x\n', {}],
])('parsePressure case %#', (text, expected) => {
  expect(Object.fromEntries(parse.parsePressure(text))).toEqual(expected);
});

describe('parseMounts', () => {
  it.each([
    ['/dev/vda / ext4 rw 0 0', ['/']],
    ['/dev/vda /etc/hosts ext4 rw 0 0\n/dev/vda / ext4 rw 0 0\n/dev/vda /var ext4 rw 0 0', ['/']],
    ['/dev/sdb1 /media/a\\040b\\134c xfs rw 0 0', ['/media/a b\\c']],
    ['tank/home /home zfs rw 0 0', ['/home']],
    ['/dev/sda1 /a ext4 rw 0 0\n/dev/sda2 /a ext4 rw 0 0', ['/a']],
    ['server:/x /n nfs4 rw 0 0\n//server/x /c cifs rw 0 0\n10.0.0.1:6789:/ /ceph ceph rw 0 0', []],
    ['user@host:/ /s fuse.sshfs rw 0 0\n/dev/fuse /f fuse rw 0 0\n/dev/sdc1 /ntfs fuseblk rw 0 0', []],
    ['/dev/loop1 /snap/core/1 squashfs ro 0 0\n/dev/sr0 /cd iso9660 ro 0 0', []],
    [
      'proc /proc proc rw 0 0\ntmpfs /run tmpfs rw 0 0\noverlay / overlay rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0',
      [],
    ],
    ['/dev/sda1', []],
    ['', []],
  ])('case %#', (text, expected) => {
    expect(parse.parseMounts(text).map(mount => mount.mountpoint)).toEqual(expected);
  });

  it('names the mount that is seen where two lie upon each other', () => {
    expect(parse.parseMounts('/dev/sda1 /a ext4 rw 0 0\n/dev/sda2 /a xfs rw 0 0')).toEqual([
      { device: '/dev/sda2', mountpoint: '/a', type: 'xfs' },
    ]);
  });
});

it.each([
  ['NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n', 'Debian GNU/Linux 12 (bookworm)'],
  ["PRETTY_NAME='Alpine Linux v3.20'\n", 'Alpine Linux v3.20'],
  ['PRETTY_NAME=Void\n', 'Void'],
  ['NAME=x\n', undefined],
])('parseOsRelease %j', (text, expected) => {
  expect(parse.parseOsRelease(text)).toBe(expected);
});

it('no text makes a parser throw or give what is not a number', () => {
  const word = fc.oneof(
    fc.constantFrom(
      'cpu',
      'btime',
      'MemTotal:',
      'kB',
      'eth0:',
      'some',
      'total=1',
      '/dev/a',
      '\\999',
      '\n',
      '0',
      '1e9',
    ),
    fc.string(),
    fc.nat().map(String),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 80 }), words => {
      const text = words.join(' ');
      const numbers = [
        ...parse.parseStat(text).seconds.values(),
        ...parse.parseMeminfo(text).values(),
        ...parse.parseNumbers(text),
        ...parse.parsePressure(text).values(),
        ...parse.parseDiskstats(text).flatMap(disk => [disk.busySeconds, ...Object.values(disk.read)]),
        ...parse.parseNetDev(text).flatMap(each => Object.values(each.receive)),
      ];
      parse.parseMounts(text);
      parse.parseOsRelease(text);
      expect(numbers.every(Number.isFinite)).toBe(true);
    }),
  );
});
