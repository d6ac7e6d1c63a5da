// What lines become in every format: as the daemons write them, in the zones they mean, and broken.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPatterns } from '../../../agent/config/patterns.ts';
import { encodeAttribute } from '../../../agent/core/attribute.ts';
import type { LineFormat } from '../../../agent/core/daemon.ts';
import { type DecodedRecord, decodeLogs } from '../../../agent/core/decode.ts';
import { encodeRecord, encodeResource, sealRequest } from '../../../agent/core/encode.ts';
import { applyFormat } from '../../../agent/core/formats/format.ts';
import { createParser } from '../../../agent/core/formats/index.ts';
import { FILE_FORMATS, fileFormat, messageFormat } from '../../../agent/core/formats/options.ts';
import { ProtoWriter } from '../../../agent/core/protobuf.ts';
import { LogRecord, severityLabel, utf8 } from '../../../agent/core/record.ts';
import { decodeOfficial, plain as officialPlain } from '../../official.ts';

const OBSERVED = Date.UTC(2026, 10, 25) / 1000;

/** The lines as one parser reads them, one after the other. */
function readAll(spec: LineFormat, lines: readonly string[]): DecodedRecord[] {
  const { format, error } = createParser(spec, createPatterns());
  const record = new LogRecord();
  record.origin = { service: 'x', daemon: undefined, host: undefined, attributes: [] };
  const resource = encodeResource(record.origin, []);
  return lines.map(line => {
    record.clear();
    record.observedSeconds = OBSERVED;
    record.buf = utf8(`before${line}behind`);
    record.bodyStart = 6;
    record.bodyEnd = record.buf.length - 6;
    if (format) applyFormat(record, format, encodeAttribute('eudaemon.parse_error', error));
    const { keys, size } = record.attributes;
    const names = keys.slice(0, size).map(key => Buffer.from(key).toString());
    expect(names).toEqual([...new Set(names)]);
    const w = new ProtoWriter();
    encodeRecord(w, record);
    return [...decodeLogs(sealRequest([{ resource, records: w.copy() }]))][0]!;
  });
}

const seconds = (record: DecodedRecord) => Number(record.time / 1_000_000_000n);
const utc = (text: string) => Date.parse(`${text}Z`) / 1000;
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? Number(each) : each)));

/** `[severity, body, attributes]`; a line of another format stays whole and is marked. */
type Expected = [severity: string, body: string, attributes: Record<string, unknown>] | undefined;
const AT = utc('2026-11-24T15:30:14');
const UTC = { timezone: 'UTC' };

