// A disk that is full, nearly full, read-only or broken: the policy acts, the count is right, and what can flow flows.
import { lstatSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { disk, reset, systemError } from './disk.ts';
import { batch, drain, spoolRig } from './spool-rig.ts';

vi.mock('node:fs', async original => (await import('./disk.ts')).diskOf(await original()));

const rig = spoolRig();
const { start, crash, segments, path } = rig;
afterEach(reset);

const MIB = 2 ** 20;
const refuse = (code: string) => {
  disk.before = change => {
    if (change === 'open' || change === 'write') throw systemError(code);
  };
};
let counter = 0;
const mebibyte = () => {
  const bytes = Buffer.alloc(MIB, 1);
  bytes.writeUInt32BE(counter++);
  return { bytes, records: 10 };
};
const onDisk = () => segments().reduce((sum, name) => sum + statSync(path(name)).size, 0);

describe('a disk that takes nothing', () => {
  test.each(['ENOSPC', 'EROFS', 'EIO', 'EDQUOT'])(
    '%s: records reach a living exporter all the same',
    async code => {
      const { spool, seen } = start();
      const reader = spool.reader('otlp');
      spool.append(batch('alpha'));
      refuse(code);
      expect(spool.append(batch('betas'))).toBe(2);
      expect(seen.written).toBe(1);
      expect(spool.stats().faults.join()).toContain(`cannot write spool "${rig.dir}"`);
      expect(drain(reader)).toBe('alphabetas');
      expect(seen.written).toBe(2);
      reset();
      spool.append(batch('gamma'));
      expect(spool.stats().faults).toEqual([]);
      expect(drain(reader)).toBe('gamma');
      expect(seen.dropped).toBe(0);
    },
  );

  test.each<[string, (path: string) => void]>([
    ['a file', path => writeFileSync(path, 'precious')],
    ['a link to nowhere', path => symlinkSync('/nowhere/at/all', path)],
  ])('%s in the place of the directory: likewise, and it stays', (_, make) => {
    const dir = path('spool');
    make(dir);
    const { spool, seen } = start({ dir });
    const reader = spool.reader('otlp');
    spool.append(batch('alpha'));
    expect(spool.stats().faults.join()).toContain(`spool "${dir}"`);
    expect(drain(reader)).toBe('alpha');
    expect(seen.dropped).toBe(0);
    expect(lstatSync(dir).isDirectory()).toBe(false);
  });

  test('a directory of somebody else: likewise, until it is ours', async () => {
    disk.sealed = rig.dir;
    const { spool } = start();
    const reader = spool.reader('otlp');
    spool.append(batch('alpha'));
    await spool.sync();
    expect(spool.stats().faults).toEqual([
      expect.stringContaining('cannot write spool'),
      expect.stringContaining('cannot sync spool'),
      expect.stringContaining('cannot read spool'),
    ]);
    reset();
    expect(await spool.sync()).toBe(1);
    expect(segments()).toHaveLength(1);
    expect(drain(reader)).toBe('alpha');
  });

  test('half a batch that fitted leaves nothing behind', async () => {
    const { spool } = start();
    const reader = spool.reader('otlp');
    spool.append(batch('alpha'));
    disk.limit = bytes => bytes - 2;
    spool.append(batch('betas'));
    reset();
    spool.append(batch('gamma'));
    expect(drain(reader)).toBe('alphabetasgamma');
    crash();
    expect(start().spool.losses).toEqual([]);
  });

  test('what waited in memory is written as soon as the disk takes it, and survives then', async () => {
    const { spool, seen } = start();
    spool.reader('otlp');
    spool.append(batch('alpha'));
    refuse('ENOSPC');
    spool.append(batch('betas'));
    await spool.sync();
    expect(seen.written).toBe(1);
    reset();
    expect(await spool.sync()).toBe(2);
    expect([seen.written, spool.stats().faults]).toEqual([2, []]);
    crash();
    expect(drain(start().spool.reader('otlp'))).toBe('alphabetas');
  });

  test.each(['drop_oldest', 'block'] as const)(
    'with nobody to take them, %s acts once memory is full',
    whenFull => {
      const { spool, seen } = start({ whenFull });
      const reader = spool.reader('otlp');
      refuse('ENOSPC');
      let stored = 0;
      for (let i = 0; i < 40; i++) if (spool.append(mebibyte()) !== undefined) stored++;
      if (whenFull === 'block') expect([stored, seen.dropped]).toEqual([4, 0]);
      else {
        expect(stored).toBe(40);
        expect(seen.dropped).toBeGreaterThan(200);
        expect([...seen.reasons]).toEqual(['disk_full']);
      }
      expect(reader.pending + seen.dropped).toBe(stored * 10);
      expect(spool.stats().faults.join()).toContain('the spool is full');
    },
  );
});

describe('a file system that is nearly full', () => {
  test('the spool does not grow into what belongs to others, and gives way as its policy says', async () => {
    disk.space = { free: 100 * MIB, size: 1024 * MIB };
    // A twentieth of it stays free: 51.2 MiB.
    const { spool, seen } = start({ maxSize: 1024 * MIB });
    const reader = spool.reader('otlp');
    disk.after = change => {
      if (change === 'write' || change === 'unlink') disk.space!.free = 100 * MIB - onDisk();
    };
    for (let i = 0; i < 120; i++) spool.append(mebibyte());
    expect(onDisk()).toBeGreaterThan(30 * MIB);
    expect(onDisk()).toBeLessThan(53 * MIB);
    expect([...seen.reasons]).toEqual(['disk_full']);
    expect(reader.pending + seen.dropped).toBe(1200);
    expect(spool.stats().faults.join()).toMatch(/the spool is full: nothing more fits/);
    // What waited in memory follows at once: its source can let go of it.
    expect(seen.written).toBeGreaterThan(115);
    await spool.sync();
    drain(reader);
    expect(onDisk()).toBe(0);
    spool.append(batch('alpha'));
    await spool.sync();
    expect(spool.stats().faults).toEqual([]);
  });

  test('others fill it: what is there stays, what comes goes through memory', () => {
    disk.space = { free: 600 * MIB, size: 1024 * MIB };
    const { spool, seen } = start({ minFree: 500 * MIB });
    const reader = spool.reader('otlp');
    for (let i = 0; i < 3; i++) spool.append(mebibyte());
    disk.space.free = 10 * MIB;
    spool.append(mebibyte());
    const before = onDisk();
    for (let i = 0; i < 3; i++) spool.append(mebibyte());
    expect(onDisk()).toBe(before);
    expect([seen.dropped, reader.pending]).toEqual([0, 70]);
    for (let taken = reader.take(1); taken; taken = reader.take(1)) reader.done(taken);
    expect(reader.pending).toBe(0);
  });

  test('block stands still, and goes on once there is room', async () => {
    disk.space = { free: 600 * MIB, size: 1024 * MIB };
    const { spool, seen } = start({ minFree: 595 * MIB, whenFull: 'block' });
    const reader = spool.reader('otlp');
    let stored = 0;
    disk.after = change => {
      if (change === 'write') disk.space!.free = 600 * MIB - onDisk();
    };
    while (spool.append(mebibyte()) !== undefined) stored++;
    expect(stored).toBeGreaterThan(3);
    expect(seen.room).toBe(0);
    disk.space.free = 700 * MIB;
    disk.after = () => {};
    await spool.sync();
    expect(spool.append(mebibyte())).toBeDefined();
    expect([seen.dropped, reader.pending]).toEqual([0, (stored + 1) * 10]);
  });
});

describe('a disk that fails to keep what it took', () => {
  test('a batch it could not sync is not called safe again, whatever a later sync says', async () => {
    const { spool } = start();
    const reader = spool.reader('otlp');
    spool.append(batch('alpha'));
    expect(await spool.sync()).toBe(1);
    spool.append(batch('betas'));
    disk.before = (change, file) => {
      if (change === 'sync' && file.endsWith('.seg')) throw systemError('EIO');
    };
    expect(await spool.sync()).toBe(1);
    expect(spool.stats().faults.join()).toContain('cannot sync spool');
    reset();
    spool.append(batch('gamma'));
    expect(await spool.sync()).toBeLessThan(2);
    expect(segments()).toHaveLength(2);
    // Delivered, it need not be safe any more.
    drain(reader);
    expect(await spool.sync()).toBe(3);
    expect(spool.stats().faults).toEqual([]);
  });

  test('blocks it cannot read cost the frames in them', () => {
    const { spool, seen } = start();
    const reader = spool.reader('otlp');
    for (let i = 0; i < 6; i++) spool.append(batch(String(i).repeat(3000), 5));
    disk.unreadable = [4096, 8192];
    expect(new Set(drain(reader))).toEqual(new Set('0345'));
    expect([seen.dropped, [...seen.reasons], reader.pending]).toEqual([10, ['damaged'], 0]);
  });
});

describe('one exporter that is dead', () => {
  test('drop_oldest: another gets every record', () => {
    const { spool, seen } = start({ maxSize: 4 * MIB });
    const dead = spool.reader('dead');
    const living = spool.reader('living');
    let read = 0;
    for (let i = 0; i < 50; i++) {
      spool.append(mebibyte());
      for (let taken = living.take(1); taken; taken = living.take(1)) {
        read += taken.records;
        living.done(taken);
      }
    }
    expect([read, living.pending]).toEqual([500, 0]);
    expect(dead.pending + seen.dropped).toBe(500);
    expect(onDisk()).toBeLessThanOrEqual(4 * MIB + 64);
  });

  test('block: another gets all that was taken before', () => {
    const { spool } = start({ maxSize: 4 * MIB, whenFull: 'block' });
    const dead = spool.reader('dead');
    const living = spool.reader('living');
    let stored = 0;
    while (spool.append(mebibyte()) !== undefined) stored++;
    let read = 0;
    for (let taken = living.take(1); taken; taken = living.take(1)) {
      read += taken.records;
      living.done(taken);
    }
    expect([read, dead.pending]).toEqual([stored * 10, stored * 10]);
    expect(spool.append(mebibyte())).toBeUndefined();
    for (let taken = dead.take(1); taken; taken = dead.take(1)) dead.done(taken);
    expect(spool.append(mebibyte())).toBeDefined();
  });
});

test('the age is that of what waits, not of the file it is in', () => {
  let now = 1000;
  const { spool } = start({ now: () => now });
  const reader = spool.reader('otlp');
  spool.append(batch('alpha'));
  expect(spool.stats().oldest).toBe(1000);
  drain(reader);
  expect(spool.stats().oldest).toBeUndefined();
  now = 900_000;
  spool.append(batch('betas'));
  expect(segments()).toHaveLength(1);
  expect(spool.stats().oldest).toBe(900_000);
});
