import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Ring } from '../../../agent/native/ring.ts';
import { Cell, Entry, Head, Mark, RingMemory } from '../../../agent/native/ring-memory.ts';
import { RingWriter } from '../../../agent/native/ring-writer.ts';
import { ShedTable } from '../../../agent/native/shed-table.ts';

const SIZE = { slots: 4, stride: 4096, capacity: 1 << 16 };

/** A writer on plain memory, and messages as if the kernel had received them into the slots. */
function createWriter() {
  const memory = new RingMemory(new ArrayBuffer(RingMemory.bytes(SIZE)), 0, SIZE);
  const shared = new Int32Array(new SharedArrayBuffer((Cell.Count + ShedTable.cells) * 4));
  memory.arm();
  const writer = new RingWriter(memory, shared);
  const receive = (text: string, pid = 1) => {
    memory.bytes.set(Buffer.from(text), memory.slots);
    memory.words[memory.lengthAt(0)] = text.length;
    memory.words.set([32, 0, 1, 2, pid, 0], memory.controlAt(0));
    memory.words[memory.controlLengthAt(0)] = 32;
    const before = memory.words[Head.Shed]!;
    writer.take(1, 0, false, 0);
    return memory.words[Head.Shed] === before;
  };
  return {
    writer,
    receive,
    memory,
    shared,
    used: () => (memory.doubles[Mark.Head]! - shared[Cell.Tail]! * 8) / SIZE.capacity,
    release: (bytes: number) => Atomics.add(shared, Cell.Tail, bytes / 8),
  };
}

afterEach(() => vi.restoreAllMocks());

describe('the places of chunks', () => {
  /** A consumer and a writer on memory that outlives them. */
  const life = (buffer: ArrayBuffer) => {
    const memory = new RingMemory(buffer, 0, SIZE);
    const ring = new Ring(undefined as never, '', -1, memory, 0);
    return { memory, ring, writer: new RingWriter(memory, Reflect.get(ring, 'shared')) };
  };
  const begin = (): ArrayBuffer => {
    const buffer = new ArrayBuffer(RingMemory.bytes(SIZE));
    new RingMemory(buffer, 0, SIZE).words[Head.Taken] = SIZE.slots;
    return buffer;
  };

  it('are no more than what is kept needs, whatever was kept before', () => {
    const { memory, ring, writer } = life(begin());
    for (let i = 0; i < 2000; i++) {
      memory.words[memory.lengthAt(0)] = 1000 + (i % 500);
      writer.take(1, 0, false, 0);
      while (ring.next());
      if (i % 3 === 0) ring.release(ring.consumed);
    }
    const used = new Set(Array.from({ length: memory.places }, (_, i) => memory.placeOf(i * memory.chunk)));
    expect(ring.consumed).toBeGreaterThan(20 * SIZE.capacity);
    expect([...used].sort()).toEqual([0, 1]);
  });

  it('keep every message, in order and under its name, until it is released, in this life and the next', () => {
    const action = fc.oneof(
      { weight: 6, arbitrary: fc.record({ send: fc.nat(4096) }) },
      { weight: 3, arbitrary: fc.record({ take: fc.nat(12) }) },
      { weight: 2, arbitrary: fc.record({ release: fc.nat(12) }) },
      { weight: 1, arbitrary: fc.constant({ die: true }) },
    );
    fc.assert(
      fc.property(fc.array(action, { minLength: 100, maxLength: 300 }), actions => {
        const buffer = begin();
        let { memory, ring, writer } = life(buffer);
        let number = 0;
        let last = -1;
        /** Not released: what was sent, and once it was taken its position and the one behind it. */
        let kept: { text: string; position?: number; behind?: number }[] = [];
        let taken = 0;
        for (const each of actions) {
          if ('send' in each) {
            const text = `<0>${number++} `.padEnd(each.send, 'x');
            memory.bytes.set(Buffer.from(text), memory.slots);
            memory.words[memory.lengthAt(0)] = text.length;
            const before = memory.words[Head.Shed];
            writer.take(1, 0, false, 0);
            if (memory.words[Head.Shed] === before) kept.push({ text });
          } else if ('take' in each) {
            for (let i = 0; i < each.take && ring.next(); i++) {
              const one = kept[taken++]!;
              expect(String(Buffer.from(ring.bytes.slice(ring.start, ring.end)))).toBe(one.text);
              if (one.position === undefined) expect(ring.position).toBeGreaterThan(last);
              else expect(ring.position).toBe(one.position);
              one.position = ring.position;
              one.behind = ring.consumed;
              last = Math.max(last, ring.position);
            }
          } else if ('release' in each) {
            const count = Math.min(each.release, taken);
            if (count === 0) continue;
            ring.release(kept[count - 1]!.behind!);
            kept = kept.slice(count);
            taken -= count;
          } else {
            ({ memory, ring, writer } = life(buffer));
            taken = 0;
          }
        }
        ({ ring } = life(buffer));
        const found: string[] = [];
        while (ring.next()) found.push(String(Buffer.from(ring.bytes.slice(ring.start, ring.end))));
        expect(found).toEqual(kept.map(({ text }) => text));
      }),
      { numRuns: 200 },
    );
  });
});

