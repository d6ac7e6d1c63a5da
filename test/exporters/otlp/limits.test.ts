// A receiver with a limit on requests: batches over it arrive in parts, each record once.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Behaviour } from '../../receiver.ts';
import { batch, closers, exporter, failure, never, receiver } from './rig.ts';

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `record ${from + i}`);
/** Takes at most so many records at once. */
const atMost =
  (records: number): ((request: { records: readonly unknown[] }) => Behaviour | undefined) =>
  request =>
    request.records.length > records ? { status: 413 } : undefined;

describe('413', () => {
  it.each([1, 2, 3, 7, 99])('a batch of 100 arrives where %d at once is the limit', async limit => {
    const server = await receiver();
    server.behave(atMost(limit));
    const sender = await exporter({ endpoint: server.url });
    expect(await sender.deliver(batch(...numbers(0, 100)), never)).toEqual({ rejected: 0 });
    expect(server.records.map(record => record.body)).toEqual(numbers(0, 100));
  });

  it('what was too large once is split before it is sent again', async () => {
    const server = await receiver();
    server.behave(atMost(50));
    const sender = await exporter({ endpoint: server.url });
    await sender.deliver(batch(...numbers(100, 200)), never);
    await sender.deliver(batch(...numbers(200, 300)), never);
    expect(server.requests.map(request => request.records.length)).toEqual([100, 50, 50, 50, 50]);
  });

  it('one record that is too large alone is given up, the others are not', async () => {
    const server = await receiver();
    server.behave(({ records }) =>
      records.some(each => each.body === 'record 5') ? { status: 413 } : undefined,
    );
    const sender = await exporter({ endpoint: server.url });
    const delivery = await sender.deliver(batch(...numbers(0, 8)), never);
    expect(delivery).toMatchObject({ rejected: 1, reason: 'http_413', refused: [{ records: 1 }] });
    expect(server.records.map(record => record.body)).toEqual(numbers(0, 8).filter((_, i) => i !== 5));
  });

  it('a failure in the middle repeats only the rest', async () => {
    const server = await receiver();
    let calls = 0;
    server.behave(request => (calls++ === 2 ? { status: 503 } : atMost(4)(request)));
    const sender = await exporter({ endpoint: server.url });
    const given = batch(...numbers(0, 8));
    expect(await failure(sender.deliver(given, never))).toMatchObject({ reason: 'http_503' });
    expect(await sender.deliver(given, never)).toEqual({ rejected: 0 });
    expect(server.records.map(record => record.body)).toEqual(numbers(0, 8));
  });

  it('what cannot be split is refused as it is', async () => {
    const server = createServer((request, response) =>
      request.resume().on('end', () => response.writeHead(413).end()),
    );
    await new Promise<void>(ready => server.listen(0, '127.0.0.1', ready));
    closers.push(async () => void server.close());
    const sender = await exporter({ endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    const damaged = { bytes: Uint8Array.of(0x0a, 99), records: 4 };
    expect(await sender.deliver(damaged, never)).toMatchObject({ rejected: 4, refused: [damaged] });
  });
});

it('partial successes of several parts add up', async () => {
  const server = await receiver();
  server.behave(request => atMost(4)(request) ?? { rejected: 1, message: 'old' });
  const sender = await exporter({ endpoint: server.url });
  expect(await sender.deliver(batch(...numbers(0, 8)), never)).toEqual({
    rejected: 2,
    reason: 'partial_success',
  });
});
