// `eudaemon logs`: its arguments, its lines, and following a store that is being written.

import {
  appendFileSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { type LogsOptions, parseLogs, showLogs } from '../../../agent/cli/logs.ts';
import { createPrinter } from '../../../agent/cli/record.ts';
import { UsageError } from '../../../agent/core/errors.ts';
import type { StoredRecord } from '../../../agent/core/line.ts';

const NOW = Date.parse('2027-01-15T08:00:00Z');

describe('parseLogs', () => {
  it.each<[argv: string, expected: object]>([
    ['', { follow: false, json: false }],
    ['nginx', { daemon: 'nginx' }],
    ['-f', { follow: true, lines: 10 }],
    ['-f --since 10m', { follow: true, since: NOW - 600_000, lines: undefined }],
    ['-f -n 3', { follow: true, lines: 3 }],
    ['--since 2027-01-15T07:00:00Z', { since: NOW - 3_600_000 }],
    ['--severity warn', { severity: 13 }],
    ['--dead-letter nginx', { deadLetter: true, daemon: 'nginx' }],
    ['--severity=crit web --json -n 0', { severity: 18, daemon: 'web', json: true, lines: 0 }],
    ['-c /etc/x.yaml', { config: '/etc/x.yaml' }],
  ])('%s', (argv, expected) => {
    expect(parseLogs(argv.split(' ').filter(Boolean), NOW)).toMatchObject(expected);
  });

  it.each([
    ['--sinc 10m', /unknown option "--sinc"; did you mean "--since"\?/],
    ['--since yesterday', /"yesterday" is neither a duration such as 10m nor a time/],
    ['--severity warnin', /--severity "warnin" is not one of emerg, .*; did you mean "warning"\?/],
    ['--severity toString', /--severity "toString" is not one of/],
    ['--grep (', /"\(" is not a regular expression/],
    ['-n x', /"x" is not a number of lines/],
    ['-n -1', /-n|lines/],
    ['web db', /one daemon at a time, not "web db"/],
  ])('refuses %s', (argv, message) => {
    expect(() => parseLogs(argv.split(' '), NOW)).toThrow(UsageError);
    expect(() => parseLogs(argv.split(' '), NOW)).toThrow(message);
  });

  it('matches in linear time', () => {
    const { grep } = parseLogs(['--grep', '(a+)+$'], NOW);
    expect(grep!.test('xaaa')).toBe(true);
    expect(grep!.test(`${'a'.repeat(50_000)}!`)).toBe(false);
  });
});

const record = (given: Partial<StoredRecord>): StoredRecord => ({
  time: '2027-01-15T08:00:00.123456789Z',
  observed: '2027-01-15T08:00:00.123456789Z',
  service: 'web',
  body: 'text',
  ...given,
});

describe('createPrinter', () => {
  const time = '2027-01-15T08:00:00.123Z';
  it.each<[Partial<StoredRecord>, string]>([
    [{}, `${time} web: text\n`],
    [{ severity: 'err', severity_number: 17 }, `${time} web err: text\n`],
    [{ attributes: { 'process.pid': 7, 'syslog.procid': '8' } }, `${time} web[7]: text\n`],
    [{ attributes: { 'syslog.procid': '8' } }, `${time} web[8]: text\n`],
    [{ service: '' }, `${time} -: text\n`],
    [
      { dead_letter: { exporter: 'otlp', reason: 'http_400', message: 'HTTP 400: \u001bbad', at: '' } },
      `${time} web: text [otlp: HTTP 400: \\x1bbad]\n`,
    ],
    [{ body: { a: 1 } }, `${time} web: {"a":1}\n`],
    [{ body: null }, `${time} web: null\n`],
    [{ body: 'Error: x\n  at y\n\n' }, `${time} web: Error: x\n      at y\n`],
    [{ body: 'a\tb \u001b[2J\u0007\r\u009bz' }, `${time} web: a\tb \\x1b[2J\\x07\\x0d\\x9bz\n`],
    [{ service: '\u001bx', severity: '\u001by' }, `${time} \\x1bx \\x1by: text\n`],
  ])('%j', (given, expected) => {
    expect(createPrinter(false)({ record: record(given), line: '' })).toBe(expected);
  });

  it('colours the terminal, and only that', () => {
    const found = { record: record({ severity: 'err', severity_number: 17 }), line: '' };
    expect(createPrinter(true)(found)).toBe(
      `\u001b[2m${time}\u001b[0m \u001b[1mweb\u001b[0m \u001b[31merr\u001b[0m: text\n`,
    );
  });
});

describe('showLogs', () => {
  const line = (body: string, service = 'web') => `${JSON.stringify(record({ body, service }))}\n`;
  const segment = (directory: string, start: number) => join(directory, `logs-${start}.ndjson`);
  const FIRST = 1_700_000_000_000;

  const startStore = (...bodies: string[]) => {
    const directory = mkdtempSync(join(tmpdir(), 'logs-'));
    writeFileSync(segment(directory, FIRST), bodies.map(body => line(body)).join(''));
    return directory;
  };
  const show = (directory: string, given: Partial<LogsOptions>, out: NodeJS.WritableStream) => {
    const stop = new AbortController();
    const options = { directory, follow: false, json: false, colors: false, ...given };
    return { done: showLogs(options, out, stop.signal), stop: () => stop.abort() };
  };
  /** What was written so far, by the last word of each line. */
  const collect = () => {
    const out = new PassThrough();
    let text = '';
    out.on('data', chunk => {
      text += chunk;
    });
    return {
      out,
      words: () =>
        text
          .split('\n')
          .slice(0, -1)
          .map(each => each.split(': ').at(-1)),
      text: () => text,
    };
  };

  it('prints all, the last few, or the lines as they stand', async () => {
    const directory = startStore('a', 'b', 'c');
    for (const [given, expected] of [
      [{}, ['a', 'b', 'c']],
      [{ lines: 2 }, ['b', 'c']],
      [{ lines: 0 }, []],
      [{ daemon: 'db' }, []],
    ] as const) {
      const { out, words } = collect();
      expect(await show(directory, given, out).done).toBe(0);
      expect(words()).toEqual(expected);
    }
    const { out, text } = collect();
    await show(directory, { json: true }, out).done;
    expect(text()).toBe(line('a') + line('b') + line('c'));
  });

  it.each([
    [{ daemon: 'db' }, ['there is no record of db']],
    [{ severity: 21 }, ['no record is as asked for']],
    [{ daemon: 'web', grep: /z/ }, ['no record of web is as asked for']],
    [{}, []],
  ] as const)('of %j tells %j', async (given, told) => {
    const options = { directory: startStore('a'), follow: false, json: false, colors: false, ...given };
    const heard: string[] = [];
    await showLogs(options, collect().out, new AbortController().signal, text => heard.push(text));
    expect(heard).toEqual(told);
  });

  it('says what to do where there is no store', async () => {
    await expect(show('/nowhere/store', {}, collect().out).done).rejects.toThrow(
      'cannot read store "/nowhere/store": there is none; the agent writes it while it runs, beside OTLP only with exporters.store: {}',
    );
  });

  it.each([
    ['at once', 0],
    ['while it follows', 1],
  ])('ends quietly when its reader leaves %s', async (_, after) => {
    const directory = startStore('a', 'b');
    let writes = 0;
    const out = new Writable({
      write(_chunk, _encoding, done) {
        done(writes++ < after ? undefined : Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
      },
    });
    expect(await show(directory, { follow: true }, out).done).toBe(0);
  });

  it('fails when its output does', async () => {
    const out = new Writable({ write: (_chunk, _encoding, done) => done(new Error('disk on fire')) });
    await expect(show(startStore('a'), {}, out).done).rejects.toThrow('disk on fire');
  });

  it('follows line by line, across segments, and ends when told', async () => {
    const directory = startStore('a', 'b');
    const { out, words } = collect();
    const { done, stop } = show(directory, { follow: true, lines: 1 }, out);
    await vi.waitUntil(() => words().length === 1);
    // A line in two writes, with a character cut in two.
    const bytes = Buffer.from(line('c€'));
    const cut = bytes.indexOf(0xe2) + 1;
    appendFileSync(segment(directory, FIRST), bytes.subarray(0, cut));
    appendFileSync(segment(directory, FIRST), bytes.subarray(cut));
    appendFileSync(segment(directory, FIRST), `${line('other', 'db')}nonsense\n`);
    await vi.waitUntil(() => words().length === 3);
    // The last line of a segment and the first of the next in one breath.
    appendFileSync(segment(directory, FIRST), line('d'));
    writeFileSync(segment(directory, FIRST + 1), line('e'));
    appendFileSync(segment(directory, FIRST + 1), line('f'));
    writeFileSync(segment(directory, FIRST + 2), line('g'));
    await vi.waitUntil(() => words().length === 7);
    appendFileSync(segment(directory, FIRST + 2), line('h'));
    await vi.waitUntil(() => words().length === 8);
    // Retention may take even the segment that is followed.
    for (const start of [FIRST, FIRST + 1, FIRST + 2]) rmSync(segment(directory, start));
    writeFileSync(segment(directory, FIRST + 3), line('i'));
    await vi.waitUntil(() => words().length === 9);
    stop();
    expect(await done).toBe(0);
    expect(words()).toEqual(['b', 'c€', 'other', 'd', 'e', 'f', 'g', 'h', 'i']);
  });

  it('follows what it has begun with, and repeats nothing older, when that is deleted under it', async () => {
    const directory = startStore('older');
    writeFileSync(segment(directory, FIRST + 5), line('a'));
    const { out, words } = collect();
    const { done, stop } = show(directory, { follow: true, lines: 1 }, out);
    await vi.waitUntil(() => words().length === 1);
    const writer = openSync(segment(directory, FIRST + 5), 'a');
    rmSync(segment(directory, FIRST + 5));
    // The writer notices a moment later than it was deleted.
    writeSync(writer, line('b'));
    writeFileSync(segment(directory, FIRST + 6), line('c'));
    await vi.waitUntil(() => words().length === 3);
    stop();
    await done;
    closeSync(writer);
    expect(words()).toEqual(['a', 'b', 'c']);
  });

  it('follows on when the whole store is removed and made again', async () => {
    const directory = startStore('a');
    const { out, words } = collect();
    const { done, stop } = show(directory, { follow: true }, out);
    await vi.waitUntil(() => words().length === 1);
    rmSync(directory, { recursive: true });
    mkdirSync(directory);
    writeFileSync(segment(directory, FIRST + 1), line('b'));
    await vi.waitUntil(() => words().length === 2, { timeout: 10_000 });
    stop();
    await done;
    expect(words()).toEqual(['a', 'b']);
  });

  it('waits for the first segment', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'logs-'));
    const { out, words } = collect();
    const { done, stop } = show(directory, { follow: true }, out);
    writeFileSync(segment(directory, FIRST), line('first'));
    await vi.waitUntil(() => words().length === 1);
    stop();
    await done;
    expect(words()).toEqual(['first']);
  });

  it('loses and repeats nothing while the writer is at it', async () => {
    const directory = startStore();
    const { out, words } = collect();
    let written = 0;
    const write = (count: number) => {
      for (const end = written + count; written < end; written++) {
        if (written % 50 === 49) writeFileSync(segment(directory, FIRST + written), '');
        const newest = written < 49 ? FIRST : FIRST + written - ((written + 1) % 50);
        appendFileSync(segment(directory, newest), line(String(written)));
      }
    };
    write(120);
    const { done, stop } = show(directory, { follow: true }, out);
    for (let i = 0; i < 20; i++) {
      write(17);
      await new Promise(resolve => setImmediate(resolve));
    }
    await vi.waitUntil(() => words().length >= written, { timeout: 10_000 });
    stop();
    await done;
    expect(words()).toEqual(Array.from({ length: written }, (_, i) => String(i)));
  });
});
