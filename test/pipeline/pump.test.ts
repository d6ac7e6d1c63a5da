import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  type Delivery,
  type LogExporter,
  type Refusal,
  RetryLater,
  type SealedBatch,
} from '../../agent/core/exporter.ts';
import { createMeter } from '../../agent/core/meter.ts';
import { createPump } from '../../agent/pipeline/pump.ts';
import type { Reader, Taken } from '../../agent/pipeline/spool/reader.ts';
import { Room } from '../../agent/pipeline/spool/room.ts';
import { figure } from '../figure.ts';
import { quiet } from '../quiet.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A reader over a list; remembers what was given back. */
function listReader(names: string[]) {
  const queue = [...names];
  const done: string[] = [];
  const reader: Reader = {
    name: 'x',
    get pending() {
      return queue.length;
    },
    take() {
      const next = queue.shift();
      return next === undefined
        ? undefined
        : ({
            bytes: Buffer.from(next),
            records: 10,
            span: { from: { segment: 0, offset: 0 }, to: { segment: 0, offset: 0 } },
            room: new Room(),
          } satisfies Taken);
    },
    done: taken => done.push(Buffer.from(taken.bytes).toString()),
    rewind: () => 0,
  };
  return { reader, done, queue };
}

function start(names: string[], deliver: LogExporter['deliver'], concurrency = 2) {
  const { reader, done, queue } = listReader(names);
  const meter = createMeter();
  const settled: [number, number, string][] = [];
  const refused: Refusal[] = [];
  let closed = 0;
  const pump = createPump({
    name: 'x',
    exporter: {
      concurrency,
      deliver,
      close: async () => {
        closed++;
      },
    },
    reader,
    log: quiet,
    meter,
    random: () => 0.5,
    settled: (...args) => settled.push(args),
    refused: async refusals => void refused.push(...refusals),
  });
  return { pump, done, queue, meter, settled, refused, closed: () => closed };
}

const OK: Delivery = { rejected: 0 };
const name = (batch: SealedBatch) => Buffer.from(batch.bytes).toString();

test('what is there is delivered, and what comes later after a wake', async () => {
  const { pump, done, queue, settled, meter } = start(['a', 'b'], async () => OK);
  expect(figure(meter, 'eudaemon_exporter_failures_total', { exporter: 'x', reason: 'internal' })).toBe(0);
  await vi.advanceTimersByTimeAsync(0);
  expect(done).toEqual(['a', 'b']);
  queue.push('c');
  pump.wake();
  await vi.advanceTimersByTimeAsync(0);
  expect(done).toEqual(['a', 'b', 'c']);
  expect(settled).toHaveLength(3);
});

test('acknowledgements are taken in the order the answers come in', async () => {
  const answers = new Map<string, (value: Delivery) => void>();
  const { done } = start(['a', 'b', 'c'], batch => new Promise(resolve => answers.set(name(batch), resolve)));
  await vi.advanceTimersByTimeAsync(0);
  expect([...answers.keys()]).toEqual(['a', 'b']);
  answers.get('b')!(OK);
  await vi.advanceTimersByTimeAsync(0);
  expect(done).toEqual(['b']);
  expect([...answers.keys()]).toEqual(['a', 'b', 'c']);
  answers.get('a')!(OK);
  await vi.advanceTimersByTimeAsync(0);
  expect(done).toEqual(['b', 'a']);
});

test('a receiver that is away is tried again with growing pauses, one attempt at a time', async () => {
  const times: number[] = [];
  const began = Date.now();
  const { done, meter, pump } = start(['a'], async () => {
    times.push(Date.now() - began);
    if (times.length < 5) throw new RetryLater('refused', 'connection refused');
    return OK;
  });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(times).toEqual([0, 250, 750, 1750, 3750]);
  expect(done).toEqual(['a']);
  expect(figure(meter, 'eudaemon_exporter_failures_total', { exporter: 'x', reason: 'refused' })).toBe(4);
  expect(figure(meter, 'eudaemon_exporter_retries_total', { exporter: 'x' })).toBe(4);
  expect(figure(meter, 'eudaemon_exporter_up', { exporter: 'x' })).toBe(1);
  expect(pump.fault()).toBeUndefined();
});

test('the wish of the receiver is kept, up to five minutes, and half of it more by chance', async () => {
  const times: number[] = [];
  const began = Date.now();
  const wishes = [7000, 1e12];
  const { done } = start(['a'], async () => {
    times.push(Date.now() - began);
    const wish = wishes.shift();
    if (wish) throw new RetryLater('http_429', 'too many', wish);
    return OK;
  });
  await vi.advanceTimersByTimeAsync(500_000);
  expect(times).toEqual([0, 8750, 8750 + 375_000]);
  expect(done).toEqual(['a']);
});

test('a wish holds for the others, too, whatever those under way say meanwhile', async () => {
  const calls: string[] = [];
  const answers: { resolve(value: Delivery): void; reject(error: Error): void }[] = [];
  const { done } = start(
    ['a', 'b', 'c', 'd'],
    batch => {
      calls.push(name(batch));
      const answer = Promise.withResolvers<Delivery>();
      answers.push(answer);
      return answer.promise;
    },
    2,
  );
  await vi.advanceTimersByTimeAsync(0);
  expect(calls).toEqual(['a', 'b']);
  answers[0]!.reject(new RetryLater('http_429', 'too many', 10_000));
  await vi.advanceTimersByTimeAsync(0);
  answers[1]!.resolve(OK);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(calls).toEqual(['a', 'b']);
  await vi.advanceTimersByTimeAsync(2500);
  expect(calls).toEqual(['a', 'b', 'a']);
  answers[2]!.resolve(OK);
  await vi.advanceTimersByTimeAsync(0);
  expect(calls).toEqual(['a', 'b', 'a', 'c', 'd']);
  expect(done).toEqual(['b', 'a']);
});

