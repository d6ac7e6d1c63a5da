// Processors in the running program: every step from logger to an OTLP receiver, no secret on disk, a ledger that
// balances, and a reload under load.
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { startReceiver } from '../receiver.ts';
import { startBackend } from './backend.ts';
import { ledgerGap, type Metrics } from './metrics.ts';
import { createHome, spawnProgram, startProgram, tempDir } from './program.ts';
import { logger, sendDatagrams } from './senders.ts';
import { until } from './until.ts';

const CARD = '4111111111111111';
const SECRETS = [CARD, 'hunter2hunter2', 'jane.doe@example.com', 'zebra-7731'];

/** Files below a directory that hold any of the secrets. */
function holding(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .filter(path => SECRETS.some(secret => readFileSync(path).includes(secret)));
}

it('every step, from logger to the receiver', async () => {
  const backend = await startBackend();
  const home = await createHome({
    daemons: { shop: { match: { comm: 'no-such-process' } } },
    exporters: { otlp: backend.exporter, store: {} },
    processors: [
      { drop: { body: '^noise' } },
      { keep: { severity: '>= info' }, when: { daemon: 'shop' } },
      { parse: 'json', when: { body: '^\\{' } },
      { severity: { attribute: 'grade', values: { bad: 'error' } } },
      { redact: 'all' },
      { redact: { patterns: ['zebra-\\d+'], with: '#' } },
      {
        metric: { name: 'shop.payments', labels: { currency: 'currency' } },
        when: { attributes: { currency: '.' } },
      },
      { metric: { name: 'shop.took', type: 'histogram', value: 'took', unit: 's' } },
      { add: { env: 'test' } },
      { rename: { user: 'user.name' } },
      { remove: 'syslog.facility' },
      { sample: '0%', when: { body: '^sampled' } },
      { rate_limit: { rate: '1/h', burst: 5 }, when: { body: '^burst' } },
    ],
  });
  const program = await startProgram(home);
  const tell = (...args: string[]) => logger(home.socket, '-t', 'shop', ...args);
  await tell('-p', 'user.info', 'noise of all kinds');
  await tell('-p', 'user.debug', 'too little to keep');
  await tell(
    '-p',
    'user.info',
    `{"msg":"paid with ${CARD}","grade":"bad","user":"ann","currency":"EUR","took":0.2,"password":"hunter2hunter2","deep":{"mail":"jane.doe@example.com"},"n":${CARD}}`,
  );
  await tell(
    '-p',
    'user.info',
    '--rfc5424',
    '--sd-id',
    'x@1',
    '--sd-param',
    `card="${CARD}"`,
    'structured zebra-7731',
  );
  await sendDatagrams(home.socket, [
    Buffer.concat([Buffer.from('<14>shop: raw '), Buffer.from([0xff]), Buffer.from(` ${CARD}`)]),
    `<14>${SECRETS[2]}: a tag`,
    '<14>shop: sampled away',
    ...Array.from({ length: 20 }, (_, i) => `<14>shop: burst ${i}`),
    '<14>shop: the end',
  ]);
  await backend.record(({ body }) => body === 'the end');

  expect(backend.bodies().sort()).toEqual(
    [
      'paid with [redacted]',
      'structured #',
      'raw \ufffd [redacted]',
      'a tag',
      ...Array.from({ length: 5 }, (_, i) => `burst ${i}`),
      'the end',
    ].sort(),
  );
  const paid = await backend.record(({ body }) => String(body).startsWith('paid'));
  expect(paid.severity).toBe(17);
  expect(paid.attributes).toMatchObject({
    grade: 'bad',
    'user.name': 'ann',
    currency: 'EUR',
    password: '[redacted]',
    deep: { mail: '[redacted]' },
    n: '[redacted]',
    env: 'test',
  });
  expect(paid.attributes).not.toHaveProperty('user');
  expect(paid.attributes).not.toHaveProperty('syslog.facility');
  const structured = await backend.record(({ body }) => String(body).startsWith('structured'));
  expect(structured.attributes['syslog.structured_data']).toMatchObject({ 'x@1': { card: '[redacted]' } });

  const page = await program.waitForMetrics(
    'all is counted and delivered',
    metrics =>
      metrics.value('shop_payments_total', { daemon: 'shop', currency: 'EUR' }) === 1 &&
      metrics.sum('eudaemon_records_received_total', { source: 'syslog' }) === 28 &&
      metrics.value('eudaemon_spool_records', { exporter: 'otlp' }) === 0 &&
      ledgerGap(metrics, 'otlp') === 0,
  );
  const dropped = (reason: string) => page.value('eudaemon_records_dropped_total', { reason, exporter: '' });
  expect([dropped('processor_drop'), dropped('sampled'), dropped('rate_limited')]).toEqual([2, 1, 15]);
  expect(page.value('shop_took_seconds_count', { daemon: 'shop' })).toBe(1);

  expect((await program.stop()).code).toBe(0);
  const told = backend.all().find(({ eventName }) => eventName === 'eudaemon.records.suppressed');
  expect(told?.body).toMatch(/^suppressed 15 records of shop in \d+s, over the limit of 1\/h$/);
  expect(holding(home.stateDir)).toEqual([]);

  const tried = spawnProgram(home, ['check', '--config', home.configFile, '--try', `<14>shop: ${CARD}`]);
  expect((await tried.ended).code).toBe(0);
  expect(tried.output()).toMatch(/^body +\[redacted\]$/m);
});

