// What leaves the agent as it arrives at receivers that other people wrote: every record, every field, every figure.
// OTELCOL= and FLUENT_BIT= name programs; the strict receiver of these tests is looked at in the same way.
import { spawn } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FIRST, SERVER } from '../certificates.ts';
import type { ReceivedRecord } from '../receiver.ts';
import { type Figure, type Peer, startCollector, startFluentBit, startStrict } from './peers.ts';
import { createHome, type Home, type Program, startProgram, tempDir } from './program.ts';
import { sendDatagrams } from './senders.ts';
import { until } from './until.ts';

const NUMBERED = 2000;
const numbers = Array.from({ length: NUMBERED }, (_, i) => `number ${i}`);
const LONG = 'x'.repeat(20_000);
const JSON_LINE = {
  msg: 'parsed',
  level: 'error',
  time: '2026-11-25T10:00:00.123456789Z',
  real: 1.5,
  whole: -7,
  large: 9007199254740991,
  yes: true,
  no: false,
  nothing: null,
  empty: '',
  list: [1, 'two', [3]],
  deep: { a: { b: 'c' }, none: {} },
};

const { msg: _msg, level: _level, time: _time, ...ATTRIBUTES } = JSON_LINE;

/** Datagrams, and what must arrive of each. */
const MESSAGES: [datagram: string | Buffer, fields: Partial<ReceivedRecord>][] = [
  [
    '<187>1 2026-11-25T10:00:00.123456789+01:00 relay web 77 ID47 [z@1 a="b\\"c" b="ü"][y@2] \ufeffhéllo € 😀',
    {
      time: 1_795_597_200_123_456_789n,
      severity: 17,
      severityText: 'err',
      body: 'héllo € 😀',
      resource: { 'service.name': 'web', 'host.name': 'relay' },
      attributes: {
        'syslog.facility': 23,
        'syslog.hostname': 'relay',
        'syslog.appname': 'web',
        'syslog.procid': '77',
        'syslog.msgid': 'ID47',
        'syslog.version': 1,
        'syslog.structured_data': { 'z@1': { a: 'b"c', b: 'ü' }, 'y@2': {} },
      },
    },
  ],
  [
    Buffer.from('<31>cut: bad \xff bytes\ttab "quoted" \\', 'latin1'),
    {
      severity: 5,
      severityText: 'debug',
      body: 'bad \ufffd bytes\ttab "quoted" \\',
      resource: { 'service.name': 'cut', 'host.name': hostname() },
      attributes: { 'syslog.facility': 3, 'syslog.appname': 'cut', 'user.id': String(process.getuid?.()) },
    },
  ],
  [`<8>long: ${LONG}`, { severity: 21, severityText: 'emerg', body: LONG }],
];

/** An agent that sends all it has to `peer`. */
async function start(otlp: object): Promise<Program> {
  const home = await createHome();
  const log = join(home.directory, 'app.log');
  writeFileSync(log, '');
  home.configure({
    daemons: {
      web: {
        match: { comm: 'no-such' },
        logs: { identifiers: ['web'] },
        health: [{ name: 'true', exec: ['/bin/true'], every: '1s' }],
      },
      app: { match: { pidfile: join(home.directory, 'app.pid') }, logs: { files: [log], parse: 'json' } },
    },
    exporters: { otlp: { interval: '1s', ...otlp } },
  });
  return startProgram(home);
}

/** Writes to all there is; the pid of the daemon `app`. */
async function send({ directory, socket }: Home, datagrams: readonly (string | Buffer)[]): Promise<number> {
  const app = spawn('sleep', ['600'], { stdio: 'ignore' });
  onTestFinished(() => void app.kill('SIGKILL'));
  writeFileSync(join(directory, 'app.pid'), `${app.pid}\n`);
  appendFileSync(join(directory, 'app.log'), `${JSON.stringify(JSON_LINE)}\n`);
  await sendDatagrams(socket, [...datagrams, ...numbers.map(text => `<13>seq: ${text}`)]);
  return app.pid!;
}

const isNumber = ({ body }: { body: unknown }) => /^number \d+$/.test(String(body));

/** Figures that must arrive; a gauge has been this, a counter has come to this at least. */
const FIGURES: Figure[] = [
  {
    name: 'eudaemon.records.received',
    attributes: { source: 'syslog' },
    value: NUMBERED,
    service: 'eudaemon',
    unit: '{record}',
    kind: 'counter',
  },
  {
    name: 'eudaemon.daemon.up',
    attributes: { daemon: 'app' },
    value: 1,
    service: 'app',
    unit: '',
    kind: 'gauge',
  },
  {
    name: 'eudaemon.health_check.duration',
    attributes: { daemon: 'web', check: 'true' },
    value: 1,
    service: 'web',
    unit: 's',
    kind: 'histogram',
  },
];

const fits = (figure: Figure, { name, attributes, value }: Figure): boolean =>
  figure.name === name && isDeepStrictEqual(figure.attributes, attributes) && figure.value >= value;

