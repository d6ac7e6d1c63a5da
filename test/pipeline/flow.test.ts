import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { decodeLogs } from '../../agent/core/decode.ts';
import type { SealedBatch } from '../../agent/core/exporter.ts';
import { createMeter } from '../../agent/core/meter.ts';
import { createOrigins, LogRecord, utf8 } from '../../agent/core/record.ts';
import { createFlow } from '../../agent/pipeline/flow.ts';
import { createLedger } from '../../agent/pipeline/ledger.ts';
import { figure } from '../figure.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const origins = createOrigins();

function start() {
  const meter = createMeter(() => 0);
  const taken: SealedBatch[] = [];
  const state = { room: true, crowded: false, settled: 0, resumed: 0, committed: [] as [number, number][] };
  const flow = createFlow({
    host: [['host.name', 'h']],
    meter,
    ledger: createLedger(meter),
    outlet: {
      append: batch => (state.room ? taken.push({ ...batch, bytes: batch.bytes.slice() }) : undefined),
      settle: () => {
        state.settled++;
      },
      isCrowded: () => state.crowded,
    },
    sealed() {},
  });
  const out = flow.attach('syslog', {
    resume: () => {
      state.resumed++;
    },
    committed: (written, synced) => {
      state.committed.push([written, synced]);
    },
  });
  return { flow, out, meter, taken, state };
}

function record(body: string, service = 'nginx', declared = true): LogRecord {
  const made = new LogRecord();
  made.origin = origins.of(service, declared ? service : undefined);
  made.observedSeconds = 1000;
  made.severity = 17;
  made.buf = utf8(body);
  made.bodyEnd = made.sourceBytes = made.buf.length;
  return made;
}
const bodies = (batch: SealedBatch | undefined) => [...decodeLogs(batch!.bytes)].map(({ body }) => body);

test('a batch is sealed when it is 200 ms old, and counted then', () => {
  const { out, taken, meter } = start();
  expect(out.push(record('one'))).toBe(true);
  out.push(record('two', 'other-tag', false));
  vi.advanceTimersByTime(199);
  expect(taken).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(taken.map(({ records }) => records)).toEqual([2]);
  expect(bodies(taken[0])).toEqual(['one', 'two']);
  expect(figure(meter, 'eudaemon_records_received_total', { source: 'syslog' })).toBe(2);
  expect(figure(meter, 'eudaemon_log_records_total', { daemon: 'nginx', severity: 'err' })).toBe(1);
  expect(figure(meter, 'eudaemon_log_records_total', { daemon: 'other', severity: 'err' })).toBe(1);
  expect(figure(meter, 'eudaemon_log_bytes_total', { daemon: 'nginx', severity: 'err' })).toBe(3);
  expect(figure(meter, 'eudaemon_log_last_timestamp_seconds', { daemon: 'nginx' })).toBe(1000);
});

test('declared daemons have their figures before they say anything', () => {
  const { flow, out, meter } = start();
  flow.declare(new Set(['nginx', 'silent']));
  out.push(record('one'));
  vi.advanceTimersByTime(200);
  flow.declare(new Set(['nginx', 'silent']));
  const severities = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug', 'none'];
  for (const name of ['eudaemon_log_records_total', 'eudaemon_log_bytes_total'])
    expect(severities.map(severity => figure(meter, name, { daemon: 'silent', severity }))).toEqual(
      severities.map(() => 0),
    );
  expect(figure(meter, 'eudaemon_log_records_total', { daemon: 'nginx', severity: 'err' })).toBe(1);
});

test('what the agent says of a daemon is none of its log records', () => {
  const { out, meter } = start();
  const event = record('it died');
  event.eventName = utf8('eudaemon.daemon.exited');
  out.push(event);
  out.push(record('one'));
  vi.advanceTimersByTime(200);
  expect(figure(meter, 'eudaemon_records_received_total', { source: 'syslog' })).toBe(2);
  expect(figure(meter, 'eudaemon_log_records_total', { daemon: 'nginx', severity: 'err' })).toBe(1);
});

test('a batch is sealed when it is large, and when it has many records', () => {
  const { out, taken } = start();
  for (let i = 0; i < 11; i++) out.push(record('x'.repeat(100_000)));
  expect(taken).toHaveLength(1);
  for (let i = 0; i < 10_000; i++) out.push(record(''));
  expect(taken.at(-1)!.records).toBe(8192);
});

test('records of one origin stand together under their resource', () => {
  const { flow, out, taken } = start();
  for (const [body, service] of [
    ['a', 'nginx'],
    ['b', 'redis'],
    ['c', 'nginx'],
  ] as const)
    out.push(record(body, service));
  flow.flush();
  expect(
    [...decodeLogs(taken[0]!.bytes)].map(({ body, resource }) => [
      body,
      resource['service.name'],
      resource['host.name'],
    ]),
  ).toEqual([
    ['a', 'nginx', 'h'],
    ['c', 'nginx', 'h'],
    ['b', 'redis', 'h'],
  ]);
});

test('a batch may wait where all of its records may, until its source asks for room', () => {
  const { flow, out, taken, state } = start();
  const waiting = () => Object.assign(record('waits'), { mayWait: true });
  const sealed = (...acts: (() => void)[]) => {
    for (const act of acts) act();
    flow.flush();
    return taken.at(-1)!.mayWait;
  };
  const push = () => void out.push(waiting());
  expect(sealed(push, push)).toBe(true);
  expect(sealed(push, () => out.push(record('does not')), push)).toBe(false);
  expect(sealed(push, () => out.settle())).toBe(false);
  expect(state.settled).toBe(1);
  expect(sealed(push)).toBe(true);
});

