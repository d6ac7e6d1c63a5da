// What an earlier life, a bad disk or a stranger left in the spool: told, set aside, and never a reason not to start.
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { find } from '../tools.ts';
import { batch, drain, flip, spoolRig } from './spool-rig.ts';

const rig = spoolRig();
const { start, crash, segments, path } = rig;
const damaged = () => {
  try {
    return readdirSync(path('damaged'));
  } catch {
    return [];
  }
};
const FRAME = 16 + 5;

/** Three synced batches of 3 records. */
async function abc() {
  const { spool } = start();
  spool.reader('otlp');
  for (const each of ['alpha', 'betas', 'gamma']) spool.append(batch(each, 3));
  await spool.sync();
  crash();
  return path(segments()[0]!);
}

describe('damage found at the start', () => {
  const cases: [string, (file: string) => unknown, string, number, number][] = [
    ['a flipped bit in a payload', file => flip(file, FRAME + 17), 'alphagamma', FRAME, 3],
    ['a flipped magic', file => flip(file, FRAME), 'alphagamma', FRAME, 3],
    [
      'two damaged in a row',
      file => [FRAME + 20, 2 * FRAME + 20].map(at => flip(file, at)),
      'alpha',
      2 * FRAME,
      6,
    ],
    ['a cut within the last', file => truncateSync(file, 3 * FRAME - 2), 'alphabetas', FRAME - 2, 3],
    ['a cut between two', file => truncateSync(file, FRAME), 'alpha', 0, 6],
    ['zeroes at the end', file => writeFileSync(file, zeroed(file, FRAME)), 'alpha', 2 * FRAME, 6],
  ];
  const zeroed = (file: string, from: number) => readFileSync(file).fill(0, from);

  test.each(cases)('%s is told with an estimate', async (_, damage, left, bytes, records) => {
    damage(await abc());
    const { spool, seen } = start();
    const reader = spool.reader('otlp');
    expect(drain(reader)).toBe(left);
    expect(reader.pending).toBe(0);
    expect(seen.damaged).toBe(bytes);
    expect(spool.losses.reduce((sum, loss) => sum + loss.records, 0)).toBe(records);
    expect(damaged()).toHaveLength(bytes > 0 ? 1 : 0);
    expect(seen.said.join('\n')).toMatch(/cannot read spool segment/);
  });

  test('a write that had not come to its end is no loss, and is told once', async () => {
    const file = await abc();
    appendFileSync(file, readFileSync(file).subarray(0, FRAME - 1));
    for (const damagedBytes of [FRAME - 1, 0]) {
      const { spool, seen } = start();
      expect(spool.losses).toEqual([]);
      expect(seen.damaged).toBe(damagedBytes);
      expect(spool.reader('otlp').pending).toBe(9);
      crash();
    }
  });

  test('what is set aside is private, whole, and bounded', async () => {
    const file = await abc();
    flip(file, FRAME + 17);
    const bytes = readFileSync(file).subarray(FRAME, 2 * FRAME);
    start();
    const aside = join(path('damaged'), damaged()[0]!);
    expect(readFileSync(aside)).toEqual(bytes);
    expect(statSync(aside).mode & 0o777).toBe(0o600);
    expect(statSync(path('damaged')).mode & 0o777).toBe(0o700);
    crash();
    for (let i = 0; i < 5; i++) writeFileSync(join(path('damaged'), `old-${i}`), Buffer.alloc(5 * 2 ** 20));
    start();
    const kept = damaged().reduce((sum, name) => sum + statSync(join(path('damaged'), name)).size, 0);
    expect(kept).toBeLessThanOrEqual(16 * 2 ** 20);
    expect(damaged()).toContain(`${segments()[0]}-${FRAME}`);
  });
});

test('damage that comes while it runs is dropped for those who had it before them, and told once', async () => {
  const { spool, seen } = start();
  const [early, late] = [spool.reader('early'), spool.reader('late')];
  for (const each of ['alpha', 'betas', 'gamma']) spool.append(batch(each, 3));
  early.done(early.take(1)!);
  early.done(early.take(1)!);
  flip(path(segments()[0]!), FRAME + 17);
  expect(drain(late)).toBe('alphagamma');
  expect(drain(early)).toBe('gamma');
  expect([early.pending, late.pending]).toEqual([0, 0]);
  expect([seen.dropped, [...seen.reasons], seen.damaged]).toEqual([3, ['damaged'], FRAME]);
  expect(seen.lost.map(({ from, to, records }) => [from, to, records])).toEqual([[FRAME, 2 * FRAME, 3]]);
  expect(damaged()).toHaveLength(1);
  spool.append(batch('delta'));
  expect([drain(early), drain(late)]).toEqual(['delta', 'delta']);
});