test('attempts that fail together are one round, and only the oldest comes again before the receiver is back', async () => {
  let away = true;
  const calls: [string, number][] = [];
  const began = Date.now();
  const { done, queue } = start(
    ['a', 'b', 'c'],
    async batch => {
      calls.push([name(batch), Date.now() - began]);
      if (away) throw new RetryLater('refused', 'connection refused');
      return OK;
    },
    3,
  );
  await vi.advanceTimersByTimeAsync(1000);
  expect(calls).toEqual([
    ['a', 0],
    ['b', 0],
    ['c', 0],
    ['a', 250],
    ['a', 750],
  ]);
  away = false;
  await vi.advanceTimersByTimeAsync(1000);
  expect(calls.slice(5)).toEqual([
    ['a', 1750],
    ['b', 1750],
    ['c', 1750],
  ]);
  expect(done).toEqual(['a', 'b', 'c']);
  expect(queue).toEqual([]);
});

test('a clock that is set back holds nothing up', async () => {
  let calls = 0;
  const { done } = start(['a'], async () => {
    if (calls++ === 0) throw new RetryLater('refused', 'connection refused');
    return OK;
  });
  await vi.advanceTimersByTimeAsync(0);
  vi.setSystemTime(Date.now() - 3_600_000);
  await vi.advanceTimersByTimeAsync(1000);
  expect(done).toEqual(['a']);
});

test('failing for five minutes is a fault with its reason', async () => {
  const { pump } = start(['a'], async () => {
    throw new RetryLater('refused', 'cannot connect to "http://x": connection refused');
  });
  await vi.advanceTimersByTimeAsync(299_000);
  expect(pump.fault()).toBeUndefined();
  await vi.advanceTimersByTimeAsync(2000);
  expect(pump.fault()).toMatch(/has failed for 30\d s: cannot connect/);
});

test('what the receiver refused for good is settled as rejected', async () => {
  const { settled, done, meter } = start(['a'], async () => ({ rejected: 4, reason: 'http_400' }));
  await vi.advanceTimersByTimeAsync(0);
  expect(settled).toEqual([[6, 4, 'http_400']]);
  expect(done).toEqual(['a']);
  expect(figure(meter, 'eudaemon_exporter_failures_total', { exporter: 'x', reason: 'http_400' })).toBe(1);
});

test('what was refused as a whole is handed on before the batch is given back', async () => {
  const refusal = { bytes: Buffer.from('a'), records: 4, reason: 'http_400', message: 'HTTP 400' };
  const { refused, done } = start(['a'], async () => ({
    rejected: 4,
    reason: 'http_400',
    refused: [refusal],
  }));
  await vi.advanceTimersByTimeAsync(0);
  expect(refused).toEqual([refusal]);
  expect(done).toEqual(['a']);
});

test('an exporter that breaks is tried again, not trusted', async () => {
  let calls = 0;
  const { done } = start(['a'], async () => {
    if (calls++ === 0) throw new TypeError('undefined is not a function');
    return OK;
  });
  await vi.advanceTimersByTimeAsync(1000);
  expect(done).toEqual(['a']);
});

test('stop carries what is left, then closes', async () => {
  const { pump, done, closed } = start(['a', 'b', 'c'], async () => OK, 1);
  await pump.stop(1000, 1);
  expect(done).toEqual(['a', 'b', 'c']);
  expect(closed()).toBe(1);
});

test('stop does not wait longer than its deadline, and what was not delivered is not given back', async () => {
  const { pump, done, closed } = start(
    ['a'],
    (_, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
  );
  await vi.advanceTimersByTimeAsync(0);
  const stopped = pump.stop(1000, 1);
  await vi.advanceTimersByTimeAsync(1000);
  await stopped;
  expect(done).toEqual([]);
  expect(closed()).toBe(1);
});

test('what was taken behind a batch that was not does not come again', async () => {
  const { pump, done, settled } = start(
    ['a', 'b', 'c'],
    async batch => {
      if (name(batch) === 'a') throw new RetryLater('http_503', 'away');
      return OK;
    },
    3,
  );
  await vi.advanceTimersByTimeAsync(0);
  const stopped = pump.stop(1000, Number.POSITIVE_INFINITY);
  await vi.advanceTimersByTimeAsync(1000);
  await stopped;
  expect(done).toEqual(['b', 'c']);
  expect(settled).toHaveLength(2);
});

test.each([
  { wishMs: undefined, tries: 2 },
  { wishMs: 60_000, tries: 1 },
])('whoever is away when all stops is tried once more, unless it wished otherwise: %j', async given => {
  let tries = 0;
  const { pump, done, queue, closed } = start(
    ['a', 'b', 'c'],
    async () => {
      tries++;
      throw new RetryLater('http_503', 'away', given.wishMs);
    },
    1,
  );
  await vi.advanceTimersByTimeAsync(0);
  await pump.stop(8000, 1);
  expect({ tries, done, queue, closed: closed() }).toEqual({
    tries: given.tries,
    done: [],
    queue: ['b', 'c'],
    closed: 1,
  });
});

test('an exporter that makes way for another ends what it has begun, and begins nothing', async () => {
  const answers: ((delivery: Delivery) => void)[] = [];
  const { pump, done, queue, closed } = start(
    ['a', 'b', 'c'],
    () => new Promise(answer => answers.push(answer)),
  );
  await vi.advanceTimersByTimeAsync(0);
  const stopped = pump.leave();
  for (const answer of answers) answer(OK);
  await stopped;
  expect({ done, queue, closed: closed() }).toEqual({ done: ['a', 'b'], queue: ['c'], closed: 1 });
});
