// Every step but redact: which records it is for, and what it makes of them.
import { describe, expect, test } from 'vitest';
import { figure } from '../../figure.ts';
import { anyValue, chainOf, type Given, through } from './rig.ts';

const stays = async (steps: string, given: Given) => typeof (await through(steps, given)) !== 'string';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

describe('conditions', () => {
  const web: Given = {
    body: 'GET /healthz 200',
    service: 'nginx',
    severity: 6,
    attributes: { status: 200, path: '/healthz', slow: false, tags: anyValue(['a']) },
    constants: { 'syslog.facility': 3 },
  };
  test.each<[string, boolean, Given?]>([
    ['{ daemon: nginx }', true],
    ['{ daemon: [redis, nginx] }', true],
    ['{ daemon: redis }', false],
    ['{ daemon: nginx }', true, { ...web, declared: false }],
    ['{ source: syslog }', true],
    ['{ source: [files, journald] }', false],
    ['{ severity: "== info" }', true],
    ['{ severity: ">= info" }', true],
    ['{ severity: "> info" }', false],
    ['{ severity: "<= debug" }', false],
    ['{ severity: "< notice" }', true],
    ['{ severity: ">= warning" }', true, { ...web, severity: 3 }],
    ['{ severity: "< warning" }', false, { ...web, severity: undefined }],
    ['{ body: "^GET " }', true],
    ['{ body: "^POST " }', false],
    ['{ body: "(a+)+$" }', false, { ...web, body: `${'a'.repeat(60_000)}b` }],
    ['{ body: "caf\u00e9$" }', true, { ...web, body: 'caf\u00e9' }],
    ['{ attributes: { status: "^2" } }', true],
    ['{ attributes: { status: "^5" } }', false],
    ['{ attributes: { status: "^2", path: "^/health" } }', true],
    ['{ attributes: { slow: "false" } }', true],
    ['{ attributes: { missing: "" } }', false],
    ['{ attributes: { tags: "a" } }', false],
    ['{ attributes: { syslog.facility: "^3$" } }', true],
    ['{ daemon: nginx, severity: ">= error" }', false],
    ['[{ daemon: redis }, { body: healthz }]', true],
    ['{ not: { daemon: redis } }', true],
    ['{ daemon: nginx, not: { body: healthz } }', false],
  ])('%s: %s', async (condition, fits, given = web) => {
    expect(await stays(`- drop: ${condition}`, given)).toBe(!fits);
    expect(await stays(`- keep: ${condition}`, given)).toBe(fits);
    const marked = await through(`- add: { marked: true }\n  when: ${condition}`, given);
    expect(typeof marked === 'object' && marked.attributes['marked']).toBe(fits ? true : undefined);
  });

  test.each<[step: string, kept: object | string]>([
    ['drop: { attributes: { trace_id: "^0af" } }', 'processor_drop'],
    ['drop: { attributes: { trace_id: "^1" } }', { traceId: TRACE_ID, attributes: {} }],
    ['remove: trace_id', { traceId: '', attributes: {} }],
    ['redact: { attributes: [trace_id] }', { traceId: '', attributes: { trace_id: '[redacted]' } }],
  ])('the trace of a record goes by its attribute: %s', async (step, kept) => {
    const record = await through(`- parse: json\n- ${step}`, { body: `{"trace_id":"${TRACE_ID}"}` });
    if (typeof record === 'string') expect(record).toBe(kept);
    else expect({ traceId: record.traceId, attributes: record.attributes }).toEqual(kept);
  });

  test('keep within a condition leaves the others alone', async () => {
    const steps = '- keep: { severity: ">= error" }\n  when: { daemon: nginx }';
    expect(await stays(steps, { service: 'nginx', severity: 6 })).toBe(false);
    expect(await stays(steps, { service: 'redis', severity: 6 })).toBe(true);
  });

  test('events of the agent are only for steps that name them', async () => {
    const event: Given = { source: 'events', body: 'nginx exited' };
    expect(await stays('- keep: { severity: ">= error" }', event)).toBe(true);
    expect(await stays('- rate_limit: { rate: 1/h, burst: 1 }\n- sample: 0%', event)).toBe(true);
    expect(await stays('- drop: { source: events }', event)).toBe(false);
    expect(await stays('- drop: { body: exited }\n  when: { source: events }', event)).toBe(false);
  });

  test('steps act in order, and the first that drops ends it', async () => {
    const { run, chain } = await chainOf('- add: { a: 1 }\n- drop: { attributes: { a: "1" } }\n- sample: 0%');
    expect(run({})).toBe('processor_drop');
    expect(chain.stoppedAt).toBe(1);
  });
});