it('figures of records leave by OTLP, too', async () => {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.close());
  const home = await createHome({
    exporters: { otlp: { endpoint: receiver.url, interval: '1s' } },
    processors: [
      { parse: 'json' },
      { metric: { name: 'shop.payments', labels: { currency: 'currency' } } },
      { metric: { name: 'shop.took', type: 'histogram', value: 'took', unit: 's' } },
    ],
  });
  await startProgram(home);
  await sendDatagrams(home.socket, ['<13>shop: {"currency":"EUR","took":0.2}']);
  const named = (name: string) => receiver.metrics.filter(metric => metric.name === name);
  await until('both arrive', () => named('shop.payments').length > 0 && named('shop.took').length > 0);
  const [payments, took] = [named('shop.payments')[0], named('shop.took')[0]];
  expect(JSON.stringify(payments)).toContain('"EUR"');
  expect(took?.unit).toBe('s');
});

it('a reload under load changes the processors and loses no record', async () => {
  const backend = await startBackend();
  const config = (mark: string) => ({
    exporters: { otlp: backend.exporter },
    processors: [{ add: { mark } }],
  });
  const home = await createHome(config('first'));
  const program = await startProgram(home);
  const count = 20_000;
  const sending = sendDatagrams(
    home.socket,
    Array.from({ length: count }, (_, i) => `<13>seq: number ${i}`),
  );
  await until('records flow', () => backend.bodies().length > 0);
  home.configure(config('second'));
  program.signal('SIGHUP');
  await sending;
  await until('the new processors act', async () => {
    await sendDatagrams(home.socket, ['<13>seq: after']);
    return backend.all().some(({ attributes }) => attributes['mark'] === 'second');
  });
  await until('all arrive', () => backend.bodies().filter(body => body !== 'after').length >= count, {
    timeoutMs: 60_000,
  });
  expect(backend.bodies().filter(body => body !== 'after')).toEqual(
    Array.from({ length: count }, (_, i) => `number ${i}`),
  );
  const marks = backend
    .all()
    .filter(({ eventName }) => eventName === '')
    .map(({ attributes }) => attributes['mark']);
  expect(new Set(marks)).toEqual(new Set(['first', 'second']));
  const page = await program.waitForMetrics('all is delivered', metrics => ledgerGap(metrics, 'otlp') === 0);
  expect(page.sum('eudaemon_records_dropped_total')).toBe(0);
});

it('what is dropped makes room: a flood of it fills nothing', async () => {
  const backend = await startBackend();
  const home = await createHome({
    exporters: { otlp: backend.exporter },
    processors: [{ drop: { body: '^noise' } }],
  });
  const program = await startProgram(home);
  const count = 100_000;
  await sendDatagrams(
    home.socket,
    Array.from({ length: count }, (_, i) => `<13>x: noise ${i} ${'-'.repeat(200)}`),
  );
  await sendDatagrams(home.socket, ['<13>x: the end']);
  await backend.record(({ body }) => body === 'the end');
  const page = await program.waitForMetrics(
    'all is counted',
    metrics => metrics.sum('eudaemon_records_received_total', { source: 'syslog' }) === count + 1,
  );
  expect(page.value('eudaemon_records_dropped_total', { reason: 'processor_drop', exporter: '' })).toBe(
    count,
  );
  expect(page.sum('eudaemon_records_dropped_total')).toBe(count);
  expect(ledgerGap(page, 'otlp')).toBe(0);
});

it('dropped lines of a file are read once: the checkpoint moves behind them', async () => {
  const backend = await startBackend();
  const logs = tempDir('logs');
  const file = join(logs, 'app.log');
  writeFileSync(file, 'noise\n'.repeat(1000));
  const home = await createHome({
    collectors: { files: [{ include: [file], start_at: 'beginning' }] },
    exporters: { otlp: backend.exporter },
    processors: [{ drop: { source: 'files', body: '^noise' } }],
  });
  const received = (count: number) => (metrics: Metrics) =>
    metrics.sum('eudaemon_records_received_total', { source: 'files' }) === count;
  const first = await startProgram(home);
  await first.waitForMetrics('all is read', received(1000));
  expect((await first.stop()).code).toBe(0);
  appendFileSync(file, 'noise\nthe end\n');
  const second = await startProgram(home);
  await backend.record(({ body }) => body === 'the end');
  const page = await second.waitForMetrics('the rest is read', received(2));
  expect(page.sum('eudaemon_records_dropped_total', { reason: 'processor_drop' })).toBe(1);
  expect(ledgerGap(page, 'otlp')).toBe(0);
});

it('a bad pattern keeps the old processors, and is told with its place', async () => {
  const backend = await startBackend();
  const home = await createHome({ exporters: { otlp: backend.exporter }, processors: [{ redact: 'card' }] });
  const program = await startProgram(home);
  home.configure({
    exporters: { otlp: backend.exporter },
    processors: [{ redact: { patterns: ['(?<=x)y'] } }],
  });
  program.signal('SIGHUP');
  await until('it is told', () =>
    /e\.yaml:\d+:\d+: processors\[0\]\.redact\.patterns/.test(program.output()),
  );
  await sendDatagrams(home.socket, [`<13>x: ${CARD}`]);
  await backend.record(({ body }) => body === '[redacted]');
});

it('a pattern that makes other engines hang does not hold up the flow', async () => {
  const backend = await startBackend();
  const home = await createHome({
    exporters: { otlp: backend.exporter },
    processors: [{ drop: { body: '^(a+)+$' } }, { redact: { patterns: ['(a|aa)+$', '(x+x+)+y'] } }],
  });
  await startProgram(home);
  await sendDatagrams(home.socket, [
    `<13>x: ${'a'.repeat(30_000)}!`,
    `<13>x: ${'x'.repeat(30_000)}`,
    '<13>x: the end',
  ]);
  await backend.record(({ body }) => body === 'the end');
  expect(backend.bodies()).toHaveLength(3);
});
