import { execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, mkdirSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { loadNative } from '../../../agent/native/index.ts';
import { FIRST, SECOND } from '../../certificates.ts';
import { figure } from '../../figure.ts';
import { BOOT, createHost } from '../../procfs.ts';
import { have } from '../../tools.ts';
import { CERTIFICATE, KEY } from '../health/certificate.ts';
import { type Collector, collect, daemon, lookup, temporaryDirectory } from './collect.ts';

const run = promisify(execFile);
const native = loadNative()!;
const open: Collector[] = [];
afterEach(async () => {
  for (const collector of open.splice(0)) await collector.close();
});

async function start(...args: Parameters<typeof collect>): Promise<Collector> {
  const collector = await collect(...args);
  open.push(collector);
  return collector;
}

const socketOf = ({ dir }: Collector) => join(dir, 'syslog.sock');

async function send(collector: Collector, ...messages: (string | Uint8Array)[]): Promise<void> {
  for (const message of messages)
    while (!native.sendDatagram(socketOf(collector), Buffer.from(message as string)))
      await new Promise(setImmediate);
}

/** A free port, and how to listen there with a certificate that is put into `dir`. */
async function tlsIn(dir: string) {
  const [cert_file, key_file] = [join(dir, 'cert'), join(dir, 'key')];
  writeFileSync(cert_file, CERTIFICATE);
  writeFileSync(key_file, KEY);
  const port = await freePort();
  return { port, listen: [{ tcp: `127.0.0.1:${port}`, tls: { cert_file, key_file } }] };
}

/** A port nobody has: asked of the kernel and given back. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise(resolve => server.close(resolve));
  return port;
}

const connected = (to: { port: number; host: string } | { path: string }) =>
  new Promise<Socket>(resolve => {
    const socket = connect(to, () => resolve(socket));
  });

const T = 'Nov 22 17:35:01';

describe('a datagram', () => {
  it('becomes a record with everything it and the kernel say', async () => {
    const collector = await start();
    await send(
      collector,
      `<165>1 2026-11-22T12:00:00.25Z ${hostname()} app 42 ID47 [origin ip="1" ip="2"][x@1 a="\\"b"] text`,
    );
    const [record] = await collector.until(1);
    expect(record).toMatchObject({
      resource: { 'service.name': 'app' },
      time: 1795348800_250_000_000n,
      severity: 10,
      severityText: 'notice',
      body: 'text',
      attributes: {
        'syslog.facility': 20,
        'syslog.hostname': hostname(),
        'syslog.appname': 'app',
        'syslog.procid': '42',
        'syslog.msgid': 'ID47',
        'syslog.version': 1,
        'syslog.structured_data': { origin: { ip: ['1', '2'] }, 'x@1': { a: '"b' } },
        'process.pid': process.pid,
        'process.executable.name': expect.stringMatching(/^node/),
        'user.id': String(process.getuid!()),
        'log.record.uid': expect.stringMatching(/^[0-9a-f]{32}$/),
      },
    });
    expect(Math.abs(Number(record!.observed / 1_000_000n) - Date.now())).toBeLessThan(60_000);
    expect(record!.attributes).not.toHaveProperty('eudaemon.parse_error');
  });

  it('of any bytes is one record that holds them all', async () => {
    const collector = await start();
    const binary = Buffer.from([0, 255, 0, 254, 10, 13, 0]);
    const messages = ['', '\n', '\0\0\0', '<', '<13>1 - - broken', 'x'.repeat(65536), binary];
    await send(collector, ...messages);
    const records = await collector.until(messages.length);
    expect(records.map(({ body }) => body)).toEqual([
      '',
      '',
      '\0\0\0',
      '<',
      '<13>1 - - broken',
      'x'.repeat(65536),
      '\0\ufffd\0\ufffd\n\r\0',
    ]);
    expect(Buffer.from(records[6]!.attributes['log.record.original'] as Uint8Array)).toEqual(binary);
    for (const { resource, attributes } of records) {
      expect(resource['service.name']).toBe('syslog');
      expect(attributes['eudaemon.parse_error']).toBeTypeOf('string');
    }
    expect(new Set(records.map(({ attributes }) => attributes['log.record.uid'])).size).toBe(messages.length);
  });

  it('with a header that is no UTF-8 keeps all of its bytes', async () => {
    const collector = await start();
    const latin = (text: string) => Buffer.from(text, 'latin1');
    const messages = [
      latin('<13>Nov 26 05:00:00 \xe9\xff[1]: ok'),
      latin('<13>1 - - a - - [x y="\xe9"] \xff'),
      Buffer.from('<13>Nov 26 05:00:00 ü[1]: ok'),
    ];
    await send(collector, ...messages, messages[0]!);
    const records = await collector.until(4);
    const originals = records.map(
      ({ attributes }) => attributes['log.record.original'] as Uint8Array | undefined,
    );
    expect(originals.map(each => each && Buffer.from(each))).toEqual([
      messages[0],
      messages[1],
      undefined,
      messages[0],
    ]);
    expect(records.map(({ body }) => body)).toEqual(['ok', '\ufffd', 'ok', 'ok']);
  });

  it('longer than max_message is cut, marked and counted', async () => {
    const collector = await start({ max_message: '1KiB' });
    await send(collector, `<13>${'x'.repeat(2000)}`, '<13>next');
    const [cut, next] = await collector.until(2);
    expect(cut!.body).toBe('x'.repeat(1020));
    expect(cut!.attributes['eudaemon.truncated']).toBe(true);
    expect(next!.attributes).not.toHaveProperty('eudaemon.truncated');
    expect(figure(collector.meter, 'eudaemon_log_truncated_total')).toBe(1);
  });

  it('arrives by UDP with its peer as the host, unless that is us', async () => {
    const port = await freePort();
    const collector = await start({ listen: { udp: `127.0.0.1:${port}` } });
    const client = createSocket('udp4').unref();
    client.send(`<13>${T} app: local`, port, '127.0.0.1');
    client.send(`<13>${T} router9 app: relayed`, port, '127.0.0.1');
    const records = await collector.until(2);
    client.close();
    const byBody = Object.fromEntries(records.map(record => [record.body, record]));
    expect(byBody['local']!.resource).toEqual({ 'service.name': 'app' });
    expect(byBody['relayed']!.resource).toEqual({ 'service.name': 'app', 'host.name': 'router9' });
    expect(byBody['relayed']!.attributes).toMatchObject({ 'syslog.hostname': 'router9' });
    expect(byBody['relayed']!.attributes).not.toHaveProperty('process.pid');
  });
});

if (have('logger', 'perl'))
  describe('real senders', () => {
    it('logger, in its three forms', async () => {
      const collector = await start();
      const socket = socketOf(collector);
      await run('logger', ['-u', socket, '-t', 'form', '-p', 'local3.warning', '-i', 'local']);
      await run('logger', ['-u', socket, '-t', 'form', '--rfc3164', 'three']);
      const sd = ['--sd-id', 'zoo@123', '--sd-param', 'tiger="hungry"', '--msgid', 'M1'];
      await run('logger', ['-u', socket, '-t', 'form', '--rfc5424', ...sd, 'five']);
      const records = await collector.until(3);
      expect(records.map(({ body }) => body)).toEqual(['local', 'three', 'five']);
      for (const record of records) {
        expect(record.resource).toEqual({ 'service.name': 'form' });
        expect(record.attributes).toMatchObject({
          'syslog.appname': 'form',
          'user.id': String(process.getuid!()),
        });
        expect(Math.abs(Number(record.time / 1_000_000_000n) - Date.now() / 1000)).toBeLessThan(120);
      }
      expect(records[0]).toMatchObject({ severityText: 'warning', attributes: { 'syslog.facility': 19 } });
      expect(records[0]!.attributes['syslog.procid']).toBe(String(records[0]!.attributes['process.pid']));
      expect(records[1]!.attributes['syslog.hostname']).toBe(hostname().split('.')[0]);
      expect(records[2]!.attributes['syslog.structured_data']).toMatchObject({
        'zoo@123': { tiger: 'hungry' },
      });
    });

    it('perl, through its own syslog', async () => {
      const collector = await start();
      const script =
        'use Sys::Syslog qw(:standard :macros setlogsock); setlogsock({type=>"unix",path=>$ARGV[0]}) or die;' +
        'openlog("perly","pid,ndelay",LOG_DAEMON); syslog(LOG_ERR,"it %s","broke"); closelog();';
      await run('perl', ['-e', script, socketOf(collector)]);
      expect((await collector.until(1))[0]).toMatchObject({
        body: 'it broke',
        severityText: 'err',
        resource: { 'service.name': 'perly' },
        attributes: { 'syslog.facility': 3, 'process.pid': expect.any(Number) },
      });
    });

    it('logger over TCP, framed by count and by line', async () => {
      const port = await freePort();
      const collector = await start({ listen: [{ tcp: `127.0.0.1:${port}` }] });
      const to = ['-n', '127.0.0.1', '-P', String(port), '--tcp', '-t', 'netty'];
      await run('logger', [...to, '--octet-count', 'counted']);
      await run('logger', [...to, 'line']);
      const records = await collector.until(2);
      expect(records.map(({ body }) => body)).toEqual(['counted', 'line']);
      expect(records[0]!.resource).toEqual({ 'service.name': 'netty' });
    });
  });

describe('identity', () => {
  const nginx = daemon('nginx');
  const relay = daemon('relayd');
  const sent: [
    what: string,
    pids: Record<'us', string | undefined>,
    message: string,
    expected: object,
    forged?: number,
  ][] = [
    [
      'the kernel goes before the tag',
      { us: 'nginx' },
      `<13>${T} other: x`,
      { daemon: 'nginx', service: 'nginx' },
    ],
    ['a tag of its daemon', { us: undefined }, `<13>${T} nginx: x`, { daemon: 'nginx', service: 'nginx' }, 1],
    ['a tag of its daemon from its process', { us: 'nginx' }, `<13>${T} nginx[1]: x`, { daemon: 'nginx' }, 0],
    ['a tag another daemon forges', { us: 'relayd' }, `<13>${T} nginx: x`, { daemon: 'relayd' }, 1],
    ['a tag nobody declares', { us: undefined }, `<13>${T} cron: x`, { daemon: undefined, service: 'cron' }],
    ['no tag', { us: undefined }, '<13>x', { daemon: undefined, service: 'syslog' }],
    ['no tag, but a process', { us: 'nginx' }, 'x', { daemon: 'nginx', service: 'nginx' }],
    [
      'our own host name',
      { us: 'nginx' },
      `<13>${T} ${hostname()} nginx: x`,
      { daemon: 'nginx', host: undefined },
    ],
    [
      'what a relay passes on',
      { us: 'relayd' },
      `<13>${T} far nginx: x`,
      { daemon: undefined, service: 'nginx', host: 'far' },
      0,
    ],
    ['a container with a name', { us: 'nginx' }, `<13>${T} box nginx: x`, { daemon: 'nginx', host: 'box' }],
    [
      'words, not a host',
      { us: undefined },
      `<13>${T} disk failure imminent`,
      { service: 'syslog', host: undefined },
    ],
  ];
  it.each(sent)('%s', async (_, { us }, message, expected, forged) => {
    const daemons = lookup([nginx, relay], pid => (pid === process.pid ? us : undefined));
    const collector = await start({}, { daemons });
    await send(collector, message);
    const [record] = await collector.until(1);
    const { 'service.name': service, 'host.name': host } = record!.resource;
    expect({ daemon: record!.daemon, service, host }).toMatchObject(expected);
    if (forged !== undefined)
      expect(figure(collector.meter, 'eudaemon_log_sender_mismatch_total', { daemon: 'nginx' }) ?? 0).toBe(
        forged,
      );
  });

  it('counts false claims from 0 on, of daemons whose processes are told, also of those declared later', async () => {
    const declared = [nginx, daemon('free', { match: {} })];
    const collector = await start({}, { daemons: lookup(declared, () => undefined) });
    const forged = (name: string) =>
      figure(collector.meter, 'eudaemon_log_sender_mismatch_total', { daemon: name });
    expect(['nginx', 'free', 'late'].map(forged)).toEqual([0, undefined, undefined]);
    declared.push(daemon('late'));
    collector.stream.redeclared?.();
    expect(forged('late')).toBe(0);
  });

  it.each([
    ['older', -100, 'app'],
    ['younger', 100, undefined],
  ])('of a process %s than its message', async (_, seconds, name) => {
    const host = createHost();
    const startedAt = Date.now() / 1000 - BOOT + seconds;
    host.run({ pid: process.pid, comm: 'app', start: startedAt });
    const collector = await start({}, { room: { root: host.root } });
    await send(collector, `<13>${T} app: x`);
    const { attributes } = (await collector.until(1))[0]!;
    expect(attributes['process.pid']).toBe(process.pid);
    expect(attributes['process.executable.name']).toBe(name);
    host.close();
  });
});

describe('a full sink', () => {
  it('stops the collector and loses nothing', async () => {
    const port = await freePort();
    const collector = await start({ listen: [{ path: '/dev/null/x' }, { tcp: `127.0.0.1:${port}` }] });
    expect(collector.stream.faults()).toHaveLength(1);
    collector.full = true;
    const socket = await connected({ port, host: '127.0.0.1' });
    socket.end(Array.from({ length: 100 }, (_, i) => `<13>line ${i}\n`).join(''));
    for (let count = 1; count <= 10; count++) {
      await collector.until(count);
      expect(collector.records).toHaveLength(count);
      collector.stream.resume();
    }
    collector.full = false;
    collector.stream.resume();
    const records = await collector.until(100);
    expect(records.map(({ body }) => body)).toEqual(Array.from({ length: 100 }, (_, i) => `line ${i}`));
  });

  it('that has room again gets what waits in the ring, though nothing more comes', async () => {
    const collector = await start();
    collector.full = true;
    const lines = Array.from({ length: 50 }, (_, i) => `line ${i}`);
    await send(collector, ...lines.map(line => `<13>${line}`));
    for (let count = 1; count <= 5; count++) {
      await collector.until(count);
      collector.stream.resume();
    }
    collector.full = false;
    collector.stream.resume();
    expect((await collector.until(50)).map(({ body }) => body)).toEqual(lines);
  });

  it('leaves datagrams in the ring, and never makes a sender wait', async () => {
    const collector = await start({ ring: '1MiB' });
    collector.full = true;
    const sent = 9000;
    for (let i = 0; i < sent; i++) await send(collector, `<15>message ${i} ${'x'.repeat(200)}`);
    expect(collector.records.length).toBeLessThanOrEqual(1);
    collector.full = false;
    collector.stream.resume();
    await send(collector, '<8>the last');
    await collector.until(1000);
    while (collector.records.at(-1)?.body !== 'the last') await collector.until(collector.records.length + 1);
    collector.stream.resume();
    const arrived = new Set(collector.records.map(({ body }) => body));
    expect(arrived.size).toBe(collector.records.length);
    expect(collector.dropped.get('ring_full')).toBe(sent + 1 - arrived.size);
    await collector.close();
    open.pop();
    const told = collector.events.filter(({ name }) => name === 'eudaemon.records.suppressed');
    const count = told.reduce((sum, each) => sum + Number(each.attributes['eudaemon.suppressed.count']), 0);
    expect(count).toBe(collector.dropped.get('ring_full'));
    for (const { attributes } of told)
      expect(attributes).toMatchObject({
        'process.pid': process.pid,
        'eudaemon.suppressed.reason': 'ring_full',
      });
  });
});

describe('what is not written yet', () => {
  it('may wait where the ring holds it, and nowhere else', async () => {
    const port = await freePort();
    const path = join(temporaryDirectory(), 'log.sock');
    const collector = await start({ listen: [{ path }, { tcp: `127.0.0.1:${port}` }] });
    native.sendDatagram(path, Buffer.from('<13>datagram'));
    await collector.until(1);
    (await connected({ port, host: '127.0.0.1' })).end('<13>line\n');
    await collector.until(2);
    expect(collector.mayWait).toEqual([true, false]);
  });

  it('may not wait once it takes a little more than half of the ring, nor at the end', async () => {
    const collector = await start({ ring: '1MiB' });
    const message = `<13>${'x'.repeat(10_000)}`;
    const another = async () => {
      await send(collector, message);
      await collector.until(collector.records.length + 1);
    };
    while (collector.settled === 0) await another();
    const most = (2 ** 20 * 9) / 16 / message.length;
    expect(collector.records.length).toBeGreaterThan(most * 0.8);
    expect(collector.records.length).toBeLessThan(most + 1);
    collector.commit();
    await another();
    expect(collector.settled).toBe(1);
    await collector.close();
    open.pop();
    expect(collector.settled).toBe(2);
  });
});

describe('a sender over the limit', () => {
  it('is cut short, counted and told, and the ring has room again', async () => {
    const collector = await start({ rate_limit: { rate: '1/h', burst: 3 }, ring: '1MiB' });
    // Ten times what the ring holds: nobody confirms what is given up, and yet it goes.
    const body = 'x'.repeat(10_000);
    for (let i = 0; i < 1000; i++) await send(collector, `<13>${T} app: ${i} ${body}`);
    await collector.until(3);
    collector.commit();
    await send(collector, `<13>${T} app: the last`);
    await collector.close();
    open.pop();
    expect(collector.records.map(({ body }) => String(body).slice(0, 1))).toEqual(['0', '1', '2']);
    const limited = collector.dropped.get('rate_limited')!;
    expect(limited + (collector.dropped.get('ring_full') ?? 0)).toBe(998);
    const told = collector.events.filter(
      ({ attributes }) => attributes['eudaemon.suppressed.reason'] === 'rate_limited',
    );
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({
      name: 'eudaemon.records.suppressed',
      attributes: { 'eudaemon.suppressed.count': limited, 'process.pid': process.pid },
      body: expect.stringMatching(/^suppressed \d+ messages from node\S* in \d+s: over the limit of 1\/h$/),
    });
  });
});

describe('the end', () => {
  it('hands over everything, and leaves no socket and no ring behind', async () => {
    const collector = await collect();
    await send(collector, ...Array.from({ length: 30 }, (_, i) => `<13>${i}`));
    const { records, dir } = collector;
    const closing = collector.stream.close();
    while (records.length < 30) await collector.until(records.length + 1);
    await closing;
    expect(records).toHaveLength(30);
    // It waits for nobody to take them, and yet hears of it.
    collector.commit();
    collector.stream.release!();
    expect(existsSync(join(dir, 'syslog.sock'))).toBe(false);
    expect(existsSync(join(dir, 'syslog.ring'))).toBe(false);
    rmSync(dir, { recursive: true });
  });

  it('by kill -9 loses nothing: the next one tells the same records under the same names', async () => {
    const dir = temporaryDirectory();
    const child = spawn(process.execPath, [fileURLToPath(new URL('./victim.ts', import.meta.url)), dir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const said = async (word: string) => {
      for (let line = await lines.next(); line.value !== word; line = await lines.next())
        if (line.done) throw new Error('the collector ended by itself');
    };
    await said('ready');
    const messages = Array.from({ length: 200 }, (_, i) => `<13>${T} app: message ${i}`);
    for (const message of messages)
      while (!native.sendDatagram(join(dir, 'syslog.sock'), Buffer.from(message)))
        await new Promise(setImmediate);
    await said('seen 200');
    child.kill('SIGKILL');
    await new Promise(resolve => child.once('exit', resolve));

    const next = await start({}, { dir });
    const records = await next.until(200);
    expect(records.map(({ body }) => body)).toEqual(messages.map((_, i) => `message ${i}`));
    expect(new Set(records.map(({ attributes }) => attributes['log.record.uid'])).size).toBe(200);
    await send(next, '<13>after');
    expect((await next.until(201))[200]!.body).toBe('after');
  });
});

describe('a socket', () => {
  it('takes the place of a dead one, with the mode asked for', async () => {
    const dir = temporaryDirectory();
    const path = join(dir, 'a.sock');
    native.close(native.bindUnix(path));
    const collector = await start({ listen: [{ path, mode: '0620', group: 'daemon' }] }, { dir });
    expect(collector.stream.faults()).toEqual([]);
    expect(statSync(path).mode & 0o777).toBe(0o620);
    expect(statSync(path).gid).toBe(1);
    expect(native.sendDatagram(path, Buffer.from('<13>x'))).toBe(true);
    await collector.until(1);
    unlinkSync(path);
    expect(collector.stream.faults()).toEqual([`syslog socket "${path}" was removed or replaced`]);
  });

  it('does not take the place of a living one, nor of a file, and says so', async () => {
    const dir = temporaryDirectory();
    const living = join(dir, 'living');
    const file = join(dir, 'file');
    const fd = native.bindUnix(living);
    writeFileSync(file, 'precious');
    const collector = await start(
      {
        listen: [
          { path: living },
          { path: living, type: 'stream' },
          { path: file },
          { path: join(dir, 'new'), owner: 'nobody-of-this-name' },
          { path: join(dir, 'x'.repeat(107)) },
          { tcp: '192.0.2.1:1' },
          { udp: '192.0.2.1:1' },
          { activation: 'syslog' },
        ],
      },
      { dir },
    );
    expect(collector.stream.faults().map(fault => fault.replaceAll(dir, ''))).toEqual([
      'cannot listen for syslog on "/living": another program listens on it; stop it or choose another path',
      'cannot listen for syslog on "/file": there is a file that is no socket',
      'cannot listen for syslog on "/new": no "nobody-of-this-name" in /etc/passwd',
      expect.stringMatching(/^cannot listen for syslog on "\/x+": path longer than 107 bytes$/),
      expect.stringMatching(/^cannot listen for syslog on "tcp 192\.0\.2\.1:1": /),
      expect.stringMatching(/^cannot listen for syslog on "udp 192\.0\.2\.1:1": /),
      'cannot listen for syslog on "systemd socket syslog": systemd passed no sockets to this process',
    ]);
    expect(existsSync(file)).toBe(true);
    expect(native.sendDatagram(living, Buffer.from('x'))).toBe(true);
    native.close(fd);
  });

  it('passed by systemd is taken by its name', async () => {
    const dir = temporaryDirectory();
    const [path, unread] = [join(dir, 'passed'), join(dir, 'unread')];
    const fds = [native.bindUnix(unread), native.bindUnix(path)];
    const script = fileURLToPath(new URL('./victim.ts', import.meta.url));
    const options = JSON.stringify({ listen: { activation: 'logs' } });
    const child = spawn(
      'sh',
      ['-c', 'LISTEN_PID=$$ exec "$0" "$@"', process.execPath, script, dir, options],
      {
        stdio: ['ignore', 'pipe', 'inherit', ...fds],
        env: { ...process.env, LISTEN_FDS: '2', LISTEN_FDNAMES: 'other:logs' },
      },
    );
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe('ready');
    expect(native.sendDatagram(path, Buffer.from('<13>x'))).toBe(true);
    expect((await lines.next()).value).toBe('seen 1');
    child.kill('SIGKILL');
    for (const fd of fds) native.close(fd);
    rmSync(dir, { recursive: true });
  });

  it('that cannot be read, for want of a ring, is closed: its senders fail instead of waiting', async () => {
    const dir = temporaryDirectory();
    mkdirSync(join(dir, 'syslog.ring'));
    const collector = await start({}, { dir });
    expect(collector.stream.faults()).toEqual([`cannot open syslog ring in "${dir}": is a directory`]);
    expect(existsSync(socketOf(collector))).toBe(false);
    expect(native.sendDatagram(socketOf(collector), Buffer.from('x'))).toBe(false);
  });

  it('speaks TLS, and with client_ca_file only to those who have a certificate', async () => {
    const dir = temporaryDirectory();
    const [cert_file, key_file] = [join(dir, 'cert'), join(dir, 'key')];
    writeFileSync(cert_file, CERTIFICATE);
    writeFileSync(key_file, KEY);
    const ports = [await freePort(), await freePort()];
    const tls = { cert_file, key_file };
    const collector = await start(
      {
        listen: [
          { tcp: `127.0.0.1:${ports[0]}`, tls },
          { tcp: `127.0.0.1:${ports[1]}`, tls: { ...tls, client_ca_file: cert_file } },
        ],
      },
      { dir },
    );
    expect(collector.stream.faults()).toEqual([]);
    const deliver = (port: number, text: string, own: object = {}) =>
      new Promise<void>(resolve => {
        const socket = connectTls({
          host: '127.0.0.1',
          port,
          servername: 'localhost',
          ca: CERTIFICATE,
          ...own,
        });
        socket.on('error', () => {});
        socket.on('close', () => resolve());
        socket.resume().end(text);
      });
    await deliver(ports[0]!, '7 <13>one');
    await deliver(ports[1]!, '9 <13>never');
    await deliver(ports[1]!, '7 <13>two', { cert: CERTIFICATE, key: KEY });
    const records = await collector.until(2);
    expect(records.map(({ body }) => body)).toEqual(['one', 'two']);
  });

  it('shows the certificate that its files hold now, and the one before while they do not fit together', async () => {
    const dir = temporaryDirectory();
    const tls = { cert_file: join(dir, 'cert'), key_file: join(dir, 'key') };
    const use = ({ cert, key }: typeof FIRST) => {
      writeFileSync(tls.cert_file, cert);
      writeFileSync(tls.key_file, key);
    };
    use(FIRST);
    const port = await freePort();
    await start({ listen: [{ tcp: `127.0.0.1:${port}`, tls }] }, { dir });
    const shown = () =>
      new Promise<string>((resolve, reject) => {
        const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
          resolve(socket.getPeerX509Certificate()!.toString());
          socket.destroy();
        });
        socket.on('error', reject);
      });
    expect(await shown()).toBe(FIRST.cert);
    writeFileSync(tls.cert_file, SECOND.cert);
    expect(await shown()).toBe(FIRST.cert);
    rmSync(tls.key_file);
    expect(await shown()).toBe(FIRST.cert);
    use(SECOND);
    expect(await shown()).toBe(SECOND.cert);
  });

  it('of the stream kind knows who connected, keeps cut messages apart and tells what it holds at the end', async () => {
    const dir = temporaryDirectory();
    const path = join(dir, 'stream');
    const collector = await start({ listen: [{ path, type: 'stream' }], max_message: '1KiB' }, { dir });
    const socket = await connected({ path });
    socket.write(`<13>${T} app: one\n<13>${'x'.repeat(5000)}\n<13>two\n<13>unfinished`);
    const records = await collector.until(3);
    expect(records[0]!.attributes).toMatchObject({ 'process.pid': process.pid });
    expect(records[1]!.attributes['eudaemon.truncated']).toBe(true);
    expect(records[2]!.body).toBe('two');
    await collector.stream.close();
    expect(records[3]!.body).toBe('unfinished');
    socket.destroy();
  });

  it.each(['stream', 'tcp'])(
    'of the kind %s loses nothing of what it was sent before its end',
    async kind => {
      const dir = temporaryDirectory();
      const path = join(dir, 'stream');
      const to = kind === 'tcp' ? { host: '127.0.0.1', port: await freePort() } : { path };
      const listen = 'port' in to ? { tcp: `127.0.0.1:${to.port}` } : { path, type: 'stream' };
      const collector = await start({ listen }, { dir });
      collector.full = true;
      const socket = await connected(to);
      const lines = Array.from({ length: 3000 }, (_, i) => `<13>line ${i} ${'x'.repeat(20)}`);
      await new Promise(resolve => socket.write(`${lines.join('\n')} and a half`, resolve));
      await collector.until(1);
      await collector.stream.close();
      expect(collector.records).toHaveLength(lines.length);
      expect(collector.records.at(-1)!.body).toMatch(/^line 2999 x+ and a half$/);
      socket.destroy();
    },
  );

  it('closes connections that are silent for too long, and refuses those beyond the limit', async () => {
    const dir = temporaryDirectory();
    const path = join(dir, 'stream');
    const listen = [{ path, type: 'stream' }];
    await start({ listen, connections: 1, idle_timeout: '1s' }, { dir });
    const first = await connected({ path });
    const second = await connected({ path });
    await new Promise(resolve => second.once('close', resolve));
    await new Promise(resolve => first.resume().once('close', resolve));
  });

  it('ends without waiting for who has not spoken TLS yet', async () => {
    const dir = temporaryDirectory();
    const { port, listen } = await tlsIn(dir);
    const collector = await collect({ listen }, { dir });
    const silent = await connected({ host: '127.0.0.1', port });
    const ended = new Promise(resolve => silent.resume().on('error', resolve).once('close', resolve));
    await collector.close();
    await ended;
  });

  it('closes connections that are silent before they speak TLS', async () => {
    const dir = temporaryDirectory();
    const { port, listen } = await tlsIn(dir);
    await start({ listen, idle_timeout: '1s' }, { dir });
    const silent = await connected({ host: '127.0.0.1', port });
    await new Promise(resolve => silent.resume().once('close', resolve));
  });
});