describe('attributes', () => {
  const given: Given = {
    attributes: { old: 'x', both: 1, 'http.a': 'p', 'http.b': 'q' },
    constants: { 'syslog.appname': 'nginx', 'process.pid': 7 },
  };
  const all = {
    old: 'x',
    both: 1,
    'http.a': 'p',
    'http.b': 'q',
    'syslog.appname': 'nginx',
    'process.pid': 7,
  };
  test.each<[string, object]>([
    ['add: { env: prod, n: 3, ratio: 0.5, ok: true }', { ...all, env: 'prod', n: 3, ratio: 0.5, ok: true }],
    ['add: { both: two }', { ...all, both: 'two' }],
    ['add: { syslog.appname: web }', { ...all, 'syslog.appname': 'web' }],
    ['rename: { missing: new }', all],
    ['rename: { old: old }', all],
    ['remove: missing', all],
    ['remove: [old, both, http.*, syslog.appname]', { 'process.pid': 7 }],
    ['remove: "*"', {}],
  ])('%s', async (step, expected) => {
    expect(await through(`- ${step}`, given)).toMatchObject({ attributes: expected });
    const kept = await through(`- ${step}`, given);
    expect(Object.keys((kept as { attributes: object }).attributes).sort()).toEqual(
      Object.keys(expected).sort(),
    );
  });

  test('rename gives another name, also in the place of one that is there', async () => {
    expect(await through('- rename: { old: new, process.pid: both }', given)).toHaveProperty('attributes', {
      new: 'x',
      both: 7,
      'http.a': 'p',
      'http.b': 'q',
      'syslog.appname': 'nginx',
    });
  });
});

describe('parse', () => {
  test.each<[string, string, object]>([
    [
      'json',
      '{"level":"error","msg":"boom","user":7}',
      { body: 'boom', severity: 17, attributes: { user: 7 } },
    ],
    ['logfmt', 'level=debug msg="a b" n=1', { body: 'a b', severity: 5, attributes: { n: '1' } }],
    [
      '{ regex: "^(?P<who>\\\\w+) said (?P<what>.*)$", body: what }',
      'bob said hi',
      { body: 'hi', severity: 9, attributes: { who: 'bob' } },
    ],
    [
      'nginx',
      '1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 404 12 "-" "x"',
      { time: 971_211_336_000_000_000n, attributes: { 'http.response.status_code': 404 } },
    ],
    ['json', '{"msg":"no level"}', { body: 'no level', severity: 9, severityText: 'info' }],
    [
      'json',
      '{"broken',
      { body: '{"broken', severity: 9, attributes: { 'eudaemon.parse_error': 'not json' } },
    ],
    ['logfmt', 'plain prose', { body: 'plain prose', attributes: { 'eudaemon.parse_error': 'not logfmt' } }],
    ['json', '', { body: '', attributes: { 'eudaemon.parse_error': 'not json' } }],
    [
      '{ regex: "^(a+)+$" }',
      `${'a'.repeat(10_000)}b`,
      { attributes: { 'eudaemon.parse_error': 'the regex does not match' } },
    ],
  ])('%s of %s', async (format, body, expected) => {
    expect(await through(`- parse: ${format}`, { body, severity: 6 })).toMatchObject(expected);
  });

  test('what a message says of itself does not replace what the kernel said', async () => {
    expect(
      await through('- parse: json', {
        body: '{"process.pid":1,"msg":"x"}',
        constants: { 'process.pid': 4711 },
      }),
    ).toMatchObject({ attributes: { 'process.pid': 4711, 'parsed.process.pid': 1 } });
    expect(
      await through('- parse: json', {
        body: '{"process.pid":1,"user.id":"0","process.executable.name":"su","msg":"x"}',
      }),
    ).toMatchObject({
      attributes: {
        'parsed.process.pid': 1,
        'parsed.user.id': '0',
        'parsed.process.executable.name': 'su',
      },
    });
  });

  test.each<[string, string, object]>([
    ['{"a":1}', '- parse: json\n- parse: json\n- parse: json', { a: 1, 'parsed.a': 1 }],
    ['{"user.id":1,"parsed.user.id":2}', '- parse: json', { 'parsed.user.id': 2 }],
    ['{"parsed.user.id":2,"user.id":1}', '- parse: json', { 'parsed.user.id': 1 }],
    ['prose', '- parse: json\n- parse: logfmt', { 'eudaemon.parse_error': 'not logfmt' }],
    [
      'prose',
      '- parse: json\n- parse: { regex: "^(?P<a>.*)$" }',
      { 'eudaemon.parse_error': 'not json', a: 'prose' },
    ],
  ])('says nothing twice of %s through %j', async (body, steps, attributes) => {
    expect(await through(steps, { body })).toHaveProperty('attributes', attributes);
  });
});

