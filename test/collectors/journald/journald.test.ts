// The journald collector against a journalctl of our own: every shape an entry can have, every way the program can end.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPatterns } from '../../../agent/config/patterns.ts';
import type { RecordSink, Stream, StreamRoom } from '../../../agent/core/collector.ts';
import type { DaemonSpec } from '../../../agent/core/daemon.ts';
import { type DecodedRecord, decodeLogs } from '../../../agent/core/decode.ts';
import { encodeRecord, encodeResource, sealRequest } from '../../../agent/core/encode.ts';
import { createMeter } from '../../../agent/core/meter.ts';
import { ProtoWriter } from '../../../agent/core/protobuf.ts';
import { createOrigins } from '../../../agent/core/record.ts';
import { create } from '../../../collectors/journald/index.ts';

const NOW = Date.UTC(2026, 10, 1);
const MICROS = String(NOW * 1000 + 250_000);

let top: string;
let records: DecodedRecord[];
let messages: string[];
let dropped: string[];
let space: number;
let stream: Stream | undefined;
let daemons: DaemonSpec[];
const path = process.env['PATH'];

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'eudaemon-journald-'));
  for (const dir of ['bin', 'state', 'run/log/journal/id']) mkdirSync(join(top, dir), { recursive: true });
  records = [];
  messages = [];
  dropped = [];
  space = Number.POSITIVE_INFINITY;
  daemons = [];
  process.env['PATH'] = `${join(top, 'bin')}${delimiter}${path}`;
});

afterEach(async () => {
  await stream?.close();
  stream = undefined;
  process.env['PATH'] = path;
  rmSync(top, { recursive: true, force: true });
});

/** Life N of the program prints its N-th output, notes its arguments, and runs `end`; `exec sleep 60` keeps it alive. */
function journalctl(...lives: { prints?: string | Uint8Array; end?: string }[]): void {
  lives.forEach(({ prints = '' }, i) => {
    writeFileSync(join(top, `life${i}`), prints);
  });
  const ends = lives.map(({ end = 'exec sleep 60' }, i) => `${i}) ${end} ;;`);
  const program = join(top, 'bin/journalctl');
  writeFileSync(
    program,
    `#!/bin/sh
n=$(cat ${top}/lives 2>/dev/null || echo 0)
echo $((n + 1)) > ${top}/lives
echo "$@" >> ${top}/args
cat ${top}/life$n 2>/dev/null
case $n in
${ends.join('\n')}
*) exec sleep 60 ;;
esac
`,
  );
  chmodSync(program, 0o755);
}

const calls = (): string[] =>
  existsSync(join(top, 'args')) ? readFileSync(join(top, 'args'), 'utf8').trimEnd().split('\n') : [];

async function open(options: { units?: string[]; path?: string; start_at?: 'end' | 'beginning' } = {}) {
  let pushed = 0;
  const out: RecordSink = {
    get pushed() {
      return pushed;
    },
    push(record) {
      const w = new ProtoWriter();
      encodeRecord(w, record);
      records.push(
        [
          ...decodeLogs(sealRequest([{ resource: encodeResource(record.origin, []), records: w.copy() }])),
        ][0]!,
      );
      pushed++;
      return --space > 0;
    },
    drop: (reason, count) => void dropped.push(`${reason} ${count}`),
    lost() {},
    settle() {},
  };
  const write = (message: string) => messages.push(message);
  const log = { debug() {}, info: write, warn: write, error: write, room: () => log };
  const room: StreamRoom = {
    name: 'journald',
    root: top,
    stateDir: join(top, 'state'),
    runDir: top,
    log,
    meter: createMeter(),
    patterns: createPatterns(),
    origins: createOrigins(),
    events: { emit() {} },
    held: [],
    legacy: [],
    now: () => NOW,
    daemons: {
      declared: daemons,
      ofProcess: () => undefined,
      ofPid: pid => (pid === 4711 ? 'web' : undefined),
      ofIdentifier: tag => (tag === 'cron' ? 'cron' : undefined),
      ofFile: () => undefined,
    },
  };
  stream = create({ units: [], start_at: 'beginning', ...options }, room);
  await stream.open(out);
}

/** Resolves when this many records are there. */
const until = (count: number) => vi.waitFor(() => expect(records).toHaveLength(count), { timeout: 10_000 });

