// Real senders over every transport: logger, syslog(3) in C and Python, rsyslog, programs that write to a pipe.
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { find, have } from '../tools.ts';
import { type Backend, startBackend } from './backend.ts';
import { createHome, freePort, type Home, startProgram } from './program.ts';
import { alone, logger, runToEnd } from './senders.ts';
import { until } from './until.ts';

interface Scene {
  readonly backend: Backend;
  readonly home: Home;
  readonly port: number;
  readonly stream: string;
  readonly pipe: string;
}

/** An agent that listens on all of them; `port` is that of UDP and TCP. */
async function scene(): Promise<Scene> {
  const backend = await startBackend();
  const home = await createHome();
  const port = await freePort();
  const [stream, pipe] = [join(home.directory, 'stream'), join(home.directory, 'pipe')];
  home.configure({
    collectors: {
      syslog: {
        listen: [
          { path: home.socket },
          { path: stream, type: 'stream' },
          { fifo: pipe },
          { udp: `127.0.0.1:${port}` },
          { tcp: `127.0.0.1:${port}` },
        ],
      },
    },
    exporters: { otlp: backend.exporter },
  });
  await startProgram(home);
  return { backend, home, port, stream, pipe };
}

/** rsyslog's own template of RFC 5424 puts a second space before the text. */
const textOf = ({ body }: { body: unknown }) => String(body).trim();

const said = ({ backend }: Scene, body: string) => backend.record(record => textOf(record) === body);

describe('logger', () => {
  it('by UDP and TCP, in both formats, octet-counted and by lines', async () => {
    const at = await scene();
    const to = ['-n', '127.0.0.1', '-P', `${at.port}`, '-t', 'net', '-p', 'daemon.warning'];
    await runToEnd('logger', [...to, '-d', '--rfc3164', 'udp 3164']);
    await runToEnd('logger', [...to, '-d', '--rfc5424', '--sd-id', 'z@1', '--sd-param', 'a="b"', 'udp 5424']);
    await runToEnd('logger', [...to, '-T', '--rfc3164', 'tcp 3164']);
    await runToEnd('logger', [...to, '-T', '--octet-count', '--rfc5424', 'tcp counted']);
    for (const body of ['udp 3164', 'udp 5424', 'tcp 3164', 'tcp counted']) {
      const record = await said(at, body);
      expect(record).toMatchObject({
        severityText: 'warning',
        resource: { 'service.name': 'net', 'host.name': hostname() },
        attributes: { 'syslog.facility': 3, 'syslog.appname': 'net' },
      });
      expect(record.attributes).not.toHaveProperty('eudaemon.parse_error');
    }
    expect((await said(at, 'udp 5424')).attributes['syslog.structured_data']).toMatchObject({
      'z@1': { a: 'b' },
    });
  });

  it('by a Unix stream, with the credentials of the one that connected', async () => {
    const at = await scene();
    // It tries a datagram first, and a stream then.
    const pid = await logger(at.stream, '-t', 'streamed', 'down the stream');
    expect(await said(at, 'down the stream')).toMatchObject({
      resource: { 'service.name': 'streamed' },
      attributes: { 'process.pid': pid, 'user.id': String(process.getuid?.()) },
    });
  });
});

it('the form of systemd-cat is a line with a level, which a pipe takes', async () => {
  const at = await scene();
  await runToEnd('sh', ['-c', `printf '<3>it failed\\nplain\\n' >> "$1"`, 'sh', at.pipe]);
  expect(await said(at, 'it failed')).toMatchObject({ severityText: 'err' });
  expect((await said(at, 'plain')).attributes).not.toHaveProperty('eudaemon.parse_error');
});

const C = `#include <syslog.h>
int main(void) {
  openlog("c-app", LOG_PID | LOG_NDELAY, LOG_MAIL);
  syslog(LOG_CRIT, "from %s: %d%%", "C", 50);
  closelog();
  return 0;
}`;

const PYTHON = `import syslog
syslog.openlog("py-app", syslog.LOG_PID, syslog.LOG_LOCAL6)
syslog.syslog(syslog.LOG_NOTICE, "from Python: \\u00fcber")`;

if (have('root', 'unshare', 'gcc', 'python3'))
  describe('syslog(3) on /dev/log', () => {
    it('from C and from Python', async () => {
      const at = await scene();
      const program = join(at.home.directory, 'c-app');
      writeFileSync(`${program}.c`, C);
      await runToEnd('gcc', ['-o', program, `${program}.c`]);
      const pid = await alone(at.home.socket, program);
      expect(await said(at, 'from C: 50%')).toMatchObject({
        severityText: 'crit',
        resource: { 'service.name': 'c-app' },
        attributes: { 'syslog.facility': 2, 'syslog.procid': `${pid}`, 'process.pid': pid },
      });
      await alone(at.home.socket, find('python3')!, '-c', PYTHON);
      expect(await said(at, 'from Python: über')).toMatchObject({
        severityText: 'notice',
        resource: { 'service.name': 'py-app' },
        attributes: { 'syslog.facility': 22 },
      });
    });
  });

if (have('rsyslogd', 'logger'))
  describe('rsyslog passes on', () => {
    it.each<[string, (at: Scene) => string]>([
      [
        'by omuxsock',
        ({ home }) => `module(load="omuxsock")\n$OMUxSockSocket ${home.socket}\n*.* :omuxsock:`,
      ],
      [
        'by omfwd over UDP',
        ({ port }) => `action(type="omfwd" target="127.0.0.1" port="${port}" protocol="udp")`,
      ],
      [
        'by omfwd over TCP, octet-counted, in RFC 5424',
        ({ port }) =>
          `action(type="omfwd" target="127.0.0.1" port="${port}" protocol="tcp" TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format")`,
      ],
      [
        'by omfwd over TCP, by lines',
        ({ port }) => `action(type="omfwd" target="127.0.0.1" port="${port}" protocol="tcp")`,
      ],
    ])('%s', async (_, action) => {
      const at = await scene();
      const { directory } = at.home;
      const [file, input] = [join(directory, 'rsyslog.conf'), join(directory, 'in')];
      writeFileSync(
        file,
        `module(load="imuxsock" SysSock.Use="off")\ninput(type="imuxsock" Socket="${input}")\n${action(at)}\n`,
      );
      const relay = spawn(find('rsyslogd')!, ['-n', '-f', file, '-i', join(directory, 'rsyslog.pid')], {
        stdio: 'ignore',
      });
      onTestFinished(() => void relay.kill('SIGKILL'));
      await until('rsyslog listens', () => existsSync(input));
      for (let i = 0; i < 20; i++) await logger(input, '-t', 'relayed', '-p', 'cron.err', `message ${i}`);
      await said(at, 'message 19');
      const records = at.backend.all().filter(record => textOf(record).startsWith('message '));
      expect(records.map(textOf).sort()).toEqual(Array.from({ length: 20 }, (_, i) => `message ${i}`).sort());
      for (const record of records)
        expect(record).toMatchObject({
          severityText: 'err',
          resource: { 'service.name': 'relayed', 'host.name': hostname() },
          attributes: { 'syslog.facility': 9, 'syslog.appname': 'relayed' },
        });
    });
  });
