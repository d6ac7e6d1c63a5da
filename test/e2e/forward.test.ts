// Records to one more place: rsyslog over every transport, files under logrotate, a slow reader of standard output.
import { execFile, spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SERVER } from '../certificates.ts';
import { find, have } from '../tools.ts';
import { ledgerGap } from './metrics.ts';
import { BIN, createHome, freePort, spawnProgram, startProgram, tempDir } from './program.ts';
import { sendDatagrams } from './senders.ts';
import { until } from './until.ts';

const numbered = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => `<13>seq: number ${from + i}`);
const bodies = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `number ${from + i}`);

interface Receiver {
  readonly directory: string;
  readonly port: number;
  /** Fields of what it received, in order: pri, time, host, app, procid, msgid, structured data, text. */
  received(): string[][];
  start(): Promise<void>;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/** rsyslog on a Unix datagram socket `sock`, and on UDP and TCP, or with TLS, at `port`. */
async function createRsyslog(secure = false): Promise<Receiver> {
  const directory = tempDir('rsyslog');
  const [port, conf, out] = [await freePort(), join(directory, 'rsyslog.conf'), join(directory, 'out')];
  writeFileSync(join(directory, 'cert.pem'), SERVER.cert);
  writeFileSync(join(directory, 'key.pem'), SERVER.key);
  const fields = [
    'pri',
    'timestamp:::date-rfc3339',
    'hostname',
    'app-name',
    'procid',
    'msgid',
    'structured-data',
    'msg',
  ];
  const tls = `global(DefaultNetstreamDriver="ossl" DefaultNetstreamDriverCAFile="${directory}/cert.pem"
  DefaultNetstreamDriverCertFile="${directory}/cert.pem" DefaultNetstreamDriverKeyFile="${directory}/key.pem")
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")`;
  writeFileSync(
    conf,
    `${secure ? tls : 'module(load="imtcp") module(load="imudp")'}
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="${directory}/sock" UseSpecialParser="off" ParseHostname="on" IgnoreTimestamp="off" RateLimit.Interval="0")
input(type="imtcp" port="${port}" address="127.0.0.1")
${secure ? '' : `input(type="imudp" port="${port}" address="127.0.0.1")`}
template(name="fields" type="string" string="${fields.map(field => `%${field}%`).join('\\x1e')}\\n")
action(type="omfile" file="${out}" template="fields")
`.replaceAll('\\x1e', '\u001e'),
  );
  let child: ReturnType<typeof spawn> | undefined;
  let ended: Promise<void> | undefined;
  const kill = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child?.kill(signal);
    await ended;
  };
  onTestFinished(() => kill('SIGKILL'));
  return {
    directory,
    port,
    received: () =>
      existsSync(out)
        ? readFileSync(out, 'utf8')
            .split('\n')
            .slice(0, -1)
            .map(line => line.split('\u001e'))
        : [],
    async start() {
      const started = spawn(find('rsyslogd')!, ['-n', '-f', conf, '-i', join(directory, 'pid')], {
        stdio: 'ignore',
      });
      child = started;
      ended = new Promise(end => started.once('exit', () => end()));
      await until('rsyslog listens', () => existsSync(join(directory, 'sock')) && accepts(port));
    },
    kill,
  };
}

const accepts = (port: number) =>
  new Promise<boolean>(answer => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      answer(true);
    });
    socket.once('error', () => answer(false));
  });

const haveTls = globSync('/usr/lib/*/rsyslog/lmnsd_ossl.so').length > 0;
if (!haveTls) console.warn('not run without rsyslog-openssl: forwarding by TLS to rsyslog');

