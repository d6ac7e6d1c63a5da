// What an exporter is finished with before something older, which is left out when that is taken again.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Reader, Taken } from '../../agent/pipeline/spool/reader.ts';
import { batch, drain, spoolRig, text } from './spool-rig.ts';

const { start, crash, path, segments } = spoolRig();
/** Two of them do not share a segment. */
const LARGE = 300_000;

/** A spool of five batches, each in a segment of its own or all in one. */
function five(size: number) {
  const { spool } = start({ maxSize: 2 * 2 ** 20 });
  const reader = spool.reader('otlp');
  for (const each of ['a', 'b', 'c', 'd', 'e']) spool.append(batch(each.padEnd(size, '.')));
  return { spool, reader };
}
const letters = (of: string) => of.replaceAll('.', '');
const takeAll = (reader: Reader) => [0, 1, 2, 3, 4].map(() => reader.take(1)!);

test.each([1, LARGE])('comes no more in the next life: batches of %i bytes', async size => {
  const { spool, reader } = five(size);
  const taken = takeAll(reader);
  for (const i of [3, 1]) reader.done(taken[i]!);
  expect(reader.pending).toBe(3);
  await spool.close();
  crash();
  const next = start().spool.reader('otlp');
  expect(next.pending).toBe(3);
  expect(letters(drain(next))).toBe('ace');
  expect(next.pending).toBe(0);
});

test.each([1, LARGE])('neither after kill -9, once it was synced: batches of %i bytes', async size => {
  const { spool, reader } = five(size);
  const taken = takeAll(reader);
  for (const i of [1, 2]) reader.done(taken[i]!);
  await spool.sync();
  reader.done(taken[4]!);
  crash();
  expect(letters(drain(start().spool.reader('otlp')))).toBe('ade');
});

test('nor when another pump begins where that one was, in memory and on disk', () => {
  const { spool } = start();
  const reader = spool.reader('otlp');
  for (const each of ['a', 'b', 'c']) spool.append({ ...batch(each), mayWait: true });
  const taken = takeAll(reader).slice(0, 3);
  reader.done(taken[1]!);
  reader.rewind();
  expect(text(reader.take(1))).toBe('a');
  expect(text(reader.take(1))).toBe('c');
  reader.rewind();
  spool.settle();
  expect(text(reader.take(10))).toBe('ac');
});

test('leaves nothing behind once all before it is finished with', () => {
  const { reader, spool } = five(LARGE);
  const taken = takeAll(reader);
  for (const i of [4, 3, 2, 1]) reader.done(taken[i]!);
  expect(segments()).toHaveLength(5);
  reader.done(taken[0]!);
  expect(segments()).toHaveLength(0);
  expect(spool.stats().bytes).toBe(0);
});

test('is no name for what stands there later: a segment of memory that a crash took', async () => {
  const { spool } = start();
  const reader = spool.reader('otlp');
  spool.append(batch('a'));
  expect(text(reader.take(1))).toBe('a');
  spool.append({ ...batch('b'), mayWait: true });
  reader.done(reader.take(1)!);
  await spool.sync();
  crash();
  const next = start().spool;
  next.append(batch('c'));
  expect(drain(next.reader('otlp'))).toBe('ac');
});

const step = fc.oneof(
  fc.record({
    do: fc.constant('append' as const),
    size: fc.constantFrom(10, 100, 70_000, LARGE),
    mayWait: fc.boolean(),
  }),
  fc.record({ do: fc.constant('take' as const), most: fc.constantFrom(1, 100_000, 1_000_000) }),
  fc.record({ do: fc.constant('done' as const), which: fc.nat(9) }),
  fc.constantFrom({ do: 'restart' as const }, { do: 'rewind' as const }, { do: 'settle' as const }),
);

test.each([64 * 2 ** 20, 2 ** 20])(
  'whatever comes between, nothing comes twice and the count is right: spool.max_size %i',
  async maxSize => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async steps => {
        const dir = path(`${maxSize}-${run++}`);
        let { spool, seen } = start({ dir, maxSize });
        let reader = spool.reader('otlp');
        let appended = 0;
        let dropped = 0;
        const delivered = new Set<string>();
        let flying: Taken[] = [];
        const numbersOf = (taken: Taken) => text(taken)!.match(/\d+/g)!;
        const finish = (taken: Taken) => {
          for (const number of numbersOf(taken)) {
            expect(delivered).not.toContain(number);
            delivered.add(number);
          }
          reader.done(taken);
        };
        for (const each of steps) {
          if (each.do === 'append') {
            const content = `${appended++};`.padEnd(each.size, '.');
            spool.append({ ...batch(content), mayWait: each.mayWait });
          } else if (each.do === 'take') {
            const taken = reader.take(each.most);
            if (taken) flying.push(taken);
          } else if (each.do === 'done') {
            const [taken] = flying.splice(each.which % Math.max(1, flying.length), 1);
            if (taken) finish(taken);
          } else if (each.do === 'settle') spool.settle();
          else {
            for (const { room } of flying) room.release();
            flying = [];
            dropped += reader.rewind();
            if (each.do === 'rewind') continue;
            await spool.close();
            crash();
            dropped += seen.dropped;
            ({ spool, seen } = start({ dir, maxSize }));
            reader = spool.reader('otlp');
          }
          const inFlight = flying.reduce((sum, { records }) => sum + records, 0);
          expect(inFlight).toBeLessThanOrEqual(reader.pending);
          expect(reader.pending + delivered.size + dropped + seen.dropped).toBe(appended);
        }
        for (const taken of flying) finish(taken);
        for (let taken = reader.take(1e6); taken; taken = reader.take(1e6)) finish(taken);
        expect([reader.pending, spool.stats().bytes]).toEqual([0, 0]);
        expect(delivered.size + dropped + seen.dropped).toBe(appended);
      }),
      { numRuns: 60 },
    );
  },
);
