import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ShedTable } from '../../../agent/native/shed-table.ts';

const FIRST = 3;

function tables(): [writer: ShedTable, reader: ShedTable] {
  const shared = new Int32Array(new SharedArrayBuffer((FIRST + ShedTable.cells) * 4));
  return [new ShedTable(shared, FIRST), new ShedTable(shared, FIRST)];
}

it('tells processes and peers, each once, by the second call', () => {
  const [writer, reader] = tables();
  for (let i = 0; i < 5; i++) writer.add(false, 7, 1000, 0, 0);
  writer.add(false, 7, 0xfffffffe, 0, 0);
  for (let i = 0; i < 2; i++) writer.add(true, 0, 0, 0xffff0000, 0x0100007f);
  expect(reader.take()).toEqual([]);
  writer.add(false, 8, 0, 0, 0);
  const found = reader.take();
  expect(found).toHaveLength(3);
  expect(found).toEqual(
    expect.arrayContaining([
      { count: 5, pid: 7, uid: 1000, address: undefined },
      { count: 1, pid: 7, uid: 0xfffffffe, address: undefined },
      {
        count: 2,
        pid: 0,
        uid: 0,
        address: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1),
      },
    ]),
  );
  expect(reader.take()).toEqual([{ count: 1, pid: 8, uid: 0, address: undefined }]);
  expect(reader.take()).toEqual([]);
});

it('counts every message, of however many senders, against a map', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.tuple(fc.nat(300), fc.nat(3)), { maxLength: 600 })), turns => {
      const [writer, reader] = tables();
      const turn = () => reader.take().reduce((sum, { count }) => sum + count, 0);
      let pending = 0;
      for (const messages of turns) {
        const known = new Map<string, number>();
        for (const [pid, uid] of messages) {
          writer.add(false, pid + 1, uid, 0, 0);
          const key = `${pid + 1} ${uid}`;
          known.set(key, (known.get(key) ?? 0) + 1);
        }
        expect(turn()).toBe(pending);
        pending = messages.length;
        // Nothing was added since: what comes to rest is exactly this turn's.
        const found = reader.take();
        for (const { pid, uid, count } of found) if (pid > 0) expect(known.get(`${pid} ${uid}`)).toBe(count);
        expect(found.reduce((sum, { count }) => sum + count, 0)).toBe(pending);
        pending = 0;
      }
    }),
    { numRuns: 50 },
  );
});