const entry = (fields: Record<string, unknown> = {}, cursor = 'c1') =>
  `${JSON.stringify({ __CURSOR: cursor, __REALTIME_TIMESTAMP: MICROS, MESSAGE: 'hello', ...fields })}\n`;

const attribute = (name: string) => records[0]!.attributes[name];

describe('an entry', () => {
  it.each<[string, Record<string, unknown>, unknown]>([
    ['of text', { MESSAGE: 'hello' }, 'hello'],
    ['of several lines', { MESSAGE: 'a\n\tb\n' }, 'a\n\tb\n'],
    ['of bytes', { MESSAGE: [104, 105, 0, 10] }, 'hi\u0000\n'],
    ['of bytes that are not UTF-8', { MESSAGE: [104, 255] }, 'h\uFFFD'],
    ['with two messages', { MESSAGE: ['first', 'second'] }, 'first'],
    ['with two messages, one of bytes', { MESSAGE: [[104, 105], 'second'] }, 'hi'],
    ['too large to be shown', { MESSAGE: null }, ''],
    ['of nothing', { MESSAGE: [] }, ''],
    ['without a message', { MESSAGE: undefined }, ''],
  ])('%s has a body', async (_, fields, body) => {
    journalctl({ prints: entry(fields) });
    await open();
    await until(1);
    expect(String(records[0]!.body)).toBe(body);
  });

  it.each<[unknown, number]>([
    ['0', 21],
    ['3', 17],
    ['6', 9],
    ['7', 5],
    ['8', 0],
    ['-1', 0],
    ['', 0],
    [null, 0],
    [undefined, 0],
    [['4', '6'], 13],
    [[51], 17],
  ])('of priority %j has severity %d', async (priority, severity) => {
    journalctl({ prints: entry({ PRIORITY: priority }) });
    await open();
    await until(1);
    expect(records[0]!.severity).toBe(severity);
  });

  it('tells who wrote it, when and what else it says', async () => {
    journalctl({
      prints: entry({
        _PID: '12',
        _UID: '33',
        _EXE: '/usr/sbin/nginx',
        _SYSTEMD_UNIT: 'nginx.service',
        SYSLOG_IDENTIFIER: 'ng',
        SYSLOG_FACILITY: '3',
        CODE_LINE: '7',
        BLOB: [1, 2],
        GONE: null,
      }),
    });
    await open();
    await until(1);
    expect(records[0]!.resource).toMatchObject({
      'service.name': 'ng',
      'systemd.unit.name': 'nginx.service',
    });
    expect(records[0]!.time).toBe(BigInt(MICROS) * 1000n);
    expect(records[0]!.attributes).toMatchObject({
      'user.id': '33',
      'process.executable.name': 'nginx',
      'syslog.appname': 'ng',
      'journald.code_line': '7',
    });
    expect(Number(attribute('process.pid'))).toBe(12);
    expect(Number(attribute('syslog.facility'))).toBe(3);
    expect(attribute('journald.gone')).toBeUndefined();
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['its unit', { _SYSTEMD_UNIT: 'db.service', SYSLOG_IDENTIFIER: 'cron', _PID: '4711' }, 'db'],
    ['its process', { SYSLOG_IDENTIFIER: 'cron', _PID: '4711' }, 'web'],
    [
      'its tag, when the process is long over',
      { SYSLOG_IDENTIFIER: 'cron', _PID: '4711', __REALTIME_TIMESTAMP: '1000' },
      'cron',
    ],
    ['nothing but a name', { _COMM: 'x' }, 'x'],
    ['nothing at all', {}, 'journal'],
  ])('belongs to a daemon by %s', async (_, fields, service) => {
    daemons = [
      {
        name: 'db',
        match: { systemd_unit: 'db.service' },
        logs: { identifiers: [], files: [], parse: 'none' },
        health: [],
        expect: {},
        labels: {},
      },
    ];
    journalctl({ prints: entry(fields) });
    await open();
    await until(1);
    expect(records[0]!.resource['service.name']).toBe(service);
  });

  it.each(['junk', '', '[1]', 'null', '{"MESSAGE":"cut', '\u0000'])('that is %j goes on raw', async line => {
    journalctl({ prints: `${line}\n${entry()}` });
    await open();
    await until(2);
    expect(records[0]!.body).toBe(line);
    expect(attribute('eudaemon.parse_error')).toBe('not a JSON object');
    expect(records[1]!.body).toBe('hello');
  });

  it('that is endless is given up and counted', async () => {
    journalctl({ prints: `${JSON.stringify({ MESSAGE: 'x'.repeat(9 * 2 ** 20) })}\n${entry()}` });
    await open();
    await until(1);
    expect(records[0]!.body).toBe('hello');
    expect(dropped).toEqual(['too_long 1']);
  });
});

