// Questions to the store, against a model that keeps everything in a list.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isoTime } from '../../../agent/core/line.ts';
import { endOfStore, type Found, type Query, query } from '../../../exporters/store/query.ts';
import { scratch } from './batch.ts';

interface Line {
  at: number;
  service: string;
  severity: number;
  body: string;
}

const text = ({ at, service, severity, body }: Line): string =>
  JSON.stringify({
    time: isoTime(BigInt(at) * 1_000_000n),
    observed: isoTime(BigInt(at) * 1_000_000n),
    service,
    ...(severity > 0 && { severity_number: severity }),
    body,
  });

const segmentName = (start: number) => `logs-${String(start).padStart(13, '0')}.ndjson`;
const write = (directory: string, start: number, content: string) =>
  writeFileSync(join(directory, segmentName(start)), content);

const ask = async (directory: string, asked: Query = {}): Promise<Found[]> =>
  Array.fromAsync(query(directory, asked));
const bodiesOf = async (directory: string, asked: Query = {}) =>
  (await ask(directory, asked)).map(({ record }) => record.body);

describe('query', () => {
  it('agrees with the model on any store and any question', async () => {
    const line = fc.record({
      at: fc.integer({ min: 0, max: 2000 }),
      service: fc.constantFrom('web', 'db', 'we"b', ''),
      severity: fc.constantFrom(0, 5, 9, 13, 17),
      body: fc.oneof(
        fc.constantFrom('"service":"web"', 'error', 'ünïcödé €', ''),
        fc.string(),
        // Lines that span the pieces a file is read in.
        fc.integer({ min: 200_000, max: 600_000 }).map(length => 'long '.repeat(length / 5)),
      ),
    });
    const asked = fc.record(
      {
        daemon: fc.constantFrom('web', 'db', 'we"b', 'none'),
        since: fc.integer({ min: 0, max: 2200 }),
        severity: fc.constantFrom(9, 13, 17),
        limit: fc.integer({ min: 0, max: 5 }),
        newestFirst: fc.boolean(),
      },
      { requiredKeys: [] },
    );
    const directory = scratch();
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 12 }),
        fc.integer({ min: 1, max: 5 }),
        asked,
        async (given, cut, question) => {
          rmSync(directory, { recursive: true });
          mkdirSync(directory);
          // Stored in the order of their times, as they come from clocks that agree.
          const lines = given.toSorted((a, b) => a.at - b.at);
          for (let i = 0; i < lines.length; i += cut) {
            const part = lines.slice(i, i + cut);
            write(directory, part[0]!.at * 100 + i, part.map(each => `${text(each)}\n`).join(''));
          }
          const asks = { ...question, since: question.since === undefined ? undefined : question.since };
          const model = lines.filter(
            each =>
              (asks.daemon === undefined || each.service === asks.daemon) &&
              (asks.since === undefined || each.at >= asks.since) &&
              (asks.severity === undefined || each.severity >= asks.severity),
          );
          if (asks.newestFirst) model.reverse();
          expect((await ask(directory, asks)).map(found => found.line)).toEqual(
            model.slice(0, asks.limit ?? model.length).map(text),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it('skips segments that ended before the time asked for', async () => {
    const directory = scratch();
    // Their names say when; what stands in them would match.
    const line = { at: 5000, service: 'web', severity: 9, body: '' };
    write(directory, 1000, `${text({ ...line, body: 'a' })}\n`);
    write(directory, 2000, `${text({ ...line, body: 'b' })}\n`);
    write(directory, 3000, `${text({ ...line, body: 'c' })}\n`);
    expect(await bodiesOf(directory, { since: 2500 })).toEqual(['b', 'c']);
    expect(await bodiesOf(directory, { since: 3500, newestFirst: true })).toEqual(['c']);
  });

  it('finds by its tag what another daemon has sent', async () => {
    const directory = scratch();
    const time = '2027-01-15T08:00:00.000000000Z';
    const lines = [
      { time, service: 'cron', body: 'a', attributes: { 'syslog.appname': 'backup' } },
      { time, service: 'cron', body: 'b', attributes: { 'log.file.name': 'backup' } },
      { time, service: 'backup', body: 'c' },
      { time, service: 'cron', body: '"syslog.appname":"backup"' },
    ];
    write(directory, 1000, lines.map(line => `${JSON.stringify(line)}\n`).join(''));
    expect(await bodiesOf(directory, { daemon: 'backup' })).toEqual(['a', 'c']);
    expect(await bodiesOf(directory, { daemon: 'cron' })).toHaveLength(3);
  });

  it('searches bodies', async () => {
    const directory = scratch();
    const lines = [
      { time: '2027-01-15T08:00:00.000000000Z', service: 'web', body: 'GET /' },
      { time: '2027-01-15T08:00:00.000000000Z', service: 'GET', body: 'other' },
      { time: '2027-01-15T08:00:00.000000000Z', service: 'web', body: { method: 'GET' } },
      { time: '2027-01-15T08:00:00.000000000Z', service: 'web', body: null },
    ];
    write(directory, 1000, lines.map(line => `${JSON.stringify(line)}\n`).join(''));
    expect(await bodiesOf(directory, { grep: /GET/ })).toEqual(['GET /', { method: 'GET' }]);
  });

  it.each([
    ['torn at the end', '{"time":"2027","service":"web","body":"torn'],
    ['no JSON', 'nonsense\n'],
    ['JSON of another kind', 'null\n[]\n"text"\n{"body":"x"}\n{"time":1,"service":"web"}\n'],
    ['empty', '\n\n'],
    ['bytes', '\0\xff\n'],
  ])('passes over a line that is %s, from both ends', async (_, damage) => {
    const directory = scratch();
    const good = { at: 1000, service: 'web', severity: 9, body: 'good' };
    write(directory, 1000, `${text(good)}\n${damage}`);
    write(directory, 2000, `${text({ ...good, body: 'better' })}\n`);
    expect(await bodiesOf(directory)).toEqual(['good', 'better']);
    expect(await bodiesOf(directory, { newestFirst: true })).toEqual(['better', 'good']);
  });

  it('has nothing to tell where there is no store, or an empty one', async () => {
    expect(await ask(join(scratch(), 'nowhere'))).toEqual([]);
    expect(await endOfStore(join(scratch(), 'nowhere'))).toBeUndefined();
    expect(await ask(scratch())).toEqual([]);
    const directory = scratch();
    write(directory, 1000, '');
    expect(await ask(directory, { newestFirst: true })).toEqual([]);
  });

  it('looks no further than the end it was given', async () => {
    const directory = scratch();
    const line = (body: string) => `${text({ at: 1000, service: 'web', severity: 9, body })}\n`;
    write(directory, 1000, line('a'));
    write(directory, 2000, `${line('b')}${line('c').slice(0, 20)}`);
    const until = await endOfStore(directory);
    expect(until).toEqual({ path: join(directory, segmentName(2000)), offset: line('b').length });
    write(directory, 2000, `${line('b')}${line('c')}`);
    write(directory, 3000, line('d'));
    expect(await bodiesOf(directory, { until })).toEqual(['a', 'b']);
    expect(await bodiesOf(directory, { until, newestFirst: true })).toEqual(['b', 'a']);
    expect(await bodiesOf(directory)).toEqual(['a', 'b', 'c', 'd']);
  });
});