const LINES: [spec: LineFormat, line: string, expected: Expected, at?: number][] = [
  [
    'json',
    '{"time":"2028-02-29T15:30:14Z"}',
    ['none', '{"time":"2028-02-29T15:30:14Z"}', {}],
    utc('2028-02-29T15:30:14'),
  ],
  ['json', '{"time":"2026-02-29T15:30:14Z","msg":"m"}', ['none', 'm', { time: '2026-02-29T15:30:14Z' }], 0],
  [
    { format: 'syslog', ...UTC },
    'Feb 29 15:30:14 h a: m',
    ['none', 'm', { 'syslog.hostname': 'h', 'syslog.appname': 'a' }],
    utc('2024-02-29T15:30:14'),
  ],
  [{ format: 'syslog', ...UTC }, 'Feb 30 15:30:14 h a: m', undefined],
  ['json', '{"ts":1795534214.5,"level":"warn","msg":"m","n":1}', ['warning', 'm', { n: 1 }], AT],
  ['json', '{"@t":"2026-11-24T15:30:14Z","@l":"Error","@m":"m"}', ['err', 'm', {}], AT],
  [
    'json',
    '{"Timestamp":"2026-11-24T15:30:14Z","EventId":0,"LogLevel":"Information","Category":"c","Message":"m"}',
    ['info', 'm', { EventId: 0, Category: 'c' }],
    AT,
  ],
  ['json', '{"Timestamp":"2026-11-24T15:30:14Z","Level":"Fatal","Message":"m"}', ['emerg', 'm', {}], AT],
  [
    'json',
    '{"log.level":"info","log.logger":"x"}',
    ['info', '{"log.level":"info","log.logger":"x"}', { 'log.logger': 'x' }],
  ],
  [
    'json',
    '{"log":{"level":"info","logger":"x"},"other":{"level":"y"},"message":"m"}',
    ['info', 'm', { 'log.logger': 'x', other: { level: 'y' } }],
  ],
  ['json', '{"log":"a text","msg":"m"}', ['none', 'm', { log: 'a text' }]],
  ['json', '{"log":{"level":"info"', undefined],
  ['json', '{"log":{"level":"info",},"msg":"m"}', undefined],
  ['json', '{"log":[1', undefined],
  [
    { format: 'json', time: 't.$date', severity: 's', severities: { W: 'warning', I: 'info' } },
    '{"t":{"$date":"2026-11-24T16:30:14.000+01:00"},"s":"W","level":7,"msg":"m"}',
    ['warning', 'm', { level: 7 }],
    AT,
  ],
  [
    { format: 'json', severity: 'a.b.c', body: 'a.b.d' },
    '{"a":{"b":{"c":"error","d":"m","e":[1]}}}',
    ['err', 'm', { 'a.b.e': [1] }],
  ],
  [{ format: 'json', severities: { 3: 'error' } }, '{"level":3,"msg":"m"}', ['err', 'm', {}]],
  [{ format: 'json', severities: { 3: 'error' } }, '{"level":4,"msg":"m"}', ['none', 'm', { level: 4 }]],
  [
    { format: 'logfmt', time: 'when', ...UTC },
    'when="2026-11-24 15:30:14" lvl=crit n=1',
    ['crit', 'when="2026-11-24 15:30:14" lvl=crit n=1', { n: '1' }],
    AT,
  ],
  [
    'logfmt',
    'level=warn msg="two words" retried n= last',
    ['warning', 'two words', { retried: true, n: '', last: true }],
  ],
  ['json', '{"a":1,"msg":"m","b":2,"a":"3","a":[4]}', ['none', 'm', { b: 2, a: [4] }]],
  ['json', '{"time":"never","time":"later","msg":"m"}', ['none', 'm', { time: 'later' }]],
  ['logfmt', 'a=1 msg=m a=2', ['none', 'm', { a: '2' }]],
  [
    'logfmt',
    'log.record.uid=1 msg=m parsed.log.record.uid=2',
    ['none', 'm', { 'parsed.log.record.uid': '2' }],
  ],
  [
    'logfmt',
    'parsed.log.record.uid=1 msg=m log.record.uid=2',
    ['none', 'm', { 'parsed.log.record.uid': '2' }],
  ],
  [
    'json',
    '{"log.record.uid":"u","log.file.path":"/x","eudaemon.parse_error":"e","process.pid":1,"msg":"m"}',
    [
      'none',
      'm',
      {
        'parsed.log.record.uid': 'u',
        'parsed.log.file.path': '/x',
        'parsed.eudaemon.parse_error': 'e',
        'process.pid': 1,
      },
    ],
  ],
  ['logfmt', 'prose with a=1', undefined],
  ['logfmt', 'level=info msg=no quotes here', undefined],
  ['logfmt', 'a=1 b"c"', undefined],
  [
    'csv',
    'a,"b ""c"", d",,""',
    ['none', 'a,"b ""c"", d",,""', { column1: 'a', column2: 'b "c", d', column4: '' }],
  ],
  [
    { format: 'csv', columns: ['time', 'level', '', 'msg'], delimiter: ';', ...UTC },
    '2026-11-24 15:30:14;ERROR;skipped;"two\nlines; one field"',
    ['err', 'two\nlines; one field', {}],
    AT,
  ],
  [{ format: 'csv', columns: ['a', 'b'] }, 'x', undefined],
  [{ format: 'csv', columns: ['a', 'b'] }, 'x,y,z', undefined],
  ['csv', '"open', undefined],
  ['csv', '"a"b,c', undefined],
  ['csv', '', undefined],
  [
    { format: 'klog', ...UTC },
    'W1124 15:30:14.123456   12345 reflector.go:424] failed to list',
    [
      'warning',
      'failed to list',
      { 'thread.id': 12345, 'code.file.path': 'reflector.go', 'code.line.number': 424 },
    ],
    AT,
  ],
  [
    { format: 'klog', ...UTC },
    'E1124 15:30:14.1 1 pod.go:1] "Error syncing \\"x\\"" pod="ns/a" err="no: 1" n=2',
    [
      'err',
      'Error syncing "x"',
      {
        pod: 'ns/a',
        err: 'no: 1',
        n: '2',
        'thread.id': 1,
        'code.file.path': 'pod.go',
        'code.line.number': 1,
      },
    ],
    AT,
  ],
  [
    { format: 'klog', ...UTC },
    'I1124 15:30:14 1 a.go:1] "quoted" and=more prose',
    ['info', '"quoted" and=more prose', { 'thread.id': 1, 'code.file.path': 'a.go', 'code.line.number': 1 }],
  ],
  [
    { format: 'klog', ...UTC },
    'F20261124 15:30:14.1 7 a.cc:9] died',
    ['emerg', 'died', { 'thread.id': 7, 'code.file.path': 'a.cc', 'code.line.number': 9 }],
    AT,
  ],
  ['klog', 'X1124 15:30:14.123456 1 a.go:1] x', undefined],
  ['klog', 'I1324 15:30:14.123456 1 a.go:1] x', undefined],
  ['klog', 'I1124 15:30:14.123456 1 a.go] x', undefined],
  ['klog', 'I', undefined],
  [
    'postgres',
    '2026-11-24 15:30:14.123 UTC [71] app@shop ERROR:  relation "x" does not exist at character 15',
    [
      'err',
      'relation "x" does not exist at character 15',
      { 'process.pid': 71, 'user.name': 'app', 'db.namespace': 'shop' },
    ],
    AT,
  ],
  [
    'postgres',
    '2026-11-24 15:30:14 UTC:10.0.0.1(5432):app@shop:[71]:STATEMENT:  select 1',
    ['info', 'select 1', { 'process.pid': 71, 'user.name': 'app', 'db.namespace': 'shop' }],
    AT,
  ],
  [
    'postgres',
    '2026-11-24 15:30:14 GMT [71-3]: user=app,db=shop,client=[local] FATAL:  bye',
    ['crit', 'bye', { 'process.pid': 71, 'user.name': 'app', 'db.namespace': 'shop' }],
    AT,
  ],
  [
    'postgres',
    '2026-11-24 16:30:14.1 +01 [7] [unknown]@[unknown] LOG:  x',
    ['info', 'x', { 'process.pid': 7 }],
    AT,
  ],
  ['postgres', '2026-11-24 15:30:14 UTC [7] LOGS:  x', undefined],
  ['postgres', `2026-11-24 15:30:14 UTC ${'x'.repeat(600)} LOG:  x`, undefined],
  ['postgres', '\tcontinued LOG:  x', undefined],
  ['postgres', '2026-11-24 15:30:14 UTC [7] LOG:', undefined],
  [
    'mysql',
    '2026-11-24T15:30:14.123456Z 7 [Warning] [MY-010068] [Server] CA certificate is self signed.',
    [
      'warning',
      'CA certificate is self signed.',
      { 'thread.id': 7, 'mysql.error_code': 'MY-010068', 'mysql.subsystem': 'Server' },
    ],
    AT,
  ],
  [
    { format: 'mysql', ...UTC },
    '2026-11-24  5:30:14 0 [Note] InnoDB: ready',
    ['notice', 'InnoDB: ready', { 'thread.id': 0 }],
    AT - 36_000,
  ],
  ['mysql', '2026-11-24T15:30:14Z 0 [ERROR] [x] y', ['err', '[x] y', { 'thread.id': 0 }], AT],
  ['mysql', '2026-11-24T15:30:14Z 0 [Odd] x', undefined],
  ['mysql', '# Time: 2026-11-24T15:30:14Z', undefined],
  ['mysql', '2026-11-24T15:30:14Z', undefined],
  [
    { format: 'redis', ...UTC },
    '71:M 24 Nov 2026 15:30:14.123 # low',
    ['warning', 'low', { 'process.pid': 71, 'redis.role': 'M' }],
    AT,
  ],
  [
    'redis',
    '71:S 2026-11-24T15:30:14.123Z * ok',
    ['notice', 'ok', { 'process.pid': 71, 'redis.role': 'S' }],
    AT,
  ],
  [
    'redis',
    '71:signal-handler (1795534214) Received SIGTERM',
    ['none', 'Received SIGTERM', { 'process.pid': 71 }],
    1_795_534_214,
  ],
  ['redis', '71:signal-handler (x) Received SIGTERM', undefined],
  ['redis', '71:signals', undefined],
  ['redis', '71:Q 24 Nov 2026 15:30:14.123 # low', undefined],
  ['redis', '71:M 24 Nov 2026 15:30:14.123 ! low', undefined],
  ['redis', '71:M', undefined],
  [
    'apache',
    'www.example.com:443 10.0.0.1 - jane [24/Nov/2026:15:30:14 +0000] "GET / HTTP/1.1" 200 5 "-" "-"',
    [
      'none',
      'www.example.com:443 10.0.0.1 - jane [24/Nov/2026:15:30:14 +0000] "GET / HTTP/1.1" 200 5 "-" "-"',
      {
        'server.address': 'www.example.com',
        'server.port': 443,
        'client.address': '10.0.0.1',
        'user.name': 'jane',
        'http.request.method': 'GET',
        'url.original': '/',
        'network.protocol.version': '1.1',
        'http.response.status_code': 200,
        'http.response.body.size': 5,
      },
    ],
    AT,
  ],
  [
    'apache',
    '::1 - - [24/Nov/2026:15:30:14 +0000] "" 408 -',
    [
      'none',
      '::1 - - [24/Nov/2026:15:30:14 +0000] "" 408 -',
      { 'client.address': '::1', 'http.response.status_code': 408 },
    ],
    AT,
  ],
  [
    { format: 'apache', ...UTC },
    '[Tue Nov 24 15:30:14.5 2026] [core:error] [pid 7:tid 8] [client 192.0.2.1:4711] AH00128: no file',
    [
      'err',
      'AH00128: no file',
      {
        'apache.module': 'core',
        'process.pid': 7,
        'thread.id': 8,
        'client.address': '192.0.2.1',
        'client.port': 4711,
      },
    ],
    AT,
  ],
  [
    { format: 'apache', ...UTC },
    '[Tue Nov 24 15:30:14 2026] [error] [client ::1] denied',
    ['err', 'denied', { 'client.address': '::1' }],
    AT,
  ],
  ['apache', '[Tue Nov 24 15:30:14 2026] [x', undefined],
  ['json', '{"@level":"warn","@message":"m","@module":"x"}', ['warning', 'm', { '@module': 'x' }]],
  [
    'json',
    '{"message":"m","level":550,"level_name":"ALERT","datetime":"2026-11-24T15:30:14+00:00"}',
    ['alert', 'm', { level_name: 'ALERT' }],
    AT,
  ],
  ['json', '{"lvl":"dbug","msg":"m"}', ['debug', 'm', {}]],
  ['json', '{"level":"ftl","msg":"m"}', ['emerg', 'm', {}]],
  [
    { format: 'nginx', ...UTC },
    '2026/11/24 15:30:14 [error] 7#8: *9 open() failed',
    ['err', 'open() failed', { 'process.pid': 7, 'thread.id': 8, 'nginx.connection': 9 }],
    AT,
  ],
  ['nginx', '2026/11/24 15:30:14 [error] 7#', undefined],
  [
    { format: 'syslog', ...UTC },
    'Nov 24 15:30:14 web sshd[7]: ok',
    ['none', 'ok', { 'syslog.hostname': 'web', 'syslog.appname': 'sshd', 'syslog.procid': '7' }],
    AT,
  ],
  ['syslog', 'Nov 24 15:30 web sshd: x', undefined],
  [
    'syslog',
    '<165>1 2026-11-24T16:30:14+01:00 web app 7 ID47 [a@1 b="c\\]" d="e"][f] \ufeffok',
    [
      'notice',
      'ok',
      {
        'syslog.facility': 20,
        'syslog.version': 1,
        'syslog.hostname': 'web',
        'syslog.appname': 'app',
        'syslog.procid': '7',
        'syslog.msgid': 'ID47',
        'syslog.structured_data': { 'a@1': { b: 'c]', d: 'e' }, f: {} },
      },
    ],
    AT,
  ],
  ['syslog', '<14>1 - - - - - -', ['info', '', { 'syslog.facility': 1, 'syslog.version': 1 }]],
  ['syslog', '<14>1 - - - - - [a b=c] x', undefined],
  ['syslog', '<14>1 2026-11-24T15:30:14Z web app', undefined],
  [{ regex: '^(?P<severity>\\w+) (?P<body>.*)$' }, 'error x y', ['err', 'x y', {}]],
  [
    {
      regex: '^(?P<when>.{19}) (?P<how>\\S+) (?P<what>.*)$',
      time: 'when',
      severity: 'how',
      body: 'what',
      severities: { '!!': 'alert' },
      timezone: 'Asia/Tokyo',
    },
    '2026-11-25 00:30:14 !! fire',
    ['alert', 'fire', {}],
    AT,
  ],
];