describe('the program', () => {
  it('begins at the end, or with all there is, and with the units it is told', async () => {
    journalctl();
    await open({ start_at: 'end', units: ['a.service', 'b*'] });
    await vi.waitFor(() => expect(calls()).toHaveLength(1));
    expect(calls()[0]).toContain(`--root=${top} --unit=a.service --unit=b* --since=@${NOW / 1000}`);
    await stream!.close();
    rmSync(join(top, 'state/cursor.json'));
    await open();
    await vi.waitFor(() => expect(calls()).toHaveLength(2));
    expect(calls()[1]).not.toMatch(/since|cursor/);
  });

  it('is started again behind the last entry, whatever it left of the next', async () => {
    const half = entry({ MESSAGE: 'cut in half' }, 'c2');
    journalctl(
      { prints: entry({}, 'c1') + half.slice(0, 30), end: 'kill -9 $$' },
      { prints: half, end: 'echo No such device >&2; exit 1' },
      { prints: entry({ MESSAGE: 'third' }, 'c3') },
    );
    await open();
    await until(3);
    expect(records.map(({ body }) => body)).toEqual(['hello', 'cut in half', 'third']);
    expect(calls().map(each => /--after-cursor=\S+/.exec(each)?.[0])).toEqual([
      undefined,
      '--after-cursor=c1',
      '--after-cursor=c2',
    ]);
    expect(messages.join('\n')).toContain('journalctl ended with signal SIGKILL');
    expect(messages.join('\n')).toContain('exit 1: No such device');
    expect(stream!.faults?.()).toEqual([]);
  });

  it('goes on at the time of an entry whose cursor the journal has lost', async () => {
    journalctl(
      { prints: entry({}, 'old'), end: 'echo "Failed to seek to cursor: Invalid argument" >&2; exit 1' },
      { prints: entry({ MESSAGE: 'again' }, 'new') },
    );
    await open();
    await until(2);
    expect(calls()[1]).toContain(`--since=@${NOW / 1000}`);
  });

  it('is paused while the sink is full', async () => {
    space = 1;
    journalctl({ prints: entry({}, 'c1') + entry({ MESSAGE: 'later' }, 'c2') });
    await open();
    await until(1);
    space = Number.POSITIVE_INFINITY;
    stream!.resume();
    await until(2);
  });

  it('that is missing is named', async () => {
    process.env['PATH'] = join(top, 'bin');
    await open();
    await vi.waitFor(() => expect(stream!.faults?.()[0]).toContain('there is no journalctl here'));
  });

  it('has nothing to read without a journal', async () => {
    rmSync(join(top, 'run/log'), { recursive: true });
    journalctl();
    await open();
    expect(stream!.faults?.()[0]).toContain('is systemd-journald running?');
  });
});

describe('the cursor', () => {
  const saved = () => JSON.parse(readFileSync(join(top, 'state/cursor.json'), 'utf8')).cursor;

  it('is remembered only of records that are safe', async () => {
    journalctl({ prints: entry({}, 'c1') + entry({}, 'c2') });
    await open();
    await until(2);
    stream!.committed?.(2, 0);
    expect(existsSync(join(top, 'state/cursor.json'))).toBe(false);
    stream!.committed?.(2, 2);
    expect(saved()).toBe('c2');
    await stream!.close();
    await open();
    await vi.waitFor(() => expect(calls()).toHaveLength(2));
    expect(calls()[1]).toContain('--after-cursor=c2');
  });

  it('makes the id of its record: what is read twice has the same', async () => {
    journalctl({ prints: entry({}, 'c1'), end: 'exit 1' }, { prints: entry({}, 'c1') + entry({}, 'c2') });
    await open();
    await until(3);
    const ids = records.map(({ attributes }) => attributes['log.record.uid']);
    expect(ids[0]).toBe(ids[1]);
    expect(ids[2]).not.toBe(ids[1]);
  });

  it('that is damaged is no reason not to start', async () => {
    writeFileSync(join(top, 'state/cursor.json'), '{"since":');
    journalctl({ prints: entry() });
    await open();
    await until(1);
    expect(messages.join('\n')).toContain('cannot read checkpoint');
  });
});