describe('a ring that fills up', () => {
  it('sheds by severity and loudness: when each is first refused', () => {
    const { receive, used } = createWriter();
    const refused = new Map<string, number>();
    const loud = 7;
    const offer = (name: string, text: string, pid: number) => {
      if (!receive(text, pid) && !refused.has(name)) refused.set(name, used());
    };
    for (let i = 0; i < 4000; i++) {
      offer('loud debug', `<7>${'x'.repeat(20)}`, loud);
      offer('loud error', '<3>x', loud);
      if (i % 10 !== 0) continue;
      offer('quiet debug', '<7>x', 100 + (i % 90));
      offer('quiet error', '<3>x', 100 + (i % 90));
    }
    const order = [...refused].sort((a, b) => a[1] - b[1]).map(([name]) => name);
    expect(order).toEqual(['loud debug', 'quiet debug', 'loud error', 'quiet error']);
    expect(refused.get('loud debug')).toBeGreaterThan(0.74);
    expect(refused.get('quiet error')).toBeGreaterThan(0.99);
  });

  it('gives way to a consumer that is behind but moves, and waits for no other', () => {
    const waits = vi.spyOn(Atomics, 'wait').mockReturnValue('timed-out');
    const { writer, receive, used, release } = createWriter();
    const waitedAt = (now: number) => {
      const before = waits.mock.calls.length;
      writer.giveWay(now);
      return waits.mock.calls.length > before;
    };
    receive('<7>x');
    release(8);
    expect(waitedAt(0)).toBe(false);
    while (used() < 0.6) receive(`<7>${'x'.repeat(500)}`);
    expect(waitedAt(1000)).toBe(false);
    release(8);
    expect([1010, 1100, 1109, 1110, 2000].map(waitedAt)).toEqual([true, true, true, false, false]);
    release(8);
    expect(waitedAt(2001)).toBe(true);
    expect(waits.mock.lastCall![3]).toBe(1);
    release(SIZE.capacity / 4);
    receive('<7>x');
    expect(waitedAt(2002)).toBe(false);
  });
});

describe('control data', () => {
  const CREDENTIALS = [32, 0, 1, 2, 77, 1000];
  const STAMP = [32, 0, 1, 35, 1_790_000_000, 0, 123_456_789, 0];
  const OVERFLOW = (total: number) => [20, 0, 1, 40, total, 0];
  /** What the entry of a message with this control data says. */
  function entryOf(
    control: readonly number[],
    length: number,
    { udp = false, before = [] as number[] } = {},
  ) {
    const { writer, memory, shared } = createWriter();
    memory.words.set(before, memory.controlAt(0));
    memory.words.set(control, memory.controlAt(0));
    memory.words[memory.controlLengthAt(0)] = length;
    memory.words[memory.lengthAt(0)] = 0;
    writer.take(1, 0, udp, 5000);
    const entry = memory.entries >> 2;
    return {
      pid: memory.words[entry + Entry.Pid],
      uid: memory.words[entry + Entry.Uid],
      at: memory.doubles[(memory.entries >> 3) + Entry.Received],
      lost: shared[Cell.Overflow],
    };
  }
  const at = 1_790_000_000_123.4568;
  it.each<[string, ReturnType<typeof entryOf>, object]>([
    ['time and credentials', entryOf([...STAMP, ...CREDENTIALS], 64), { pid: 77, uid: 1000, lost: 0 }],
    ['credentials alone', entryOf(CREDENTIALS, 32), { pid: 77, uid: 1000, at: 5000 }],
    ['nothing', entryOf([], 0), { pid: 0, uid: 0, at: 5000 }],
    ['time and losses', entryOf([...STAMP, ...OVERFLOW(9)], 56, { udp: true }), { pid: 0, uid: 0, lost: 9 }],
    [
      'time, and what another socket left behind it',
      entryOf(STAMP, 32, { udp: true, before: [...STAMP, ...OVERFLOW(9)] }),
      { pid: 0, lost: 0 },
    ],
    [
      'time, and credentials of a former message',
      entryOf(STAMP, 32, { before: [...STAMP, ...CREDENTIALS] }),
      { pid: 0, uid: 0 },
    ],
  ])('with %s', (_, entry, expected) => {
    expect(entry).toMatchObject(expected);
    if (!('at' in expected)) expect(entry.at).toBeCloseTo(at, 3);
  });
});

