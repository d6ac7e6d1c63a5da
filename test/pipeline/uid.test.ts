// log.record.uid: two records share one only when they are the same record, read again after a crash.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeLogs } from '../../agent/core/decode.ts';
import { encodeRecord, encodeResource, sealRequest } from '../../agent/core/encode.ts';
import { ProtoWriter } from '../../agent/core/protobuf.ts';
import { createOrigins, LogRecord } from '../../agent/core/record.ts';
import { createEvents } from '../../agent/pipeline/events.ts';
import { LogFile, START } from '../../collectors/files/file.ts';
import { createRecorder } from '../../collectors/journald/record.ts';

const origins = createOrigins();

/** The uid a record leaves with. */
function uidOf(record: LogRecord): string {
  const writer = new ProtoWriter();
  encodeRecord(writer, record);
  const request = sealRequest([
    { resource: encodeResource(record.origin, []), records: writer.buf, end: writer.pos },
  ]);
  const [decoded] = [...decodeLogs(request)];
  return String(decoded!.attributes['log.record.uid']);
}

function recordAt(high: number, low: number, position: number): LogRecord {
  const record = new LogRecord();
  record.origin = origins.of('x', undefined);
  return Object.assign(record, { sourceHigh: high, sourceLow: low, position });
}

/** Properties print their seed when they fail. */
const same = <T>(place: fc.Arbitrary<T>, uid: (place: T) => string) =>
  fc.assert(
    fc.property(place, place, (a, b) => {
      expect(uid(a)).toBe(uid(a));
      expect(uid(a)).toMatch(/^[0-9a-f]{32}$/);
      expect(uid(a) === uid(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
    }),
    { numRuns: 2_000 },
  );

const word = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 0xffffffff }));
const offset = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.maxSafeNat(), fc.constant(2 ** 32));

test('it is the place of the record, digit by digit', () => {
  expect(uidOf(recordAt(1, 0xffffffff, 2 ** 32 + 10))).toBe('00000001ffffffff000000010000000a');
  same(fc.tuple(word, word, offset), place => uidOf(recordAt(...place)));
});

test('a line is its file, how often that was emptied, and its offset', () => {
  const place = fc.record({
    dev: fc.integer({ min: 0, max: 2 }),
    ino: fc.integer({ min: 1, max: 4 }),
    birth: fc.constantFrom(0, 1_764_000_000_000, 1_764_000_000_001),
    generation: fc.integer({ min: 0, max: 3 }),
    offset: fc.integer({ min: 0, max: 2 }),
  });
  same(place, ({ dev, ino, birth, generation, offset: position }) => {
    const file = new LogFile(
      { id: { dev, ino, birth }, path: '/a', target: '/a', mtime: 0 },
      {} as never,
      {} as never,
      0,
    );
    file.place({ ...START, generation });
    return uidOf(recordAt(file.uidHigh, file.uidLow, position));
  });
});

test('an entry of the journal is its cursor', () => {
  const room = { daemons: { declared: [], ofPid() {}, ofIdentifier() {} }, origins, now: () => 0 };
  const recorder = createRecorder(room as never, false);
  const cursor = fc
    .record({ i: fc.integer({ min: 1, max: 300 }), m: fc.integer({ min: 0, max: 3 }) })
    .map(({ i, m }) => `s=6d8c1c3a;i=${i.toString(16)};b=0123;m=${m};t=62a;x=9`);
  same(cursor, __CURSOR => {
    const line = Buffer.from(JSON.stringify({ __CURSOR, MESSAGE: 'same' }));
    recorder.fill(line, 0, line.length);
    return uidOf(recorder.record);
  });
});

test('an event is its life and its number in it', () => {
  const uids: string[] = [];
  for (let life = 0; life < 20; life++) {
    const sink = { push: (record: LogRecord) => uids.push(uidOf(record)) > 0 };
    const events = createEvents({ attach: () => sink } as never, origins);
    for (let n = 0; n < 50; n++)
      events.emit({ name: 'e', daemon: undefined, severity: 9, body: 'b', attributes: {}, at: 1000 });
  }
  expect(new Set(uids).size).toBe(1000);
});