if (have('rsyslogd'))
  describe('rsyslog receives', () => {
    const targets: [name: string, secure: boolean, options: (to: Receiver) => object][] = [
      ['a Unix socket', false, ({ directory }) => ({ path: join(directory, 'sock') })],
      ['UDP', false, ({ port }) => ({ udp: `127.0.0.1:${port}` })],
      ['TCP, octets counted', false, ({ port }) => ({ tcp: `127.0.0.1:${port}` })],
      ['TCP, a line each', false, ({ port }) => ({ tcp: `localhost:${port}`, framing: 'newline' })],
      [
        'TLS',
        true,
        ({ port, directory }) => ({
          tcp: `127.0.0.1:${port}`,
          tls: { ca_file: join(directory, 'cert.pem') },
        }),
      ],
    ];
    it.each(targets.filter(([, secure]) => !secure || haveTls))(
      'by %s what came in, field by field',
      async (_, secure, options) => {
        const to = await createRsyslog(secure);
        await to.start();
        const logs = tempDir('logs');
        writeFileSync(join(logs, 'app.log'), '');
        const home = await createHome({
          daemons: {
            shop: {
              match: { comm: 'no-such-process' },
              logs: { files: [join(logs, '*.log')] },
            },
          },
          exporters: { store: false, syslog: options(to) },
        });
        const program = await startProgram(home);
        await sendDatagrams(home.socket, [
          '<165>1 2026-11-24T10:11:12.345678Z web-7 httpd worker-2 ID47 [ex@32473 a="1" b="q\\"x"] over here',
          '<34>Nov 24 10:11:12 su[99]: failed',
        ]);
        const rows = await until('all three arrive', () => {
          const found = to.received();
          // A daemon's files are read from where they end when they are first seen.
          if (!found.some(each => each[3] === 'shop'))
            appendFileSync(join(logs, 'app.log'), 'a line of a file\n');
          return new Set(found.map(each => each[3])).size === 3 && found;
        });
        const row = (text: string) => rows.find(each => each[7]!.trimStart() === text)!;
        const full = row('over here');
        expect(full.slice(0, 6)).toEqual([
          '165',
          '2026-11-24T10:11:12.345678Z',
          'web-7',
          'httpd',
          'worker-2',
          'ID47',
        ]);
        expect(full[6]).toContain('[ex@32473 a="1" b="q\\"x"]');
        expect(full[6]).toMatch(/^\[eudaemon@32473 via="[^"]+" service\.name="httpd"/);
        const old = row('failed');
        expect([old[0], old[3], old[4]]).toEqual(['34', 'su', '99']);
        const file = row('a line of a file');
        expect([file[0], file[3]]).toEqual([expect.stringMatching(/^(29|30)$/), 'shop']);
        expect(file[6]).toContain(`log.file.path="${join(logs, 'app.log')}"`);
        const page = await program.waitForMetrics(
          'the ledger balances',
          metrics => ledgerGap(metrics, 'syslog') === 0,
        );
        expect(page.sum('eudaemon_records_dropped_total')).toBe(0);
        expect((await program.stop()).code).toBe(0);
      },
    );

    it('by TCP everything, though it was away and is ended meanwhile', async () => {
      const to = await createRsyslog();
      const home = await createHome({ exporters: { store: false, syslog: { tcp: `127.0.0.1:${to.port}` } } });
      const program = await startProgram(home);
      await sendDatagrams(home.socket, numbered(500));
      await program.waitForMetrics(
        'it is away',
        page => page.value('eudaemon_exporter_up', { exporter: 'syslog' }) === 0,
      );
      await to.start();
      await until('all arrive', () => new Set(to.received().map(row => row[7])).size >= 500, {
        timeoutMs: 60_000,
      });
      await to.kill();
      await sendDatagrams(home.socket, numbered(500, 500));
      await to.start();
      await until('the rest arrives', () => new Set(to.received().map(row => row[7])).size >= 1000, {
        timeoutMs: 60_000,
      });
      expect(new Set(to.received().map(row => row[7]!.trimStart()))).toEqual(new Set(bodies(1000)));
    });

    it('and sends back to us: nothing goes round', async () => {
      const to = await createRsyslog();
      const home = await createHome({
        exporters: { store: false, syslog: { path: join(to.directory, 'sock') } },
      });
      const conf = join(to.directory, 'rsyslog.conf');
      writeFileSync(
        conf,
        `${readFileSync(conf, 'utf8')}
module(load="omuxsock")
template(name="back" type="string" string="<%pri%>1 %timestamp:::date-rfc3339% %hostname% %app-name% %procid% %msgid% %structured-data% %msg%")
$OMUxSockSocket ${home.socket}
*.* :omuxsock:;back
`,
      );
      await to.start();
      const program = await startProgram(home);
      await sendDatagrams(home.socket, numbered(10));
      const page = await program.waitForMetrics(
        'they came back, and were not forwarded again',
        metrics =>
          metrics.value('eudaemon_records_dropped_total', { exporter: 'syslog', reason: 'loop' }) === 10,
      );
      expect(page.value('eudaemon_records_received_total', { source: 'syslog' })).toBe(20);
      expect(to.received()).toHaveLength(10);
      expect(program.output()).toContain('sends back what it is sent');
    });
  });

it('our own socket is no receiver', async () => {
  const home = await createHome({});
  home.configure({ exporters: { syslog: { path: home.socket } } });
  const program = spawnProgram(home, ['run', '-c', home.configFile]);
  expect((await program.ended).code).toBe(78);
  expect(program.output()).toContain(
    `"${home.socket}" is where collectors.syslog listens: every message would come back`,
  );
});

const linesOf = (path: string): string[] =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line).body)
    : [];

