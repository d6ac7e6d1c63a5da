// Dead letters: what was refused is there to be read, with its reason, and never takes more room than it may.
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Refusal, SealedBatch } from '../../../agent/core/exporter.ts';
import type { StoredRecord } from '../../../agent/core/line.ts';
import { createLetters } from '../../../exporters/store/letters.ts';
import { query } from '../../../exporters/store/query.ts';
import { figure } from '../../figure.ts';
import { batch, createRoom, HOST, scratch } from './batch.ts';

function open(maxBytes = 2 ** 20, directory = join(scratch(), 'dead-letter')) {
  const { room, logged, meter, clock } = createRoom();
  const letters = createLetters({ directory, maxBytes, host: HOST, log: room.log, meter, now: room.now });
  onTestFinished(async () => {
    await letters.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return { letters, directory, logged, meter, clock };
}
const refusal = (given: SealedBatch): Refusal => ({ ...given, reason: 'http_400', message: 'HTTP 400: bad' });
const read = async (directory: string): Promise<StoredRecord[]> =>
  (await Array.fromAsync(query(directory, {}))).map(({ record }) => record);
const size = (directory: string) =>
  readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);

it('keeps records with who refused them, why and when, for their owner only', async () => {
  const { letters, directory, meter, logged } = open();
  await letters.keep('otlp', [refusal(batch({ body: 'a "quoted"\nline' }, { body: 'b', service: 'db' }))]);
  const dead_letter = {
    exporter: 'otlp',
    reason: 'http_400',
    message: 'HTTP 400: bad',
    at: '2027-01-15T08:00:00.000000000Z',
  };
  expect(await read(directory)).toMatchObject([
    { body: 'a "quoted"\nline', service: 'web', attributes: { 'process.pid': 42 }, dead_letter },
    { body: 'b', service: 'db', dead_letter },
  ]);
  const [name] = readdirSync(directory);
  expect(statSync(join(directory, name!)).mode & 0o777).toBe(0o600);
  expect(figure(meter, 'eudaemon_dead_letter_records_total', { exporter: 'otlp' })).toBe(2);
  expect(logged).toEqual([]);
});

it('keeps bytes that are no records as they are', async () => {
  const { letters, directory } = open();
  await letters.keep('otlp', [
    { ...refusal({ bytes: Uint8Array.of(0x0a, 99), records: 7 }), reason: 'undecodable' },
  ]);
  expect(await read(directory)).toMatchObject([
    { body: 'CmM=', attributes: { records: 7, encoding: 'base64' }, dead_letter: { reason: 'undecodable' } },
  ]);
});

it('the oldest go first, and the room is never exceeded', async () => {
  const { letters, directory } = open(64 * 1024);
  for (let i = 0; i < 300; i++) {
    await letters.keep('otlp', [refusal(batch({ body: `${i} ${'x'.repeat(1000)}` }))]);
    expect(size(directory)).toBeLessThanOrEqual(64 * 1024);
  }
  const numbers = (await read(directory)).map(({ body }) => Number.parseInt(String(body), 10));
  expect(numbers.at(-1)).toBe(299);
  expect(numbers[0]).toBeGreaterThan(200);
  expect(numbers.length).toBeGreaterThan(20);
});

it('of a refusal that is larger than the room the last records are kept, and it is said', async () => {
  const { letters, directory, meter, logged } = open(64 * 1024);
  const bodies = Array.from({ length: 200 }, (_, i) => ({ body: `${i} ${'x'.repeat(1000)}` }));
  await letters.keep('otlp', [refusal(batch(...bodies))]);
  const numbers = (await read(directory)).map(({ body }) => Number.parseInt(String(body), 10));
  expect(numbers.length).toBeGreaterThan(20);
  expect(numbers).toEqual(numbers.map((_, i) => 200 - numbers.length + i));
  expect(size(directory)).toBeLessThanOrEqual(64 * 1024);
  expect(figure(meter, 'eudaemon_dead_letter_records_total', { exporter: 'otlp' })).toBe(numbers.length);
  expect(logged).toEqual([
    `cannot keep ${200 - numbers.length} of 200 dead letters in "${directory}": spool.dead_letter is too small`,
  ]);
});

it('goes on where an earlier life ended', async () => {
  const first = open();
  await first.letters.keep('otlp', [refusal(batch({ body: 'a' }))]);
  await open(2 ** 20, first.directory).letters.keep('otlp', [refusal(batch({ body: 'b' }))]);
  expect((await read(first.directory)).map(({ body }) => body)).toEqual(['a', 'b']);
});

it('opens nothing before there is something, and keeps nothing without room', async () => {
  const { letters, directory, logged } = open(0);
  await letters.keep('otlp', [refusal(batch({ body: 'a' }))]);
  expect(() => statSync(directory)).toThrow();
  expect(logged).toEqual([]);
});

it('a file in the place of the directory is said, and disturbs nobody', async () => {
  const directory = join(scratch(), 'dead-letter');
  writeFileSync(directory, '');
  const { letters, logged } = open(2 ** 20, directory);
  await letters.keep('otlp', [refusal(batch({ body: 'a' }))]);
  expect(logged).toEqual([`cannot keep dead letters in "${directory}": file exists; they are lost`]);
});

it('one record larger than the room is said, and not kept', async () => {
  const { letters, directory, meter, logged } = open(100);
  await letters.keep('otlp', [refusal(batch({ body: 'a' }))]);
  expect(await read(directory)).toEqual([]);
  expect(figure(meter, 'eudaemon_dead_letter_records_total', { exporter: 'otlp' })).toBe(0);
  expect(logged).toHaveLength(1);
});

it('is tried again after a failure', async () => {
  const directory = join(scratch(), 'dead-letter');
  writeFileSync(directory, '');
  const { letters } = open(2 ** 20, directory);
  await letters.keep('otlp', [refusal(batch({ body: 'a' }))]);
  rmSync(directory);
  mkdirSync(directory);
  await letters.keep('otlp', [refusal(batch({ body: 'b' }))]);
  expect((await read(directory)).map(({ body }) => body)).toEqual(['b']);
});