describe('a line', () => {
  it.each(LINES)('as %j: %j', (spec, line, expected, at) => {
    const [record] = readAll(spec, [line]) as [DecodedRecord];
    if (expected === undefined) {
      expect(record.body).toBe(line);
      expect(Object.keys(record.attributes)).toEqual(['eudaemon.parse_error']);
      expect([record.severity, record.time]).toEqual([0, 0n]);
      return;
    }
    const [severity, body, attributes] = expected;
    expect(plain(record.attributes)).toEqual(attributes);
    expect([severityLabel(record.severity), record.body]).toEqual([severity, body]);
    if (at !== undefined) expect(seconds(record)).toBe(at);
  });

  it.each(FILE_FORMATS.filter(name => createParser(name, createPatterns()).format))(
    'of any bytes, cut anywhere, is read as %s without harm',
    name => {
      const whole = LINES.flatMap(([spec, line]) =>
        spec === name || (spec as { format?: string }).format === name ? [line] : [],
      );
      const cut = whole.flatMap(line => [...line].map((_, i) => line.slice(0, i)));
      const lines = [...cut, '\u0000\u00ff', '[', '{', '"', '<', ':'.repeat(99)];
      for (const [i, { body, attributes }] of readAll(name, lines).entries()) {
        // Whole, or taken apart: nothing comes from beyond the line.
        if ('eudaemon.parse_error' in attributes) expect(body).toBe(lines[i]);
        const said = JSON.stringify([body, attributes], (_, value) =>
          typeof value === 'bigint' ? Number(value) : value,
        );
        expect(said).not.toMatch(/before|behind/);
      }
    },
  );
});

