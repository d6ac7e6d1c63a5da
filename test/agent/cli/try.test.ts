// `eudaemon check --try`: what it is asked, and what it shows of lines, whole and broken.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tryText } from '../../../agent/cli/try.ts';
import { readTry } from '../../../agent/cli/try-args.ts';
import { type Config, loadConfig } from '../../../agent/config/index.ts';
import { SetupError, UsageError } from '../../../agent/core/errors.ts';
import { collectors } from '../../../collectors/index.ts';
import { exporters } from '../../../exporters/index.ts';

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'eudaemon-try-'));
});
afterAll(() => rmSync(home, { recursive: true }));

const example = join(import.meta.dirname, '../../../config/examples/processors.yaml');
const configOf = (text: string): Promise<Config> =>
  loadConfig({ collectors, exporters, file: 'e.yaml', env: {}, readFile: () => Buffer.from(text) });
const CONFIG = `
daemons:
  web: { match: { comm: web }, logs: { files: [/var/log/web/*.log], parse: json, multiline: python } }
  cron: { match: { comm: cron } }
collectors:
  files: [{ include: [/srv/*.log], parse: logfmt }]
processors:
  - drop: { body: noise }
  - redact: card
`;

async function show(asked: Parameters<typeof readTry>[1], config = CONFIG) {
  const loaded = await configOf(config);
  const lines: string[] = [];
  tryText(loaded, {
    ...readTry(loaded, { json: true, ...asked }),
    now: Date.UTC(2026, 0, 2),
    host: [['host.name', 'here']],
    out: line => lines.push(line),
  });
  return asked.json === false ? lines : lines.map(line => JSON.parse(line));
}

describe('a line', () => {
  test.each<[string, object, object]>([
    ['<30>Jan  1 10:00:00 cron[7]: run 4111111111111111', {}, { service: 'cron', body: 'run [redacted]' }],
    ['<11>tag: hello', {}, { service: 'tag', severity: 'err', body: 'hello' }],
    ['no header', {}, { service: 'syslog', attributes: { 'eudaemon.parse_error': expect.any(String) } }],
    ['', {}, { body: '' }],
    ['<13>x: two\nlines', {}, { body: 'two\nlines' }],
    ['<13>x: told', { daemon: 'cron' }, { service: 'cron' }],
    ['{"level":"error","msg":"m"}', { daemon: 'web' }, { service: 'web', severity: 'error', body: 'm' }],
    ['{broken', { daemon: 'web' }, { body: '{broken', attributes: { 'eudaemon.parse_error': 'not json' } }],
    ['<13>x: {}', { daemon: 'web' }, { service: 'web', body: '{}' }],
    ['<13>x: {}', { daemon: 'web', source: 'file' }, { body: '<13>x: {}' }],
    ['a=1', { format: 'logfmt' }, { body: 'a=1', attributes: { a: '1' } }],
    ['a=1', { format: 'logfmt', daemon: 'cron' }, { service: 'cron', attributes: { a: '1' } }],
    [
      '2026-01-01T00:00:00Z stdout F hi',
      { format: 'cri' },
      { body: 'hi', attributes: { 'log.iostream': 'stdout' } },
    ],
    ['W1124 15:30:14.1 1 a.go:7] x', { format: 'klog' }, { severity: 'warning', body: 'x' }],
    ['2026-11-24 15:30:14 UTC [7] LOG:  up', { format: 'postgres' }, { severity: 'LOG', body: 'up' }],
    ['2026-11-24T15:30:14Z 7 [Note] up', { format: 'mysql' }, { severity: 'Note', body: 'up' }],
    ['7:M 24 Nov 2026 15:30:14.1 * up', { format: 'redis' }, { severity: 'notice', body: 'up' }],
    ['a,b', { format: 'csv' }, { attributes: { column1: 'a', column2: 'b' } }],
    ['{"log":"a\\n"}', { format: 'container' }, { body: 'a' }],
    ['{"log":"cut', { format: 'docker' }, { attributes: { 'eudaemon.parse_error': 'not docker' } }],
    ['<13>x: some noise', {}, { dropped: { reason: 'processor_drop', by: 'processors[0].drop' } }],
  ])('%j with %j', async (line, options, expected) => {
    expect(await show({ try: line, ...options })).toMatchObject([expected]);
  });

  test('for people', async () => {
    expect(await show({ try: '<11>cron: \u001b[31mred 4111111111111111', json: false })).toEqual([
      `service.name       cron
host.name          here
time               2026-01-02T00:00:00.000000000Z (when it came)
severity           err (17)
body               \\x1b[31mred [redacted]
  syslog.appname   cron
  syslog.facility  1`,
    ]);
    expect(await show({ try: '<11>cron: noise', json: false })).toEqual([
      'dropped: processor_drop, by processors[0].drop',
    ]);
  });

  test('as the example file says', async () => {
    const config = await loadConfig({ collectors, exporters, file: example, env: {} });
    const lines: string[] = [];
    tryText(config, {
      ...readTry(config, {
        try: '{"level":"warn","msg":"paid 4111 1111 1111 1111","user":"jane@example.com"}',
        daemon: 'shop',
        json: true,
      }),
      now: 0,
      host: [],
      out: line => lines.push(line),
    });
    expect(JSON.parse(lines[0]!)).toMatchObject({
      service: 'shop',
      severity: 'warn',
      body: 'paid [redacted]',
      attributes: { 'user.email': '[redacted]', 'deployment.environment.name': 'production' },
    });
  });
});

