// Rotated files that were compressed: what of them was not read before comes once, whatever else happens to them.
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FilesEntry } from '../../../collectors/files/options.ts';
import { Rig } from './rig.ts';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.remove());

const path = (name: string) => rig.path(name);
const write = (name: string, text: string) => writeFileSync(path(name), text);
const append = (name: string, text: string) => appendFileSync(path(name), text);
const follow = (entry: Omit<Partial<FilesEntry>, 'include'> & { include?: string[] } = {}) => {
  rig.follow({ include: ['app.log*'], start_at: 'beginning', compressed: 'read', ...entry });
  rig.start();
};
/** As gzip does it: the new file is there before the old one is gone. */
const gzip = (name: string) => {
  writeFileSync(path(`${name}.gz`), gzipSync(readFileSync(path(name))));
  rmSync(path(name));
};
const rotate = () => {
  rig.tick();
  renameSync(path('app.log'), path('app.log.1'));
  rig.tick();
};
const restart = () => {
  rig.stop();
  rig.start();
};
/** Written to, rotated and compressed while nobody looked. */
const rotatedUnseen = () => {
  write('app.log', 'a\nb\n');
  rig.turn();
  rig.stop();
  append('app.log', 'c\nd\n');
  rotate();
  gzip('app.log.1');
  write('app.log', 'e\n');
  rig.start();
};
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `line ${from + i} of the log\n`).join('');
const HEADER = `${'#'.repeat(2000)}\n`;