/** Sends, and looks at what has arrived at `peer`. */
async function check(peer: Peer, otlp: object): Promise<void> {
  const { quirks = {} } = peer;
  const messages = MESSAGES.filter(([datagram]) => !quirks.losesBytes || typeof datagram === 'string');
  const program = await start(otlp);
  const pid = await send(
    program.home,
    messages.map(([datagram]) => datagram),
  );
  try {
    await until('all records arrive', () => {
      const bodies = peer.records().map(({ body }) => body);
      return [
        'parsed',
        `app started as process ${pid}`,
        ...messages.map(([, { body }]) => body),
        ...numbers,
      ].every(one => bodies.includes(one));
    });
    for (const expected of FIGURES)
      await until(`${expected.name} arrives`, () => peer.figures().some(figure => fits(figure, expected)));
  } catch (error) {
    const outputs = `--- receiver\n${peer.output().slice(-2000)}\n--- agent\n${program.output()}`;
    throw new Error(`${(error as Error).message}\n${outputs}`, { cause: error });
  }
  const records = peer.records();
  const find = (text: unknown) => records.filter(({ body }) => body === text);
  expect(records.filter(isNumber).map(({ body }) => body)).toEqual(numbers);
  expect(new Set(records.map(({ attributes }) => attributes['log.record.uid'])).size).toBe(records.length);
  const seen = (time: bigint) => (quirks.roundsTime ? ((time + 500n) / 1000n) * 1000n : time);
  for (const [, fields] of messages) {
    const time = fields.time === undefined ? {} : { time: seen(fields.time) };
    expect(find(fields.body)).toMatchObject([{ ...fields, ...time }]);
  }
  expect(find('parsed')).toMatchObject([
    {
      time: seen(1_795_600_800_123_456_789n),
      severity: 17,
      resource: { 'service.name': 'app', 'host.name': hostname() },
      attributes: {
        ...ATTRIBUTES,
        'log.file.name': 'app.log',
        large: quirks.cutsIntegers ? expect.any(Number) : JSON_LINE.large,
      },
    },
  ]);
  expect(find(`app started as process ${pid}`)).toMatchObject([
    {
      eventName: 'eudaemon.daemon.started',
      resource: { 'service.name': 'app' },
      attributes: { 'process.pid': pid, 'eudaemon.restart': false },
    },
  ]);
  for (const expected of FIGURES) {
    const figure = peer.figures().find(each => fits(each, expected))!;
    const { value: _, ...shown } = Object.fromEntries(
      Object.entries(expected).filter(([key]) => !quirks.hides?.includes(key)),
    );
    expect(figure).toMatchObject(shown);
  }
  expect((await program.stop()).code).toBe(0);
}

it('the strict receiver hears all there is', async () => {
  const peer = await startStrict();
  await check(peer, { endpoint: peer.http });
});

const ENCODINGS = ['http/protobuf', 'http/json'].flatMap(protocol =>
  ['gzip', 'zstd', 'none'].map(compression => ({ protocol, compression })),
);
const CALLS = ['gzip', 'none'].map(compression => ({ protocol: 'grpc', compression }));

const files = (own: boolean): object => {
  const directory = tempDir('tls');
  const file = (name: string, text: string) => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const ca_file = file('ca.pem', SERVER.cert);
  return own
    ? { ca_file, cert_file: file('own.pem', FIRST.cert), key_file: file('own.key', FIRST.key) }
    : { ca_file };
};

const { OTELCOL, FLUENT_BIT } = process.env;

if (OTELCOL)
  describe('the OpenTelemetry Collector hears the same', () => {
    it.each([...ENCODINGS, ...CALLS])('by $protocol, $compression', async how => {
      const peer = await startCollector(OTELCOL);
      await check(peer, { ...how, endpoint: how.protocol === 'grpc' ? peer.grpc : peer.http });
    });

    describe.each(['http/protobuf', 'grpc'] as const)('%s with TLS both ways', protocol => {
      it('delivers with a certificate', async () => {
        const peer = await startCollector(OTELCOL, true);
        await check(peer, {
          protocol,
          endpoint: protocol === 'grpc' ? peer.grpc : peer.http,
          tls: files(true),
        });
      });

      it('without one keeps what it has, and says why', async () => {
        const peer = await startCollector(OTELCOL, true);
        const endpoint = protocol === 'grpc' ? peer.grpc : peer.http;
        const program = await start({ protocol, endpoint, tls: files(false) });
        await send(program.home, []);
        await program.waitForMetrics(
          'a failure of TLS',
          page => page.sum('eudaemon_exporter_failures_total', { exporter: 'otlp', reason: 'tls' }) > 0,
        );
        expect(peer.records()).toEqual([]);
      });
    });
  });

if (FLUENT_BIT)
  describe('Fluent Bit hears the same', () => {
    it.each([...ENCODINGS, ...CALLS])('by $protocol, $compression', async how => {
      const peer = await startFluentBit(FLUENT_BIT, how.protocol);
      await check(peer, { ...how, endpoint: how.protocol === 'grpc' ? peer.grpc : peer.http });
    });
  });