describe('lines of JSON', () => {
  const flat = fc.dictionary(
    fc.constantFrom(
      '',
      'a',
      'ab',
      'abcdefgh',
      'abcdefghi',
      'b',
      'b"',
      'c\\',
      'd\u00e9',
      'd',
      'log.x',
      'nul\u0000',
    ),
    fc.oneof(fc.double(), fc.integer(), fc.string({ unit: 'binary' }), fc.boolean()),
    { noNullPrototype: true },
  );

  it('give their fields whatever the lines before had, numbers to the last digit', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(flat, fc.boolean()), { minLength: 1 }), objects => {
        const lines = objects.map(([each, spaced]) => JSON.stringify(each, null, spaced ? 1 : 0));
        const read = readAll('json', lines).map(({ attributes }) => plain(attributes));
        expect(read).toEqual(lines.map(line => plain(JSON.parse(line))));
      }),
    );
  });

  it.each([
    ['{"key":1}', '{"keys":2}', { keys: 2 }],
    ['{"keys":1}', '{"key":2}', { key: 2 }],
    ['{"a":1,"b":2}', '{"b":3,"a":4}', { a: 4, b: 3 }],
    ['{"a":1}', '{"a" : 2}', { a: 2 }],
    ['{"a":1}', '{"a": 2}', { a: 2 }],
    ['{"a":1,"b":2}', '{"a":1, "b":3}', { a: 1, b: 3 }],
    ['{"a":1}', '{}', {}],
    ['{"a":1,"b":2}', '{"a":1,}', undefined],
    ['{"a":1,"b":2}', '{"a":1"b":2}', undefined],
    ['{"a":1,"b":2}', '{"b":2', undefined],
    ['{"a":1,"b":2}', '{"a":{"b":2},"b":3}', { a: { b: 2 }, b: 3 }],
    ['{"log":{"level":"x"},"a":1}', '{"log":{"level":"y"},"a":2}', { 'log.level': 'y', a: 2 }],
    ['{"a\\"b":1}', '{"a"b":2}', undefined],
    ['{"a":1}', '{"a":', undefined],
    ['{"a":1}', '{"a"1}', undefined],
    ['{"a":1.5}', '{"a":1.}', { a: 1 }],
    ['{"a":1}', '{"a":-0.1e-2}', { a: -0.001 }],
    ['{"a":1}', '{"a":123456789.123456789}', { a: Number('123456789.123456789') }],
  ])('behind %s: %s', (before, line, expected) => {
    const record = readAll('json', [before, line])[1]!;
    if (expected === undefined) expect(Object.keys(record.attributes)).toEqual(['eudaemon.parse_error']);
    else expect(plain(record.attributes)).toEqual(expected);
  });
});