describe('a compressed file', () => {
  it.each<[string, Parameters<typeof follow>[0], () => void | Promise<void>, string[]]>([
    [
      'that was read before gives nothing',
      {},
      () => {
        write('app.log', 'a\nb\n');
        rig.turn();
        rotate();
        write('app.log', 'c\n');
        rig.turn();
        gzip('app.log.1');
      },
      ['a', 'b', 'c'],
    ],
    [
      'that was read and let go long ago gives nothing',
      { include: ['app.log', '*.gz'] },
      () => {
        write('app.log', 'a\nb\n');
        rig.turn();
        rotate();
        rig.turn(400_000, 5000);
        rig.commit();
        rig.turn();
        restart();
        rig.turn();
        gzip('app.log.1');
      },
      ['a', 'b'],
    ],
    [
      'that was read before, and unlinked and forgotten, gives nothing',
      {},
      () => {
        write('app.log', 'a\nb\n');
        rig.turn();
        const packed = gzipSync(readFileSync(path('app.log')));
        rmSync(path('app.log'));
        rig.turn(30_000);
        rig.commit();
        rig.turn(1000);
        restart();
        writeFileSync(path('app.log.1.gz'), packed);
      },
      ['a', 'b'],
    ],
    ['gives what was not read while nobody looked', {}, rotatedUnseen, ['a', 'b', 'e', 'c', 'd']],
    [
      'beside its log gives what was not read, before the lines of the next',
      { include: ['app.log'] },
      rotatedUnseen,
      ['a', 'b', 'c', 'd', 'e'],
    ],
    [
      'of which nobody heard is read',
      {},
      () => {
        write('app.log.3', 'a\nb\n');
        gzip('app.log.3');
      },
      ['a', 'b'],
    ],
    [
      'is told apart from others that begin alike',
      {},
      () => {
        write('app.log', `${HEADER}a\n`);
        rig.turn();
        rotate();
        write('app.log', `${HEADER}b\n`);
        rig.turn();
        gzip('app.log.1');
        write('app.log.2', `${HEADER}c\n`);
        gzip('app.log.2');
      },
      [HEADER.slice(0, -1), 'a', HEADER.slice(0, -1), 'b', HEADER.slice(0, -1), 'c'],
    ],
    [
      'that is the same as a log that is still there is read',
      {},
      () => {
        write('app.log', 'same\n');
        rig.turn();
        write('app.log.3', 'same\n');
        gzip('app.log.3');
      },
      ['same', 'same'],
    ],
    [
      'that is the same as another is read, but for the one that is the log',
      {},
      () => {
        write('app.log', 'same\n');
        rig.turn();
        rotate();
        gzip('app.log.1');
        writeFileSync(path('app.log.2.gz'), gzipSync('same\n'));
        writeFileSync(path('app.log.3.gz'), gzipSync('same\n'));
      },
      ['same', 'same', 'same'],
    ],
    ...['app.log', 'app.log*'].flatMap(include =>
      ['app.log', 'app.log.1', 'app.log.1.gz'].map(
        (name): [string, { include: string[] }, () => void, string[]] => [
          `that nobody saw and that is the same as the next is read, in ${include}, beside ${name}`,
          { include: [include] },
          () => {
            const move = (to: string) => {
              rig.tick();
              renameSync(path('app.log'), path(to));
              rig.tick();
            };
            write('app.log', 'first\n');
            rig.turn();
            move('app.log.3');
            write('app.log', 'same\n');
            move('app.log.2');
            write('app.log', 'same\n');
            if (name !== 'app.log') move('app.log.1');
            gzip('app.log.2');
            if (name === 'app.log.1.gz') gzip('app.log.1');
          },
          ['first', 'same', 'same'],
        ],
      ),
    ),
    [
      'that grows gives what was added',
      {},
      async () => {
        writeFileSync(path('app.log.1.gz'), gzipSync('a\n'));
        await rig.unpack();
        appendFileSync(path('app.log.1.gz'), gzipSync('b\n'));
        await rig.unpack();
        rig.commit();
        rig.turn(1000);
        restart();
        appendFileSync(path('app.log.1.gz'), gzipSync('c\n'));
      },
      ['a', 'b', 'c'],
    ],
    [
      'of zstd gives what was not read, in its place',
      { include: ['app.log'] },
      () => {
        rotatedUnseen();
        rig.stop();
        append('app.log', 'g\n');
        rotate();
        writeFileSync(path('app.log.1.zst'), zstdCompressSync(readFileSync(path('app.log.1'))));
        rmSync(path('app.log.1'));
        write('app.log', 'h\n');
        rig.start();
      },
      ['a', 'b', 'c', 'd', 'e', 'g', 'h'],
    ],
    [
      'ends with a whole line, newline or not',
      {},
      () => void writeFileSync(path('app.log.1.gz'), gzipSync('a\nb')),
      ['a', 'b'],
    ],
    [
      'is read once under all its names',
      {},
      async () => {
        writeFileSync(path('app.log.1.gz'), gzipSync('a\n'));
        await rig.unpack();
        renameSync(path('app.log.1.gz'), path('app.log.2.gz'));
        await rig.unpack();
        restart();
      },
      ['a'],
    ],
    [
      'whose records are longer than a line ends them',
      { multiline: 'java' },
      () => void writeFileSync(path('app.log.1.gz'), gzipSync('E: a\n\tat b\nF: c\n\tat d\n')),
      ['E: a\n\tat b', 'F: c\n\tat d'],
    ],
    [
      'is left alone by default',
      { compressed: 'skip' },
      () => void writeFileSync(path('app.log.1.gz'), gzipSync('a\n')),
      [],
    ],
  ])('%s', async (_, entry, steps, expected) => {
    follow(entry);
    await steps();
    await rig.unpack();
    rig.turn(3000);
    expect(rig.bodies).toEqual(expected);
    expect(rig.records.filter(({ attributes }) => 'eudaemon.partial' in attributes)).toEqual([]);
    expect(rig.messages.filter(each => each.startsWith('cannot'))).toEqual([]);
    rig.commit();
    rig.turn(1000);
    restart();
    await rig.unpack();
    rig.turn(3000);
    expect(rig.bodies).toEqual(expected);
  });

  it('that was there before the first start is old where logs are read from their end', async () => {
    writeFileSync(path('app.log.1.gz'), gzipSync('old\n'));
    follow({ start_at: 'end' });
    await rig.unpack();
    writeFileSync(path('app.log.2.gz'), gzipSync('new\n'));
    await rig.unpack();
    restart();
    await rig.unpack();
    expect(rig.bodies).toEqual(['new']);
  });

  it('goes on where it was when the pipeline is full, and after a restart', async () => {
    writeFileSync(path('app.log.1.gz'), gzipSync(numbers(0, 100_000)));
    follow();
    rig.space = 30_000;
    rig.turn(3000);
    while (rig.space > 0) {
      await new Promise(done => setImmediate(done));
      rig.turn(0);
    }
    expect(rig.bodies.length).toBe(30_000);
    rig.commit();
    rig.turn(1000);
    rig.space = Number.POSITIVE_INFINITY;
    restart();
    await rig.unpack();
    expect(rig.bodies.join('\n')).toBe(numbers(0, 100_000).trimEnd());
  });

  it.each([1, 20, 1000, 5000])(
    'that lacks its last %i bytes gives what there is, and the rest when it comes',
    async cut => {
      const packed = gzipSync(numbers(0, 20_000), { level: 1 });
      writeFileSync(path('app.log.1.gz'), packed.subarray(0, -cut));
      follow();
      await rig.unpack();
      expect(rig.messages.filter(each => each.startsWith('cannot'))).toEqual([
        `cannot read log file "${path('app.log.1.gz')}": unexpected end of file`,
      ]);
      expect(numbers(0, 20_000).startsWith(rig.bodies.join('\n'))).toBe(true);
      appendFileSync(path('app.log.1.gz'), packed.subarray(-cut));
      await rig.unpack();
      expect(rig.bodies.join('\n')).toBe(numbers(0, 20_000).trimEnd());
    },
  );

  it.each<[string, Buffer, name?: string]>([
    ['is none', Buffer.from('no gzip at all\n')],
    ['is empty', Buffer.alloc(0)],
    ['is damaged', gzipSync(numbers(0, 1000)).fill(0xff, 200, 300)],
    ['is no zstd', Buffer.from('no zstd at all\n'), 'app.log.1.zst'],
  ])('that %s holds up nobody', async (_, content, name = 'app.log.1.gz') => {
    write('app.log', 'a\n');
    follow({ include: ['app.log'] });
    rig.stop();
    rotate();
    rmSync(path('app.log.1'));
    writeFileSync(path(name), content);
    write('app.log', 'b\n');
    rig.start();
    await rig.unpack();
    expect(rig.bodies.filter(each => !each.startsWith('line'))).toEqual(['a', 'b']);
  });
});

