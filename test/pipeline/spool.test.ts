import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SealedBatch } from '../../agent/core/exporter.ts';
import type { Spool } from '../../agent/pipeline/spool/contract.ts';
import type { Reader } from '../../agent/pipeline/spool/reader.ts';
import { batch, drain, flip, spoolRig, text } from './spool-rig.ts';

const rig = spoolRig();
const { start, crash, segments } = rig;
const range = (n: number) => Array.from({ length: n }, (_, i) => i);

test('batches come back in order, to each reader, and small ones together', () => {
  const { spool, seen } = start();
  const one = spool.reader('one');
  const two = spool.reader('two');
  for (const each of ['a', 'b', 'c']) spool.append(batch(each));
  expect(seen.written).toBe(3);
  expect(text(one.take(2))).toBe('ab');
  expect(text(one.take(2))).toBe('c');
  expect(one.take(2)).toBeUndefined();
  expect(text(two.take(1000))).toBe('abc');
  expect([one.pending, two.pending]).toEqual([3, 3]);
});

test('bytes taken stay as they are until they are given back, whatever becomes of the buffer they came from', () => {
  const { spool } = start();
  const reader = spool.reader('otlp');
  const bytes = Buffer.alloc(4);
  const appended = (value: string) => {
    bytes.fill(value);
    spool.append({ bytes, records: 1 });
    return reader.take(1)!;
  };
  const [a, b] = [appended('a'), appended('b')];
  expect([text(a), text(b)]).toEqual(['aaaa', 'bbbb']);
  reader.done(a);
  const c = appended('c');
  expect([text(b), text(c)]).toEqual(['bbbb', 'cccc']);
});

describe('a batch that may wait', () => {
  const waiting = (text: string, size = 1) => ({ ...batch(text.repeat(size)), mayWait: true });

  test('is never written where exporters take it at once', async () => {
    const { spool, seen } = start();
    const readers = ['one', 'two'].map(spool.reader);
    for (const each of ['a', 'b', 'c']) {
      spool.append(waiting(each));
      for (const reader of readers) {
        const before = seen.written;
        expect(text(reader.take(1))).toBe(each);
        expect(seen.written).toBe(before);
      }
    }
    expect(seen.written).toBe(0);
    expect(spool.stats().bytes).toBeGreaterThan(0);
  });

  test('counts as written when all exporters have it, and is as safe as one that was', async () => {
    const { spool, seen } = start();
    const [one, two] = ['one', 'two'].map(spool.reader) as [Reader, Reader];
    spool.append(waiting('a', 300_000));
    one.done(one.take(1)!);
    expect(seen.written).toBe(0);
    two.done(two.take(1)!);
    expect([seen.written, await spool.sync(), segments()]).toEqual([1, 1, []]);
  });

  test('leaves the disk alone, cursors included, but for what is on it', async () => {
    const { spool } = start();
    const reader = spool.reader('otlp');
    const cursor = () => readFileSync(rig.path('cursor-otlp.json'), 'utf8');
    const delivered = async (given: SealedBatch) => {
      spool.append(given);
      reader.done(reader.take(1)!);
      await spool.sync();
      return cursor();
    };
    const first = await delivered(waiting('a'));
    expect(await delivered(waiting('b'))).toBe(first);
    expect(await delivered(batch('c'))).not.toBe(first);
    crash();
    expect(start().spool.reader('otlp').take(1)).toBeUndefined();
  });

  const ends: [string, (spool: Spool) => unknown][] = [
    ['with the next sync', spool => spool.sync()],
    ['when that is asked for', spool => spool.settle()],
    ['at the end', spool => spool.close()],
  ];
  test.each(ends)('is written %s', async (_, end) => {
    const { spool, seen } = start();
    spool.reader('otlp');
    spool.append(waiting('a'));
    expect([seen.written, segments()]).toEqual([0, []]);
    await end(spool);
    expect(seen.written).toBe(1);
    crash();
    expect(text(start().spool.reader('otlp').take(1))).toBe('a');
  });

  test.each([
    ['so much waits already', 1_200_000, 0],
    ['exporters do not take what waits', 1, 200],
  ])('is written at once where %s', (_, size, ms) => {
    let at = 1_000_000;
    const { spool, seen } = start({ now: () => at });
    const reader = spool.reader('otlp');
    for (const _ of range(4)) spool.append(waiting('a', size));
    at += ms;
    expect(segments()).toEqual([]);
    spool.append(waiting('b', size));
    expect(segments()).toHaveLength(1);
    expect(seen.written).toBe(0);
    // In order all the same.
    expect(drain(reader)).toBe(`${'a'.repeat(4 * size)}${'b'.repeat(size)}`);
    expect(seen.written).toBe(5);
    spool.append(waiting('c'));
    expect(seen.written).toBe(5);
  });

  test('stays as it is until it is given back, whatever becomes of it meanwhile', async () => {
    const { spool } = start({ maxSize: 4 * 2 ** 20 });
    const reader = spool.reader('otlp');
    const size = 700_000;
    const flying = range(3).map(n => {
      spool.append(waiting(`${n}`, size));
      return reader.take(1)!;
    });
    const intact = () => flying.every((taken, n) => text(taken) === `${n}`.repeat(size));
    spool.settle();
    for (const n of range(3)) spool.append(waiting(`${n + 4}`, size));
    expect(intact()).toBe(true);
    // Given up, too.
    for (const n of range(8)) spool.append(batch(`${n}`.repeat(size)));
    expect(intact()).toBe(true);
  });

  test('and small ones go together', () => {
    const { spool } = start();
    const reader = spool.reader('otlp');
    for (const each of ['a', 'b', 'c']) spool.append(waiting(each));
    expect(text(reader.take(2))).toBe('ab');
    spool.append(waiting('d'));
    expect(text(reader.take(1000))).toBe('cd');
  });

  test('counts for spool.max_size before it is written', () => {
    const { spool, seen } = start({ maxSize: 1_000_000 });
    const reader = spool.reader('otlp');
    for (const n of range(4)) spool.append(waiting(`${n}`, 300_000));
    expect(seen.dropped).toBe(1);
    expect(new Set(drain(reader))).toEqual(new Set('123'));
  });
});