describe('keys within an object', () => {
  const { format } = createParser('json', createPatterns());
  const within = (line: Uint8Array) => {
    const record = new LogRecord();
    record.buf = line;
    record.bodyEnd = line.length;
    expect(format!(record)).toBe(true);
    record.origin = { service: 'x', daemon: undefined, host: undefined, attributes: [] };
    const w = new ProtoWriter();
    encodeRecord(w, record);
    const sent = decodeOfficial('logs', sealRequest([{ resource: new Uint8Array(0), records: w.copy() }]));
    // Throws where a key stands twice.
    return officialPlain(sent.resourceLogs![0]!.scopeLogs![0]!.logRecords![0]!.attributes)['a'];
  };

  it.each([
    ['{"k":1,"k":2}', { k: 2 }],
    ['{"k":{"x":1},"l":3,"k":[{"y":1,"y":{"y":1,"y":2}}]}', { l: 3, k: [{ y: { y: 2 } }] }],
    ['{"k":"long text that goes first","l":"behind it","k":null}', { l: 'behind it', k: null }],
    ['{"":1,"":2}', { '': 2 }],
    ['{"k":1,"\\u006b":2,"K":3}', { k: 2, K: 3 }],
    [`{"${'k'.repeat(200)}":1,"l":2,"${'k'.repeat(200)}":3}`, { l: 2, ['k'.repeat(200)]: 3 }],
    [`{"k":"${'.'.repeat(20_000)}","l":2,"k":3}`, { l: 2, k: 3 }],
    ['{"\xff":1,"\xfe":2}', { '\ufffd': 2 }],
  ])('case %#', (object, expected) => {
    expect(within(Buffer.from(`{"a":${object}}`, 'latin1'))).toEqual(expected);
  });

  it('are those of JSON.parse() whatever stands twice', () => {
    const key = fc.constantFrom('a', 'b', 'ab', 'ba', 'bb', 'cab', '');
    const { json } = fc.letrec<{ json: string }>(tie => ({
      json: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom('1', '"x"', 'true', '-2.5', '"a longer text of more than one byte"'),
        fc
          .array(fc.tuple(key, tie('json')), { maxLength: 9 })
          .map(members => `{${members.map(([name, value]) => `"${name}":${value}`).join(',')}}`),
        fc.array(tie('json'), { maxLength: 3 }).map(items => `[${items.join()}]`),
      ),
    }));
    fc.assert(
      fc.property(json, value => {
        expect(within(utf8(`{"a":${value}}`))).toEqual(JSON.parse(value));
      }),
    );
  });
});

