// Batches that stand in a room go from there, uncopied, and have it for as long as anybody needs them.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createBatch } from '../../agent/pipeline/batch.ts';
import type { Taken } from '../../agent/pipeline/spool/reader.ts';
import { createRooms } from '../../agent/pipeline/spool/room.ts';
import { spoolRig, text } from './spool-rig.ts';

const { start, path } = spoolRig();

/** As a flow has them: sealed into a room that is its own no longer once it was handed over. */
function sealer() {
  const free = createRooms();
  let taken = 0;
  const takeRoom = () => {
    taken++;
    return free();
  };
  const seal = (text: string) => {
    const room = takeRoom();
    const bytes = room.next(text.length);
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).write(text, 'latin1');
    room.keep(bytes.length);
    return { bytes, room, records: 1 };
  };
  return { takeRoom, seal, taken: () => taken };
}

test.each([true, false])(
  'a batch is sent from where it was sealed, and copied nowhere: waiting %s',
  mayWait => {
    const { takeRoom, seal, taken } = sealer();
    const { spool } = start({ takeRoom });
    const readers = ['one', 'two'].map(spool.reader);
    const sealed = seal('a'.repeat(300_000));
    spool.append({ ...sealed, mayWait });
    sealed.room.release();
    const found = readers.map(reader => reader.take(1)!);
    for (const { bytes } of found) expect(bytes.buffer).toBe(sealed.bytes.buffer);
    expect(taken()).toBe(1);
    // Not before the last has given it back.
    readers[0]!.done(found[0]!);
    const next = seal('b');
    expect(next.bytes.buffer).not.toBe(sealed.bytes.buffer);
    expect(text(found[1])).toBe('a'.repeat(300_000));
    readers[1]!.done(found[1]!);
    spool.append(next);
    expect(seal('c').bytes.buffer).toBe(sealed.bytes.buffer);
  },
);

test('what a batch is sealed into is used again once it is released', () => {
  const batch = createBatch([]);
  const { room, bytes } = batch.seal();
  expect(batch.seal().room).not.toBe(room);
  expect(bytes).toHaveLength(0);
  room.release();
  expect(batch.seal().room).toBe(room);
});

const step = fc.oneof(
  fc.record({
    do: fc.constant('append' as const),
    size: fc.constantFrom(1, 100, 70_000, 300_000),
    mayWait: fc.boolean(),
    stands: fc.boolean(),
  }),
  fc.record({
    do: fc.constantFrom('take' as const, 'done' as const),
    who: fc.nat(1),
    most: fc.constantFrom(1, 100_000, 1_000_000),
  }),
  fc.constantFrom({ do: 'settle' as const }, { do: 'rewind' as const }),
);

test('whatever comes between, what is taken is what was given until it is given back', () => {
  let run = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 80 }), steps => {
      const { takeRoom, seal } = sealer();
      const { spool, seen } = start({ takeRoom, dir: path(`${run++}`) });
      const readers = ['one', 'two'].map(spool.reader);
      let given = '';
      const ways = readers.map(reader => ({
        reader,
        flying: [] as { taken: Taken; from: number }[],
        at: 0,
        done: 0,
      }));
      steps.forEach((each, n) => {
        if (each.do === 'append') {
          const content = String.fromCharCode(97 + (n % 26)).repeat(each.size);
          const sealed = seal(content);
          const plain = { bytes: Buffer.from(content), records: 1 };
          spool.append({ ...(each.stands ? sealed : plain), mayWait: each.mayWait });
          sealed.room.release();
          given += content;
        } else if (each.do === 'settle') spool.settle();
        else if (each.do === 'rewind')
          for (const way of ways) {
            for (const { taken } of way.flying.splice(0)) taken.room.release();
            way.reader.rewind();
            way.at = way.done;
          }
        else {
          const way = ways[each.who]!;
          if (each.do === 'take') {
            const taken = way.reader.take(each.most);
            if (taken) way.flying.push({ taken, from: way.at });
            way.at += taken?.bytes.length ?? 0;
          } else {
            const first = way.flying.shift();
            if (!first) return;
            way.done += first.taken.bytes.length;
            way.reader.done(first.taken);
          }
        }
        for (const { flying } of ways)
          for (const { taken, from } of flying)
            expect(text(taken) === given.slice(from, from + taken.bytes.length)).toBe(true);
      });
      for (const way of ways) {
        let rest = '';
        for (let taken = way.reader.take(1e6); taken; taken = way.reader.take(1e6)) rest += text(taken);
        expect(rest === given.slice(way.at)).toBe(true);
      }
      expect([seen.dropped, seen.lost]).toEqual([0, []]);
    }),
    { numRuns: 30 },
  );
});