describe('a file', () => {
  const write = (name: string, text: string | Uint8Array) => {
    const path = join(home, name);
    writeFileSync(path, text);
    return path;
  };

  test('the first records, joined and read as its daemon says', async () => {
    const path = write(
      'a.log',
      'one\nTraceback (most recent call last):\n  File "x", line 1\nValueError: y\nlast, without its newline',
    );
    const records = await show({ file: path, daemon: 'web' });
    expect(records.map(({ body }) => body)).toEqual([
      'one',
      expect.stringMatching(/^Traceback.*\n.*\nValueError: y$/),
      'last, without its newline',
    ]);
    expect(records[0].attributes['log.file.path']).toBe(path);
    expect((await show({ file: path, daemon: 'web', lines: '1' })).length).toBe(1);
  });

  test('as an entry of the collector says', async () => {
    const path = write('b.log', 'level=warn n=1\n');
    const config = CONFIG.replace('/srv/*.log', `${home}/*.log`);
    expect(await show({ file: path }, config)).toMatchObject([{ severity: 'warn', attributes: { n: '1' } }]);
    expect(await show({ file: path })).toMatchObject([{ body: 'level=warn n=1' }]);
  });

  test('as messages', async () => {
    const path = write('c.log', '<11>a: x\n<14>b: y\n');
    expect(await show({ file: path, source: 'syslog' })).toMatchObject([{ service: 'a' }, { service: 'b' }]);
  });

  test('with a byte order mark, which is not of its first line', async () => {
    const path = write('f.log', '\ufeff{"message":"m","n":1}\n');
    expect(await show({ file: path, format: 'json' })).toMatchObject([{ body: 'm', attributes: { n: 1 } }]);
  });

  test('of 16-bit characters, the last line without its newline', async () => {
    const path = write('g.log', Buffer.from('\ufeffone\ntwo', 'utf16le'));
    const config = CONFIG.replace('[/srv/*.log], parse: logfmt', `[${home}/*.log], encoding: utf-16le`);
    expect((await show({ file: path }, config)).map(({ body }) => body)).toEqual(['one', 'two']);
  });

  test('of bytes that are no text, and an empty one', async () => {
    const path = write('d.log', Buffer.from([0xff, 10, 0, 10]));
    expect((await show({ file: path })).map(({ body }) => body)).toEqual(['\ufffd', '\0']);
    expect(await show({ file: write('e.log', '') })).toEqual([]);
  });
});

test.each([
  ['gzip', gzipSync('text\n')],
  ['zstd', zstdCompressSync('text\n')],
])('a file that %s has compressed is told as such', async (_, content) => {
  const path = join(home, 'h.log');
  writeFileSync(path, content);
  await expect(show({ file: path })).rejects.toThrow(/cannot read ".*h.log": it is compressed/);
});

test.each<[object, typeof UsageError | typeof SetupError, RegExp]>([
  [{}, UsageError, /give either --try LINE or --file PATH/],
  [{ try: 'x', file: 'y' }, UsageError, /give either/],
  [{ try: 'x', daemon: 'wbe' }, UsageError, /"wbe" is not one of web, cron; did you mean "web"\?/],
  [{ try: 'x', source: 'sylog' }, UsageError, /did you mean "syslog"\?/],
  [{ try: 'x', format: 'jsno' }, UsageError, /did you mean "json"\?/],
  [{ try: 'x', format: 'json', source: 'syslog' }, UsageError, /--format is for lines of files/],
  [{ file: '/none', lines: '0' }, UsageError, /"0" is not a number from 1/],
  [{ file: '/none' }, SetupError, /cannot read "\/none": no such file or directory/],
  [{ file: '/' }, SetupError, /cannot read "\/": is a directory/],
])('%j is refused', async (asked, kind, message) => {
  const config = await configOf(CONFIG);
  expect(() => readTry(config, asked)).toThrow(kind);
  expect(() => readTry(config, asked)).toThrow(message);
});