describe('a key that is no UTF-8', () => {
  const { format } = createParser('json', createPatterns());
  it.each([
    ['outside', '{"a\xff":1,"b":"x"}', { 'a\ufffd': 1, b: 'x' }],
    ['within', '{"a":{"b\xc3":"x","\xff\xfe":2}}', { a: { 'b\ufffd': 'x', '\ufffd\ufffd': 2 } }],
    ['with a long value', `{"\xff":"${'x'.repeat(200)}"}`, { '\ufffd': 'x'.repeat(200) }],
  ])('is repaired: %s', (_, line, expected) => {
    const record = new LogRecord();
    record.buf = Buffer.from(line, 'latin1');
    record.bodyEnd = record.buf.length;
    expect(format!(record)).toBe(true);
    const w = new ProtoWriter();
    encodeRecord(w, record);
    const resource = new Uint8Array(0);
    const [read] = decodeOfficial('logs', sealRequest([{ resource, records: w.copy() }]))
      .resourceLogs!.flatMap(({ scopeLogs }) => scopeLogs!)
      .flatMap(({ logRecords }) => logRecords!);
    const { 'log.record.original': original, ...fields } = officialPlain(read!.attributes) as Record<
      string,
      unknown
    >;
    expect(fields).toEqual(expected);
    expect(original).toBe(Buffer.from(line, 'latin1').toString('base64'));
  });
});

describe('a time without a zone', () => {
  const at = (timezone: string, text: string) =>
    seconds(readAll({ format: 'logfmt', timezone }, [`ts="${text}"`])[0]!);
  it.each([
    ['Europe/Berlin', '2026-11-24 15:30:14', '2026-11-24T14:30:14'],
    ['Europe/Berlin', '2026-07-01 12:00:00', '2026-07-01T10:00:00'],
    ['America/New_York', '2026-07-01T12:00:00', '2026-07-01T16:00:00'],
    ['Asia/Kolkata', '2026-07-01 12:00:00', '2026-07-01T06:30:00'],
    ['UTC', '2026-07-01 12:00:00', '2026-07-01T12:00:00'],
    ['+02:00', '2026-07-01 12:00:00', '2026-07-01T10:00:00'],
    // The hour that a zone skips, and the one it has twice: by the offset before the change.
    ['Europe/Berlin', '2026-03-29 02:30:00', '2026-03-29T01:30:00'],
    ['Europe/Berlin', '2026-03-29 03:30:00', '2026-03-29T01:30:00'],
    ['Europe/Berlin', '2026-10-25 02:30:00', '2026-10-25T00:30:00'],
    ['Europe/Berlin', '2026-10-25 03:30:00', '2026-10-25T02:30:00'],
    // One that says its zone is not asked for another.
    ['Europe/Berlin', '2026-11-24T15:30:14Z', '2026-11-24T15:30:14'],
    ['Europe/Berlin', '2026-11-24 15:30:14 +0300', '2026-11-24T12:30:14'],
  ])('in %s: %s is %s', (zone, text, wanted) => {
    expect(at(zone, text)).toBe(utc(wanted));
  });

  it('keeps to its own zone from line to line', () => {
    const lines = ['2026-03-29 01:59:59', '2026-03-29 03:00:00', '2026-03-29 01:59:59'].map(
      text => `ts="${text}"`,
    );
    const times = readAll({ format: 'logfmt', timezone: 'Europe/Berlin' }, lines).map(seconds);
    expect(times.map(each => each - times[0]!)).toEqual([0, 1, 0]);
  });
});

describe('a time behind one of the same minute', () => {
  it.each([
    ['2026-11-24T15:30:59.5Z', '2026-11-24T15:30:00.25Z', 1_795_534_200_250_000_000n],
    ['2026-11-24T15:30:00Z', '2026-11-24T15:30:01,123456789Z', 1_795_534_201_123_456_789n],
    ['2026-11-24T15:30:00Z', '2026-11-24T15:30:01.1234567899Z', 1_795_534_201_123_456_789n],
    ['2026-11-24T15:30:60Z', '2026-11-24T15:30:01Z', 1_795_534_201_000_000_000n],
    ['2026-11-24T15:30:01Z', '2026-11-24T15:30:60Z', 1_795_534_260_000_000_000n],
    ['2026-11-24T15:30:00Z', '2026-11-24T15:30:01+01:00', 1_795_530_601_000_000_000n],
    ['2026-11-24T15:30:00+01:00', '2026-11-24T15:30:01', 1_795_534_201_000_000_000n],
    ['2026-11-24T15:30:00Z', '2026-11-24T15:31:00Z', 1_795_534_260_000_000_000n],
    ['2026-11-24T15:30:00Z', '2026-11-24T15:30:61Z', 0n],
    ['2026-11-24T15:30:00Z', '2026-11-24T15:30:', 0n],
    ['2026-11-24T15:30:00Z', '2026-11-24T15:30:0', 0n],
    ['2026-11-24T15:30:00Z', '2026-11-24T15:30:00.Z', 0n],
    ['2026-11-24T15:30:xx', '2026-11-24T15:30:01Z', 1_795_534_201_000_000_000n],
    ['24 Nov 2026 16:45:00', '2026-11-24T15:30:01Z', 1_795_534_201_000_000_000n],
  ])('%s, %s', (before, text, expected) => {
    const lines = [before, text].map(each => JSON.stringify({ time: each, msg: 'm' }));
    expect(readAll({ format: 'json', timezone: 'UTC' }, lines)[1]!.time).toBe(expected);
  });
});