describe('cursors', () => {
  const broken: [string, (file: string) => void][] = [
    ['torn', file => truncateSync(file, 9)],
    ['empty', file => truncateSync(file, 0)],
    ['changed by a digit', file => writeFileSync(file, readFileSync(file, 'utf8').replace('21', '42'))],
    ['of another format', file => writeFileSync(file, '{"segment":1,"offset":21}')],
    [
      'a directory',
      file => {
        rmSync(file);
        mkdirSync(file);
      },
    ],
  ];
  test.each(broken)('one that is %s is set aside: duplicates, no loss', async (_, damage) => {
    const { spool } = start();
    const reader = spool.reader('otlp');
    for (const each of ['alpha', 'betas', 'gamma']) spool.append(batch(each));
    reader.done(reader.take(1)!);
    await spool.sync();
    expect(statSync(path('cursor-otlp.json')).mode & 0o777).toBe(0o600);
    crash();
    damage(path('cursor-otlp.json'));
    const again = start();
    expect(again.seen.said.join('\n')).toMatch(/cursor-otlp.json.*begins with the oldest record again/);
    expect(damaged().join()).toMatch(/^cursor-otlp.json-\d+$/);
    expect(drain(again.spool.reader('otlp'))).toBe('alphabetasgamma');
    await again.spool.sync();
  });

  test('one per exporter; a damaged one does not move the other', async () => {
    const { spool } = start();
    const [one, two] = [spool.reader('one'), spool.reader('two')];
    for (const each of ['alpha', 'betas']) spool.append(batch(each));
    for (const reader of [one, two]) reader.done(reader.take(1)!);
    await spool.sync();
    crash();
    truncateSync(path('cursor-one.json'), 3);
    const again = start().spool;
    expect(drain(again.reader('two'))).toBe('betas');
    expect(drain(again.reader('one'))).toBe('alphabetas');
  });

  test('without news they are not written', async () => {
    const { spool } = start();
    const reader = spool.reader('otlp');
    spool.append(batch('alpha'));
    await spool.sync();
    const before = statSync(path('cursor-otlp.json')).ino;
    await spool.sync();
    expect(statSync(path('cursor-otlp.json')).ino).toBe(before);
    reader.done(reader.take(1)!);
    await spool.sync();
    expect(drain(reader)).toBe('');
  });

  test('one that was being replaced is removed', async () => {
    await abc();
    writeFileSync(path('cursor-otlp.json.tmp'), '{"at":{"segm');
    start();
    expect(readdirSync(rig.dir)).not.toContain('cursor-otlp.json.tmp');
  });
});

describe('strangers in the directory', () => {
  const SEGMENT = '00000000000000ff.seg';
  const strangers: [string, (file: string) => void][] = [
    ['a directory', file => mkdirSync(file)],
    ['a FIFO', file => execFileSync(find('mkfifo')!, [file])],
    ['a symbolic link', file => symlinkSync('/etc/passwd', file)],
  ];
  test.each(strangers)('%s with the name of a segment is a fault, not an end', async (_, make) => {
    await abc();
    make(path(SEGMENT));
    const { spool } = start();
    expect(spool.stats().faults.join()).toMatch(
      /cannot open spool segment ".*00ff.seg": .*; make it readable/,
    );
    const reader = spool.reader('otlp');
    spool.append(batch('delta'));
    expect(drain(reader)).toBe('alphabetasgammadelta');
    expect(readdirSync(rig.dir)).toContain(SEGMENT);
  });

  test('files of other names are left alone and told', async () => {
    await abc();
    for (const name of ['notes.txt', 'x.seg', '0000000000000001.seg.bak', 'lost+found'])
      writeFileSync(path(name), 'mine');
    const { spool, seen } = start();
    expect(drain(spool.reader('otlp'))).toBe('alphabetasgamma');
    expect(seen.said).toContain('left alone what is not of the spool');
    expect(readFileSync(path('notes.txt'), 'utf8')).toBe('mine');
  });

  test('a segment that may not be read stays where it is; root reads it all the same', async () => {
    chmodSync(await abc(), 0o000);
    const { spool } = start();
    const isRoot = process.getuid!() === 0;
    expect(drain(spool.reader('otlp'))).toBe(isRoot ? 'alphabetasgamma' : '');
    expect(spool.stats().faults).toHaveLength(isRoot ? 0 : 1);
  });
});

test('files are 0600 in a directory 0700, whatever the umask', async () => {
  const before = process.umask(0);
  try {
    rmSync(rig.dir, { recursive: true });
    const { spool } = start();
    spool.reader('otlp');
    spool.append(batch('alpha'));
    await spool.sync();
    expect(statSync(rig.dir).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(rig.dir)) expect(statSync(path(name)).mode & 0o777).toBe(0o600);
  } finally {
    process.umask(before);
  }
});

test('a directory that is taken away is made again, with what it held', async () => {
  const { spool, seen } = start();
  const reader = spool.reader('otlp');
  for (const each of ['alpha', 'betas']) spool.append(batch(each));
  reader.done(reader.take(1)!);
  await spool.sync();
  rmSync(rig.dir, { recursive: true });
  spool.append(batch('gamma'));
  await spool.sync();
  expect(seen.said.join('\n')).toMatch(/it was removed or replaced/);
  spool.append(batch('delta'));
  await spool.sync();
  crash();
  expect(drain(start().spool.reader('otlp'))).toBe('betasgammadelta');
});