describe('severity', () => {
  test.each<[string, Given, number, string]>([
    ['{ set: warning }', { severity: 6 }, 13, 'warning'],
    ['body', { body: '2026 [ERROR] no', severity: 6 }, 17, 'ERROR'],
    ['body', { body: 'terrors of information, warned', severity: 6 }, 9, 'info'],
    ['body', { body: 'err\u00e9 x_error error9 level=Warning; ERROR' }, 13, 'Warning'],
    ['body', { body: '', severity: 6 }, 9, 'info'],
    ['{ attribute: level }', { attributes: { level: 'Debug' } }, 5, 'Debug'],
    ['{ attribute: level, values: { 3: error } }', { attributes: { level: 3 } }, 17, '3'],
    ['{ attribute: level }', { attributes: { level: 50 } }, 17, '50'],
    ['{ attribute: level }', { attributes: { level: 51 }, severity: 6 }, 9, 'info'],
    ['{ attribute: level }', { attributes: { level: 'loud' }, severity: 6 }, 9, 'info'],
    ['{ attribute: level }', { severity: 6 }, 9, 'info'],
    ['{ body: "^<(\\\\w)>", values: { w: warn } }', { body: '<W> x' }, 13, 'W'],
    ['{ body: "^<(\\\\w)>", values: { w: warn } }', { body: '<X> x', severity: 4 }, 13, 'warning'],
    ['{ body: "(a+)+$" }', { body: `${'a'.repeat(50_000)}b`, severity: 4 }, 13, 'warning'],
  ])('%s of %j', async (step, given, severity, severityText) => {
    expect(await through(`- severity: ${step}`, given)).toMatchObject({ severity, severityText });
  });
});

describe('sample', () => {
  const kept = async (step: string, records: Given[]) => {
    const { run } = await chainOf(`- sample: ${step}`);
    return records.map(given => run(given)).filter(each => typeof each !== 'string').length;
  };
  const many = Array.from({ length: 1000 }, (_, i): Given => ({ body: `line ${i}`, attributes: { id: i } }));
  test.each<[string, number]>([
    ['10%', 100],
    ['1/10', 100],
    ['0.1', 100],
    ['1/3', 334],
    ['100%', 1000],
    ['0%', 0],
  ])('%s of a thousand', async (step, expected) => expect(await kept(step, many)).toBe(expected));

  test('every daemon has its turn', async () => {
    const { run } = await chainOf('- sample: 1/2');
    const results = many.map((each, i) => [i % 2, run({ ...each, service: i % 2 ? 'a' : 'b' })] as const);
    for (const side of [0, 1])
      expect(results.filter(([of, result]) => of === side && result !== 'sampled')).toHaveLength(250);
    expect(results.some(([, result]) => result === 'sampled')).toBe(true);
  });

  test.each(['{ ratio: 25%, by: id }', '{ ratio: 25%, by: body }'])('%s decides by value', async step => {
    const first = await chainOf(`- sample: ${step}`);
    const second = await chainOf(`- sample: ${step}`);
    const choice = many.map(each => typeof first.run(each) !== 'string');
    expect(many.map(each => typeof second.run(each) !== 'string')).toEqual(choice);
    const count = choice.filter(Boolean).length;
    expect(count).toBeGreaterThan(200);
    expect(count).toBeLessThan(300);
  });

  test('without the attribute it counts', async () =>
    expect(await kept('{ ratio: 1/2, by: missing }', many)).toBe(500));
});

describe('metric', () => {
  test('counts records, adds values, and keeps to its limit of series', async () => {
    const { run, metrics } = await chainOf(`
- metric: { name: requests_total, labels: { code: status }, max_series: 3 }
- metric: { name: bytes.sent, value: size, unit: By }`);
    for (const [status, size] of [
      [200, 10],
      [200, '32'],
      [404, -1],
      [500, 'none'],
      [501, 0.5],
      [502, ''],
    ])
      run({ attributes: { status: status!, size: size! } });
    run({ declared: false });
    const requests = (daemon: string, code: string) => figure(metrics, 'requests_total', { daemon, code });
    expect([requests('nginx', '200'), requests('nginx', '404'), requests('nginx', '500')]).toEqual([2, 1, 1]);
    expect(requests('nginx', '501')).toBeUndefined();
    expect(requests('other', 'other')).toBe(3);
    expect(figure(metrics, 'bytes_sent_bytes_total', { daemon: 'nginx' })).toBe(42.5);
  });

  test('observes a histogram', async () => {
    const { run, metrics } = await chainOf(
      '- metric: { name: took, type: histogram, value: took, unit: s, buckets: [0.1, 1] }',
    );
    for (const took of ['0.05', '0.5', '5', 'long']) run({ attributes: { took } });
    const [family] = [...metrics.families()];
    expect([...family!.points].map(each => each.histogram)).toEqual([{ counts: [1, 2, 3], sum: 5.55 }]);
  });

  test('a long or absent label is no category', async () => {
    const { run, metrics } = await chainOf('- metric: { name: n, labels: { path: path } }');
    run({ attributes: { path: 'x'.repeat(129) } });
    run({});
    expect(figure(metrics, 'n_total', { daemon: 'nginx', path: 'other' })).toBe(1);
    expect(figure(metrics, 'n_total', { daemon: 'nginx', path: '' })).toBe(1);
  });
});