describe('the text of a severity', () => {
  it.each<[spec: LineFormat, line: string, text: string]>([
    ['json', '{"level":"WARN"}', 'WARN'],
    ['nginx', '2026/11/24 15:30:14 [crit] 1#2: m', 'crit'],
    ['postgres', '2026-11-24 15:30:14 UTC [7] STATEMENT:  SELECT 1', 'STATEMENT'],
    ['mysql', '2026-11-24T15:30:14Z 7 [Note] m', 'Note'],
    [{ format: 'json', severities: { FEINER: 'debug' } }, '{"level":"FEINER"}', 'FEINER'],
    ['redis', '7:M 24 Nov 2026 15:30:14.123 # m', 'warning'],
    ['klog', 'E1124 15:30:14.000001 1 a.go:2] m', 'error'],
  ])('%j: %j', (spec, line, text) => expect(readAll(spec, [line])[0]!.severityText).toBe(text));
});

it('the mark of UTF-8 before a message of RFC 5424 is none of it, and half of one is', () => {
  const { format } = createParser('syslog', createPatterns());
  const head = '<13>1 - h a p m - ';
  const bodyOf = (bytes: number[], behind: number[]) => {
    const record = new LogRecord();
    record.buf = Uint8Array.from([...utf8(head), ...bytes, ...behind]);
    record.bodyEnd = head.length + bytes.length;
    expect(format?.(record)).toBe(true);
    return [...record.buf.subarray(record.bodyStart, record.bodyEnd)];
  };
  expect(bodyOf([0xef, 0xbb, 0xbf, 0x78], [])).toEqual([0x78]);
  expect(bodyOf([0xef], [0xbb, 0xbf])).toEqual([0xef]);
  expect(bodyOf([0xef, 0xbc, 0xbf], [])).toEqual([0xef, 0xbc, 0xbf]);
});

describe('a severity behind another', () => {
  it.each([
    ['', '', ''],
    ['info', 'info', 'info'],
    ['info', 'INFO', 'info'],
    ['info', 'information', 'info'],
    ['info', 'x', 'none'],
    ['x', 'info', 'info'],
    ['x', '', 'none'],
  ])('%j, %j', (before, level, expected) => {
    const lines = [before, level].map(each => JSON.stringify({ level: each, msg: 'm' }));
    const { severity, severityText, attributes } = readAll('json', lines)[1]!;
    expect(severityLabel(severity)).toBe(expected || 'none');
    expect(severity > 0 ? severityText : attributes['level']).toBe(level);
  });
});

describe('what the configuration may say', () => {
  const check = (schema: typeof fileFormat, input: unknown) => {
    const problems: string[] = [];
    const formats = { regex: () => undefined, glob: () => undefined };
    const value = schema.parse(input, [], {
      problem: (path, message) => problems.push([...path, message].join(' ')),
      formats,
    });
    return problems.length > 0 ? problems.join('\n') : value;
  };
  it.each([
    'klog',
    { format: 'csv', columns: ['a', ''], delimiter: '\t' },
    { format: 'json', time: 'a.b', severities: { x: 'error' }, timezone: 'Europe/Berlin' },
    { format: 'cri', content: { format: 'json', body: 'text' } },
    { format: 'container', content: { regex: '.' } },
  ])('%j', input => {
    expect(check(fileFormat, input)).toEqual(input);
  });

  it.each<[unknown, RegExp]>([
    ['jsn', /did you mean "json"/],
    [null, /is missing/],
    [{ format: 'jsn' }, /did you mean "json"/],
    [{ format: 'json', regex: '.' }, /unknown key "regex"/],
    [{ format: 'json', timezone: 'Europe/Berln' }, /"Europe\/Berln" is not a time zone/],
    [{ format: 'json', columns: ['a'] }, /json has no "columns"/],
    [{ format: 'nginx', severity: 'x' }, /nginx has no "severity"/],
    [{ format: 'cri', timezone: 'UTC' }, /cri has no "timezone"/],
    [{ format: 'json', content: 'json' }, /json has no "content"/],
    [{ format: 'cri', content: 'docker' }, /"docker" is not one of/],
    [{ format: 'csv', delimiter: '::' }, /is not one character/],
    [{ format: 'csv', header: true, columns: ['a'] }, /the first line names the columns/],
    [{ format: 'json', header: true }, /json has no "header"/],
    [{ format: 'cri', content: { format: 'csv', header: true } }, /unknown key "header"/],
    [{ format: 'json', severities: { x: 'bad' } }, /"bad" is not one of/],
  ])('%j is refused', (input, message) => {
    expect(check(fileFormat, input)).toMatch(message);
  });

  it.each(['cri', { format: 'container' }, { format: 'json', content: 'json' }])(
    '%j is no format of a whole message',
    input => {
      expect(check(messageFormat, input)).toEqual(expect.any(String));
    },
  );
});