test('a batch is read as it was, however much later, and whatever its memory holds by then', () => {
  const { spool } = start({ maxSize: 1_000_000, whenFull: 'block' });
  const [early, late] = [spool.reader('early'), spool.reader('late')];
  const bytes = Buffer.alloc(300_000);
  const appended = (value: string) => spool.append({ bytes: bytes.fill(value), records: 1 });
  appended('a');
  expect(text(early.take(1))![0]).toBe('a');
  appended('b');
  appended('c');
  expect(appended('d')).toBeUndefined();
  expect([1, 2, 3].map(() => new Set(text(late.take(1))))).toEqual([
    new Set('a'),
    new Set('b'),
    new Set('c'),
  ]);
});

test('a frame too long for what is left of a request begins the next one', () => {
  const { spool } = start();
  const reader = spool.reader('otlp');
  for (const each of ['a', 'b'.repeat(10), 'c', 'd'.repeat(9)]) spool.append(batch(each));
  expect([1, 2, 3, 4].map(() => text(reader.take(10)))).toEqual([
    'a',
    'b'.repeat(10),
    `c${'d'.repeat(9)}`,
    undefined,
  ]);
});

test('what was not given back is due again after a crash, what was is not', async () => {
  const first = start();
  const reader = first.spool.reader('otlp');
  for (const each of ['a', 'b', 'c']) first.spool.append(batch(each, 2));
  reader.done(reader.take(1)!);
  await first.spool.sync();
  reader.take(1);
  crash();
  const { spool } = start();
  const again = spool.reader('otlp');
  expect(again.pending).toBe(4);
  expect(text(again.take(1000))).toBe('bc');
});

test('a new exporter gets what the spool holds; one that is forgotten holds nothing back', () => {
  const { spool } = start();
  const reader = spool.reader('slow');
  spool.append(batch('a', 5));
  expect(spool.reader('new').pending).toBe(5);
  expect(spool.forget('slow')).toBe(5);
  expect(reader.pending).toBe(5);
  expect([...spool.readers()].map(({ name }) => name)).toEqual(['new']);
});