test('without room the stream is told to stop, nothing is lost, and it goes on when there is room', () => {
  const { flow, out, taken, state } = start();
  state.room = false;
  out.push(record('first'));
  flow.flush();
  expect(out.push(record('second'))).toBe(false);
  flow.resume();
  expect([taken.length, state.resumed]).toEqual([0, 0]);
  state.room = true;
  flow.resume();
  expect(taken.map(bodies)).toEqual([['first'], ['second']]);
  expect(state.resumed).toBe(1);
  expect(out.push(record('third'))).toBe(true);
});

test('a stream hears how far it is written and synced, in its own count', () => {
  const { flow, out, state } = start();
  const other = flow.attach('files', { resume() {}, committed() {} });
  out.push(record('a'));
  other.push(record('x'));
  flow.flush();
  out.push(record('b'));
  out.push(record('c'));
  flow.flush();
  flow.committed(1, 0);
  flow.committed(2, 1);
  flow.committed(2, 2);
  expect(state.committed).toEqual([
    [1, 0],
    [3, 1],
    [3, 3],
  ]);
});

test('what a stream gives up is received and dropped; what was lost before it is only an estimate', () => {
  const { out, meter } = start();
  out.drop('ring_full', 7);
  out.lost('kernel', 3);
  expect(figure(meter, 'eudaemon_records_received_total', { source: 'syslog' })).toBe(7);
  expect(figure(meter, 'eudaemon_records_dropped_total', { reason: 'ring_full', exporter: '' })).toBe(7);
  expect(figure(meter, 'eudaemon_records_lost_estimate_total', { source: 'syslog', reason: 'kernel' })).toBe(
    3,
  );
});

test('what a stream pushed just before it went is counted', () => {
  const { flow, out, meter, taken } = start();
  out.push(record('last'));
  flow.detach('syslog');
  expect(taken).toHaveLength(1);
  expect(figure(meter, 'eudaemon_records_received_total', { source: 'syslog' })).toBe(1);
});

test('what processors stop is received and dropped, and as safe as what was kept before it', () => {
  const { flow, out, meter, taken, state } = start();
  flow.process({ run: ({ severity }) => (severity === 17 ? 'processor_drop' : '') });
  const kept = () => Object.assign(record('kept'), { severity: 9 });
  out.push(record('a'));
  out.push(record('b'));
  vi.advanceTimersByTime(200);
  expect(taken).toEqual([]);
  expect(state.committed).toEqual([[2, 2]]);
  expect(figure(meter, 'eudaemon_records_received_total', { source: 'syslog' })).toBe(2);
  const dropped = () =>
    figure(meter, 'eudaemon_records_dropped_total', { reason: 'processor_drop', exporter: '' });
  expect(dropped()).toBe(2);
  expect(figure(meter, 'eudaemon_log_last_timestamp_seconds', { daemon: 'nginx' })).toBe(1000);
  expect(figure(meter, 'eudaemon_log_records_total', { daemon: 'nginx', severity: 'err' })).toBeUndefined();

  out.push(kept());
  flow.flush();
  out.push(record('c'));
  flow.flush();
  expect(state.committed).toHaveLength(1);
  flow.committed(1, 0);
  flow.committed(1, 1);
  expect(state.committed.slice(1)).toEqual([
    [4, 2],
    [4, 4],
  ]);
  expect(dropped()).toBe(3);
  expect(taken.map(bodies)).toEqual([['kept']]);
});

test('what is stopped while a batch waits is not ahead of it', () => {
  const { flow, out, state } = start();
  flow.process({ run: ({ bodyEnd }) => (bodyEnd === 4 ? 'sampled' : '') });
  state.room = false;
  out.push(record('waits'));
  flow.flush();
  expect(out.push(record('gone'))).toBe(false);
  flow.flush();
  flow.committed(0, 0);
  expect(state.committed).toEqual([[0, 0]]);
  state.room = true;
  flow.resume();
  flow.committed(1, 1);
  expect(state.committed.at(-1)).toEqual([2, 2]);
});

test('many stopped records are told without waiting, and none after processing ends', () => {
  const { flow, out, state, taken } = start();
  flow.process({ run: () => 'sampled' });
  for (let i = 0; i < 8192; i++) out.push(record(''));
  expect(state.committed).toEqual([[8192, 8192]]);
  flow.process(undefined);
  out.push(record('x'));
  flow.flush();
  expect(taken).toHaveLength(1);
});

test('who can wait does so while the outlet is crowded, and nobody else', () => {
  const { flow, out, state } = start();
  let resumed = 0;
  const file = flow.attach('files', { waits: true, resume: () => void resumed++, committed() {} });
  expect(file.push(record('one'))).toBe(true);
  state.crowded = true;
  flow.flush();
  expect([file.push(record('two')), out.push(record('three'))]).toEqual([false, true]);
  flow.resume();
  expect([resumed, state.resumed]).toEqual([0, 0]);
  state.room = false;
  flow.flush();
  expect(out.push(record('four'))).toBe(false);
  state.room = true;
  flow.resume();
  expect([resumed, state.resumed]).toEqual([0, 1]);
  state.crowded = false;
  flow.resume();
  expect([resumed, state.resumed]).toEqual([1, 1]);
  expect(file.push(record('five'))).toBe(true);
  flow.resume();
  expect([resumed, state.resumed]).toEqual([1, 1]);
});