describe('trace context', () => {
  const ID = '0af7651916cd43dd8448eb211c80319c';
  const SPAN = 'b7ad6b7169203331';
  const all = { traceId: ID, spanId: SPAN, traceFlags: '01', attributes: {} };
  const none = { traceId: '', spanId: '', traceFlags: '' };
  it.each<[spec: LineFormat, line: string, expected: Partial<DecodedRecord>]>([
    ['json', `{"msg":"m","trace_id":"${ID}","span_id":"${SPAN}","trace_flags":"01"}`, all],
    ['json', `{"traceFlags":"01","msg":"m","traceId":"${ID.toUpperCase()}","spanId":"${SPAN}"}`, all],
    ['json', `{"trace.id":"${ID}","span.id":"${SPAN}","trace.flags":"01","message":"m"}`, all],
    ['json', `{"trace":{"id":"${ID}","flags":"01"},"span":{"id":"${SPAN}"},"message":"m"}`, all],
    ['json', `{"TraceId":"${ID}","SpanId":"${SPAN}","TraceFlags":"01","msg":"m"}`, all],
    ['json', `{"@tr":"${ID}","@sp":"${SPAN}","trace_flags":"01","@m":"m"}`, all],
    ['logfmt', `level=info msg=m traceid=${ID} spanid="${SPAN}" trace_flags=01`, all],
    [
      { format: 'csv', columns: ['trace_id', 'span_id', 'trace_flags', 'message'] },
      `${ID},${SPAN},01,m`,
      all,
    ],
    [{ regex: '^(?P<traceId>\\w+) (?P<spanId>\\w+) (?P<traceFlags>\\w+) ' }, `${ID} ${SPAN} 01 m`, all],
    [
      'json',
      '{"trace_id":"123","span_id":"","m":1}',
      { ...none, attributes: { trace_id: '123', span_id: '', m: 1 } },
    ],
    ['json', `{"trace_id":"${'0'.repeat(32)}"}`, { ...none, attributes: { trace_id: '0'.repeat(32) } }],
    ['json', '{"trace_id":7,"trace_flags":1}', { ...none, attributes: { trace_id: 7, trace_flags: 1 } }],
    ['json', `{"trace_id":"${ID}","traceId":"${ID}"}`, { traceId: ID, attributes: { traceId: ID } }],
    ['json', `{"trace":"${ID}"}`, { ...none, attributes: { trace: ID } }],
  ])('%j: %s', (spec, line, expected) => {
    expect(readAll(spec, [line])[0]).toMatchObject(expected);
    expect(Object.keys(readAll(spec, [line])[0]!.attributes)).toEqual(Object.keys(expected.attributes!));
  });

  it('of a line that is broken behind it is gone with the rest', () => {
    const line = `{"trace_id":"${ID}","a":1`;
    expect(readAll('json', [line])[0]).toMatchObject({ ...none, body: line });
  });
});

describe('numbers keep their digits', () => {
  const read = (spec: LineFormat, line: string) => readAll(spec, [line])[0]!;
  const nanos = (text: string) => read('json', `{"time":${text},"msg":"m"}`).time;
  it.each([
    ['1795534214', 1_795_534_214_000_000_000n],
    ['1795534214.123', 1_795_534_214_123_000_000n],
    ['"1795534214.123456789"', 1_795_534_214_123_456_789n],
    ['1795534214123', 1_795_534_214_123_000_000n],
    ['1795534214123.25', 1_795_534_214_123_250_000n],
    ['1795534214123456', 1_795_534_214_123_456_000n],
    ['1795534214123456789', 1_795_534_214_123_456_789n],
    ['1.795534214E9', 1_795_534_214_000_000_000n],
    ['17955342', 0n],
    ['"1795534214."', 0n],
  ])('time %s', (text, expected) => expect(nanos(text)).toBe(expected));

  it.each([
    ['9007199254740993', 9_007_199_254_740_993n],
    ['-1234567890123456789', -1_234_567_890_123_456_789n],
    ['9223372036854775807', 9_223_372_036_854_775_807n],
    ['9223372036854775808', 2 ** 63],
  ])('%s', (text, expected) => {
    expect(read('json', `{"n":${text},"o":[${text}]}`).attributes).toMatchObject({
      n: expected,
      o: [expected],
    });
  });
});