it('tells whose messages it shed', () => {
  const { receive, shared } = createWriter();
  const table = new ShedTable(shared, Cell.Count);
  let refused = 0;
  for (let i = 0; i < 3000; i++) if (!receive('<7>xxxxxxxxxxxxxxx', 42)) refused++;
  expect(refused).toBeGreaterThan(100);
  table.take();
  expect(table.take()).toEqual([{ count: refused, pid: 42, uid: 0, address: undefined }]);
});

it.each([
  { room: 'for all', lengths: [], kept: ['<0>one', '<0>two', '<0>three'], shed: 0 },
  {
    room: 'but for the second',
    lengths: [...Array(15).fill(4064), 3968],
    kept: ['<0>one', '<0>three'],
    shed: 1,
  },
])(
  'killed at any store, it loses no message, counts and repeats none, and the next life neither: room $room',
  ({ lengths, kept, shed }) => {
    const buffer = new ArrayBuffer(RingMemory.bytes(SIZE));
    const shared = new Int32Array(new SharedArrayBuffer((Cell.Count + ShedTable.cells) * 4));
    const received = new RingMemory(buffer, 0, SIZE);
    received.arm();
    const earlier = new RingWriter(received, shared);
    for (const length of lengths) {
      received.bytes.set(Buffer.from('<0>'), received.slots);
      received.words[received.lengthAt(0)] = length;
      earlier.take(1, 0, false, 0);
    }
    const texts = ['<0>one', `<0>two${shed > 0 ? '!'.repeat(200) : ''}`, '<0>three'];
    for (const [slot, text] of texts.entries()) {
      received.bytes.set(Buffer.from(text), received.slots + slot * SIZE.stride);
      received.words[received.lengthAt(slot)] = text.length;
    }
    const before = buffer.slice();
    /** Memory whose owner dies before its store number `at`. */
    const dying = (memory: RingMemory, at: number): RingMemory => {
      let stores = 0;
      const mortal = <T extends object>(array: T): T =>
        new Proxy(array, {
          get: (target, key) => {
            const value = Reflect.get(target, key);
            return typeof value === 'function' ? value.bind(target) : value;
          },
          set(target, key, value) {
            if (stores++ === at) throw new Error('killed');
            return Reflect.set(target, key, value);
          },
        });
      for (const name of ['words', 'doubles'] as const)
        Object.defineProperty(memory, name, { value: mortal(memory[name]) });
      return memory;
    };
    const isKilled = (work: () => unknown): boolean => {
      try {
        work();
        return false;
      } catch {
        return true;
      }
    };
    const life = (memory: RingMemory) => new Ring(undefined as never, '', -1, memory, 0);

    const none = Number.POSITIVE_INFINITY;
    for (let first = 0, alive = false; !alive; first++)
      for (const second of [none, ...Array.from({ length: 40 }, (_, i) => i)]) {
        new Uint8Array(buffer).set(new Uint8Array(before));
        const writer = new RingWriter(dying(new RingMemory(buffer, 0, SIZE), first), shared);
        alive = !isKilled(() => writer.take(texts.length, 0, false, 0));
        isKilled(() => life(dying(new RingMemory(buffer, 0, SIZE), second)));
        const ring = life(new RingMemory(buffer, 0, SIZE));
        const found: string[] = [];
        while (ring.next()) found.push(String(Buffer.from(ring.bytes.slice(ring.start, ring.end))));
        expect([first, second, found.slice(lengths.length), ring.shed()]).toEqual([
          first,
          second,
          kept,
          shed,
        ]);
      }
  },
);