test('delivered segments leave the disk', async () => {
  const { spool } = start();
  const reader = spool.reader('otlp');
  for (let i = 0; i < 40; i++) spool.append({ bytes: Buffer.alloc(100_000, i), records: 1 });
  expect(spool.stats().bytes).toBeGreaterThan(4_000_000);
  for (let taken = reader.take(1e6); taken; taken = reader.take(1e6)) reader.done(taken);
  expect(spool.stats()).toMatchObject({ bytes: 0, oldest: undefined });
  await spool.close();
  crash();
  expect(segments()).toEqual([]);
});

test('drop_oldest gives up the oldest whole segments and says how many records', () => {
  const { spool, seen } = start({ maxSize: 2 * 2 ** 20 });
  const reader = spool.reader('otlp');
  for (let i = 0; i < 40; i++) spool.append({ bytes: Buffer.alloc(100_000, i), records: 3 });
  expect(seen.dropped).toBeGreaterThan(0);
  expect(reader.pending + seen.dropped).toBe(120);
  expect(statSync(rig.dir).isDirectory()).toBe(true);
  let read = 0;
  let last = -1;
  for (let taken = reader.take(1); taken; taken = reader.take(1)) {
    read += taken.records;
    expect(taken.bytes[0]).toBeGreaterThan(last);
    last = taken.bytes[0]!;
    reader.done(taken);
  }
  expect(read + seen.dropped).toBe(120);
  expect(last).toBe(39);
});

test('a batch in flight when its segment is given up is settled once', () => {
  const { spool, seen } = start({ maxSize: 1 * 2 ** 20 });
  const reader = spool.reader('otlp');
  spool.append({ bytes: Buffer.alloc(300_000, 1), records: 1 });
  const flying = reader.take(1)!;
  for (let i = 0; i < 10; i++) spool.append({ bytes: Buffer.alloc(300_000, 2), records: 1 });
  reader.done(flying);
  let read = 1;
  for (let taken = reader.take(1); taken; taken = reader.take(1)) {
    reader.done(taken);
    read++;
  }
  expect(read + seen.dropped).toBe(11);
  expect(reader.pending).toBe(0);
});

test('block refuses, and asks again when there is room', () => {
  const { spool, seen } = start({ maxSize: 1_000_000, whenFull: 'block' });
  const reader = spool.reader('otlp');
  let stored = 0;
  while (spool.append({ bytes: Buffer.alloc(100_000), records: 1 }) !== undefined) stored++;
  expect(stored).toBe(9);
  expect(seen.room).toBe(0);
  for (let taken = reader.take(1); taken; taken = reader.take(1)) reader.done(taken);
  expect(seen.room).toBeGreaterThan(0);
  expect(spool.append(batch('x'))).toBeDefined();
  expect(seen.dropped).toBe(0);
});

test.each(['block', 'drop_oldest'] as const)(
  'a batch that does not fit beside what is finished, or not at all, goes alone: %s',
  whenFull => {
    const { spool, seen } = rig.start({ maxSize: 2 ** 20, whenFull });
    const reader = spool.reader('otlp');
    const sent: number[] = [];
    for (const length of [200_000, 900_000, 3_000_000, 100_000, 1_000_000]) {
      const bytes = new Uint8Array(length).fill(sent.length + 1);
      expect(spool.append({ bytes, records: 1 })).toBe(sent.length + 1);
      const taken = reader.take(1)!;
      sent.push(taken.bytes.length);
      expect(Buffer.compare(taken.bytes, bytes)).toBe(0);
      reader.done(taken);
    }
    expect(sent).toEqual([200_000, 900_000, 3_000_000, 100_000, 1_000_000]);
    expect([seen.dropped, spool.stats().bytes]).toEqual([0, 0]);
  },
);

test('block: one larger than all the space waits until what is there is delivered', () => {
  const { spool, seen } = rig.start({ maxSize: 2 ** 20, whenFull: 'block' });
  const reader = spool.reader('otlp');
  spool.append({ bytes: new Uint8Array(1000), records: 1 });
  const large = { bytes: new Uint8Array(3_000_000), records: 1 };
  expect(spool.append(large)).toBeUndefined();
  reader.done(reader.take(1)!);
  expect(spool.append(large)).toBe(2);
  expect([reader.take(1)!.bytes.length, seen.dropped]).toEqual([3_000_000, 0]);
});