it('the end of a copy that was compressed just before a stop comes, though its log was written to since', async () => {
  write('app.log', 'first\n');
  follow({ include: ['app.log'] });
  append('app.log', 'unfinished');
  rig.tick();
  copyFileSync(path('app.log'), path('app.log.1'));
  truncateSync(path('app.log'));
  rig.tick();
  append('app.log', 'second\n');
  rig.turn();
  rig.tick();
  gzip('app.log.1');
  rig.tick();
  append('app.log', 'third\n');
  rig.turn();
  rig.commit();
  restart();
  rig.turn(20_000);
  await rig.unpack();
  expect(rig.bodies.toSorted()).toEqual(['first', 'second', 'third', 'unfinished']);
});

describe('what was compressed before it was read', () => {
  const unread = (end: string, during: () => void) => {
    follow({ include: ['app.log'], compressed: 'skip' });
    write('app.log', 'a\n');
    rig.turn();
    rig.commit();
    rig.turn(1000);
    rig.stop();
    during();
    rotate();
    // Both keep the time of the last line.
    if (end === '.gz') execFileSync('gzip', [path('app.log.1')]);
    else {
      execFileSync('cp', ['-p', path('app.log.1'), path(`app.log.1${end}`)]);
      rmSync(path('app.log.1'));
    }
    write('app.log', 'next\n');
    rig.start();
    rig.turn(3000);
  };

  it.each([
    ['.gz', 3],
    ['.xz', 1],
  ])('as %s is told once', (end, records) => {
    unread(end, () => append('app.log', 'x'.repeat(400)));
    expect(rig.lost).toEqual([`compressed ${records}`]);
    rig.commit();
    rig.turn(1000);
    restart();
    expect(rig.lost).toHaveLength(1);
    expect(rig.bodies).toEqual(['a', 'next']);
  });

  it('is told once each, also where no log has come since', () => {
    unread('.gz', () => append('app.log', 'x'.repeat(400)));
    rmSync(path('app.log'));
    for (const n of [2, 3]) {
      restart();
      rig.turn(20_000);
      rig.commit();
      rig.turn(1000);
      restart();
      rig.tick();
      write(`app.log.1`, 'y'.repeat(150 * n));
      renameSync(path('app.log.1.gz'), path(`app.log.${n}.gz`));
      gzip('app.log.1');
    }
    restart();
    expect(rig.lost).toEqual(['compressed 3', 'compressed 2', 'compressed 3']);
  });

  it('is nothing where nothing was written', () => {
    unread('.gz', () => {});
    expect(rig.lost).toEqual([]);
  });
});