describe('a file', () => {
  if (have('logrotate', 'root'))
    it('under logrotate has every record once, in one of its generations', async () => {
      const directory = tempDir('forward');
      const path = join(directory, 'all.ndjson');
      const home = await createHome({ exporters: { store: false, file: { path, max_size: '0B' } } });
      const program = await startProgram(home);
      const conf = join(directory, 'logrotate.conf');
      writeFileSync(
        conf,
        `${path} {\n  rotate 20\n  missingok\n  create 0600 root root\n  su root root\n  postrotate\n    kill -USR1 ${program.pid}\n  endscript\n}\n`,
      );
      await sendDatagrams(home.socket, numbered(1));
      await until('the file is there', () => existsSync(path));
      for (let round = 0; round < 5; round++) {
        const sending = sendDatagrams(home.socket, numbered(2000, 1 + round * 2000));
        await promisify(execFile)(find('logrotate')!, ['-f', '-s', join(directory, 'state'), conf]);
        await sending;
      }
      const all = () =>
        readdirSync(directory)
          .filter(name => name.startsWith('all.ndjson'))
          .flatMap(name => linesOf(join(directory, name)));
      await until('all are written', () => all().length >= 10_001, { timeoutMs: 60_000 });
      const numbers = all()
        .map(body => Number(body.split(' ')[1]))
        .sort((a, b) => a - b);
      expect(numbers).toEqual(Array.from({ length: 10_001 }, (_, i) => i));
      expect(program.output()).toContain('output files are opened anew');
      expect((await program.stop()).code).toBe(0);
    });

  it('that is moved away: SIGUSR1 makes the next, and a dead one stops no other exporter', async () => {
    const directory = tempDir('forward');
    const path = join(directory, 'sub', 'all.ndjson');
    const home = await createHome({
      exporters: { store: {}, file: { path }, syslog: { tcp: '127.0.0.1:1' } },
    });
    const program = await startProgram(home);
    await sendDatagrams(home.socket, numbered(10));
    const page = await program.waitForMetrics(
      'the store has them, the others wait',
      metrics => metrics.value('eudaemon_records_delivered_total', { exporter: 'store' }) === 10,
    );
    expect(page.value('eudaemon_spool_records', { exporter: 'file' })).toBe(10);
    expect(page.value('eudaemon_spool_records', { exporter: 'syslog' })).toBe(10);
    for (const exporter of ['store', 'file', 'syslog']) expect(ledgerGap(page, exporter)).toBe(0);
    mkdirSync(join(directory, 'sub'));
    await until('the file has them', () => linesOf(path).length === 10, { timeoutMs: 60_000 });
    renameSync(path, `${path}.old`);
    program.signal('SIGUSR1');
    await sendDatagrams(home.socket, numbered(1, 10));
    await until('the next is in a new file', () => linesOf(path).length === 1);
    expect(linesOf(`${path}.old`)).toEqual(bodies(10));
  });
});

it('a slow reader of standard output gets every record, whole lines of JSON and nothing else', async () => {
  const home = await createHome({ exporters: { store: false, file: { path: '-' } } });
  const child = spawn(BIN, ['run', '-c', home.configFile], {
    env: { ...process.env, NOTIFY_SOCKET: undefined },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = new Promise<number | null>(end => child.once('exit', end));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  await until('the agent is ready', async () => (await fetch(`${home.url}/readyz`)).ok);
  // Nobody reads: the pipe is full long before the last of them, and neither logger nor agent waits for it.
  await sendDatagrams(home.socket, numbered(3000));
  await until('all are received', async () =>
    /eudaemon_records_received_total\{source="syslog"\} 3000\b/.test(
      await (await fetch(`${home.url}/metrics`)).text(),
    ),
  );
  let text = '';
  child.stdout.setEncoding('utf8').on('data', chunk => {
    text += chunk;
    child.stdout.pause();
    setImmediate(() => child.stdout.resume());
  });
  const lines = () => text.split('\n').slice(0, -1);
  await until('all are read', () => lines().length >= 3000, { timeoutMs: 60_000 });
  expect(lines().map(line => JSON.parse(line).body)).toEqual(bodies(3000));
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
});