test('without readers a batch is given up at once', () => {
  const { spool, seen } = start();
  expect(spool.append(batch('a'))).toBe(1);
  expect(seen.written).toBe(1);
  expect(segments()).toEqual([]);
});

const damages: [string, (path: string) => void, string][] = [
  ['a torn tail', path => truncateSync(path, statSync(path).size - 3), 'alphabeta'],
  ['a torn header', path => truncateSync(path, statSync(path).size - 5 - 10), 'alphabeta'],
  ['a flipped bit in the middle', path => flip(path, 16 + 5 + 16 + 1), 'alphagamma'],
  ['a flipped bit in a header', path => flip(path, 16 + 5 + 5), 'alphagamma'],
  ['a flipped magic', path => flip(path, 0), 'betagamma'],
  ['zeroes for a file', path => writeFileSync(path, Buffer.alloc(200)), ''],
  ['an empty file', path => truncateSync(path, 0), ''],
];
for (const [what, damage, left] of damages)
  test(`${what} costs only what it hit`, () => {
    const first = start();
    first.spool.reader('otlp');
    for (const each of ['alpha', 'beta', 'gamma']) first.spool.append(batch(each));
    crash();
    damage(join(rig.dir, segments()[0]!));
    const { spool } = start();
    const reader = spool.reader('otlp');
    spool.append(batch('new'));
    let read = '';
    for (let taken = reader.take(1); taken; taken = reader.take(1)) {
      read += text(taken);
      reader.done(taken);
    }
    expect(read).toBe(`${left}new`);
    expect(reader.pending).toBe(0);
  });

test('a torn cursor means duplicates, not loss', () => {
  const first = start();
  const reader = first.spool.reader('otlp');
  first.spool.append(batch('a'));
  reader.done(reader.take(1)!);
  crash();
  writeFileSync(join(rig.dir, 'cursor-otlp.json'), '{"segm');
  expect(text(start().spool.reader('otlp').take(1))).toBe('a');
});

test('whatever happens, each batch is read, or counted as dropped, and none twice in a life', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          {
            weight: 5,
            arbitrary: fc.record({
              do: fc.constant('append' as const),
              size: fc.integer({ min: 1, max: 90_000 }),
            }),
          },
          {
            weight: 4,
            arbitrary: fc.record({
              do: fc.constant('read' as const),
              size: fc.integer({ min: 1, max: 200_000 }),
            }),
          },
          { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), size: fc.constant(0) }) },
        ),
        { maxLength: 120 },
      ),
      actions => {
        rmSync(rig.dir, { recursive: true, force: true });
        let dropped = 0;
        const options = { maxSize: 2 ** 20, onDropped: (_: string, n: number) => (dropped += n) };
        let { spool } = start(options);
        let reader = spool.reader('otlp');
        let appended = 0;
        const read = new Set<number>();
        for (const { do: action, size } of actions) {
          if (action === 'append') {
            const bytes = Buffer.alloc(size + 4, 1);
            bytes.writeUInt32BE(appended++);
            spool.append({ bytes, records: 1 });
          } else if (action === 'read') {
            const taken = reader.take(1);
            if (!taken) continue;
            read.add(Buffer.from(taken.bytes).readUInt32BE());
            if (size > 20_000) reader.done(taken);
            else reader.rewind();
          } else {
            crash();
            ({ spool } = start(options));
            reader = spool.reader('otlp');
          }
        }
        for (let taken = reader.take(1); taken; taken = reader.take(1)) {
          read.add(Buffer.from(taken.bytes).readUInt32BE());
          reader.done(taken);
        }
        crash();
        expect(reader.pending).toBe(0);
        expect(read.size).toBeLessThanOrEqual(appended);
        expect(read.size + dropped).toBeGreaterThanOrEqual(appended);
      },
    ),
    { numRuns: 40 },
  );
});