describe('what is compressed while the agent runs, and not read', () => {
  const generation = (text: string, name: string) => {
    append('app.log', text);
    rig.tick();
    renameSync(path('app.log'), path(name));
    rig.tick();
  };
  beforeEach(() => {
    follow({ include: ['app.log'], compressed: 'skip' });
    write('app.log', 'first\n');
    rig.turn();
  });
  const settle = () => {
    write('app.log', 'next\n');
    rig.turn(30_000);
    rig.commit();
    rig.turn(1000);
    restart();
    rig.turn(30_000);
  };

  it.each([
    ['gzip', 'compressed 3'],
    ['xz', 'compressed 1'],
  ])('by %s is told once, when no look saw it', (program, lost) => {
    generation('rest\n', 'app.log.2');
    generation('x'.repeat(400), 'app.log.1');
    for (const name of ['app.log.1', 'app.log.2']) execFileSync(program, [path(name)]);
    settle();
    expect([rig.bodies, rig.lost]).toEqual([['first', 'rest', 'next'], [lost]]);
  });

  it('is told where the log goes and does not come again', () => {
    generation('rest\n', 'app.log.2');
    generation('x'.repeat(400), 'app.log.1');
    for (const name of ['app.log.1', 'app.log.2']) execFileSync('gzip', [path(name)]);
    rig.turn();
    rig.commit();
    rig.turn(1000);
    restart();
    rig.turn(30_000);
    expect([rig.bodies, rig.lost]).toEqual([['first', 'rest'], ['compressed 3']]);
  });

  it('is told of a log that was closed as it was quiet', () => {
    rig.turn(400_000, 5000);
    generation('x'.repeat(294), 'app.log.1');
    execFileSync('gzip', [path('app.log.1')]);
    settle();
    expect([rig.bodies, rig.lost]).toEqual([['first', 'next'], ['deleted 2']]);
  });

  it('is told of a copy of a log that was emptied', () => {
    append('app.log', 'x'.repeat(299));
    rig.tick();
    copyFileSync(path('app.log'), path('app.log.1'));
    truncateSync(path('app.log'));
    gzip('app.log.1');
    settle();
    expect([rig.bodies, rig.lost]).toEqual([['first', 'next'], ['compressed 2']]);
  });

  it.each(['app.log', 'app.log*'])('is nothing that was read before, whatever its time: %s', include => {
    rig.stop();
    rig.entries = [];
    follow({ include: [include], compressed: 'skip' });
    generation('rest\n', 'app.log.1');
    gzip('app.log.1');
    write('app.log', 'second\n');
    rig.turn(30_000);
    generation('', 'app.log.2');
    write('app.log', 'third\n');
    rig.turn(400_000, 5000);
    gzip('app.log.2');
    execFileSync('cp', [path('app.log'), path('app.log.7')]);
    gzip('app.log.7');
    generation('', 'app.log.3');
    gzip('app.log.3');
    settle();
    expect([rig.bodies, rig.lost]).toEqual([['first', 'rest', 'second', 'third', 'next'], []]);
  });
});
