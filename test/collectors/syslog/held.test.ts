// Sockets and pipes that outlive a collector, and pipes as such.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { Held } from '../../../agent/core/collector.ts';
import type { Log } from '../../../agent/core/log.ts';
import { loadNative } from '../../../agent/native/index.ts';
import { createHolder, passedFiles } from '../../../collectors/syslog/held.ts';
import { quiet } from '../../quiet.ts';
import { type Collector, collect, daemon, lookup, temporaryDirectory } from './collect.ts';

const native = loadNative()!;
const open: Collector[] = [];
let dir = '';
afterEach(async () => {
  for (const collector of open.splice(0)) await collector.close();
  if (dir) rmSync(dir, { recursive: true, force: true });
  dir = '';
});

function fresh(): string {
  dir = temporaryDirectory();
  return dir;
}

async function start(...args: Parameters<typeof collect>): Promise<Collector> {
  const collector = await collect(...args);
  open.push(collector);
  return collector;
}

/** Ends a collector whose place another takes. */
async function handOver(collector: Collector): Promise<void> {
  open.splice(open.indexOf(collector), 1);
  collector.commit();
  await collector.stream.close(true);
  collector.stream.release?.();
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

const bodies = ({ records }: Collector) => records.map(({ body }) => body).sort();

describe('a collector that takes the place of another', () => {
  it('has its sockets and pipes, and what came between the two', async () => {
    const [a, b, pipe] = [join(fresh(), 'a'), join(dir, 'b'), join(dir, 'pipe')];
    const port = await freePort();
    const listen = [
      { path: a, mode: '0600' },
      { path: b, type: 'stream' },
      { fifo: pipe },
      { tcp: `127.0.0.1:${port}` },
      { udp: `127.0.0.1:${port}` },
    ];
    const held: Held[] = [];
    const room = { held, legacy: [] };
    const first = await start({ listen }, { dir, room });
    expect(first.stream.faults()).toEqual([]);
    native.sendDatagram(a, Buffer.from('<13>x: one'));
    await first.until(1);
    await handOver(first);
    expect(held).toHaveLength(5);

    expect(native.sendDatagram(a, Buffer.from('<13>x: datagram'))).toBe(true);
    const tell = (code: string) => execFileSync('perl', ['-MIO::Socket', '-e', code]);
    tell(`IO::Socket::UNIX->new(Peer => "${b}")->print("<13>x: stream\\n")`);
    tell(`IO::Socket::INET->new(PeerAddr => "127.0.0.1:${port}")->print("<13>x: tcp\\n")`);
    tell(`IO::Socket::INET->new(PeerAddr => "127.0.0.1:${port}", Proto => "udp")->send("<13>x: udp")`);
    writeFileSync(pipe, 'x: pipe\n', { flag: 'a' });

    const second = await start({ listen }, { dir, room });
    expect(second.stream.faults()).toEqual([]);
    await second.until(5);
    expect(bodies(second)).toEqual(['datagram', 'stream', 'tcp', 'udp', 'x: pipe']);
    expect(held).toHaveLength(5);
    expect(statSync(a).mode & 0o777).toBe(0o600);

    open.pop();
    second.commit();
    await second.stream.close();
    expect(held).toEqual([]);
    expect([a, b, pipe].map(existsSync)).toEqual([false, false, true]);
  });

  it('has its connections, with what they had begun to say, and ends those it does not want', async () => {
    const [path, pipe] = [join(fresh(), 'a'), join(dir, 'pipe')];
    const [tcp, gone] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const listen = [{ path, type: 'stream' }, { fifo: pipe }, { tcp }];
    const room = { held: [], legacy: [] };
    const first = await start({ listen: [...listen, { tcp: gone }] }, { dir, room });
    const peers = [path, tcp, gone].map(to =>
      connect(to === path ? { path } : { host: '127.0.0.1', port: Number(to.split(':')[1]) }),
    );
    const writer = openSync(pipe, 'a');
    const say = (text: string) => {
      for (const peer of peers) peer.write(text);
      writeSync(writer, text);
    };
    say('<13>x: one\n<13>x: beg');
    await first.until(4);
    await handOver(first);
    expect(first.records).toHaveLength(4);

    say('un\n<13>x: and cut');
    const ended = once(peers[2]!.resume(), 'close');
    const second = await start({ listen, max_message: '1KiB', idle_timeout: '1m' }, { dir, room });
    await ended;
    for (const peer of peers) peer.end();
    closeSync(writer);
    await second.until(7);
    open.pop();
    second.commit();
    await second.stream.close();
    const whole = ['and cut', 'begun'];
    expect(bodies(second)).toEqual([...whole, ...whole, ...whole, ...whole].sort());
    expect(room).toEqual({ held: [], legacy: [] });
  });

  it('lets go of what it does not want', async () => {
    const [a, b] = [join(fresh(), 'a'), join(dir, 'b')];
    const held: Held[] = [];
    const first = await start({ listen: [{ path: a }, { path: b }] }, { dir, room: { held } });
    await handOver(first);
    await start({ listen: { path: a } }, { dir, room: { held } });
    expect(held).toHaveLength(1);
    expect(native.sendDatagram(a, Buffer.from('x'))).toBe(true);
    expect(native.sendDatagram(b, Buffer.from('x'))).toBe(false);
  });
});

describe('what systemd passes', () => {
  it.each<[string, Record<string, string>, Held[]]>([
    ['nothing', {}, []],
    ['to another', { LISTEN_PID: '7', LISTEN_FDS: '2' }, []],
    [
      'with names',
      { LISTEN_PID: '8', LISTEN_FDS: '2', LISTEN_FDNAMES: 'a:eudaemon-syslog dgram /b' },
      [
        { fd: 3, name: 'a', by: 'unit' },
        { fd: 4, name: 'eudaemon-syslog dgram /b', by: 'store' },
      ],
    ],
    ['without names', { LISTEN_PID: '8', LISTEN_FDS: '1' }, [{ fd: 3, name: 'unknown', by: 'unit' }]],
    [
      'fewer than it says',
      { LISTEN_PID: '8', LISTEN_FDS: '100000', LISTEN_FDNAMES: 'a' },
      [
        { fd: 3, name: 'a', by: 'unit' },
        { fd: 4, name: 'unknown', by: 'unit' },
      ],
    ],
    ['no number', { LISTEN_PID: '8', LISTEN_FDS: 'x' }, []],
  ])('%s', (_, env, expected) => {
    expect(passedFiles(env, 8, fd => fd < 5)).toEqual(expected);
    expect(passedFiles(env, 8, fd => fd < 5)).toEqual([]);
  });

  it('and nobody asks for is told; what is left in its store is let go', () => {
    const path = join(fresh(), 'left');
    const unit = { fd: native.bindUnix('@eudaemon-test-unit'), name: 'syslog.socket', by: 'unit' as const };
    const store = {
      fd: native.bindUnix(path),
      name: `eudaemon-syslog dgram ${path}`,
      by: 'store' as const,
    };
    const warnings: string[] = [];
    const log: Log = { ...quiet, warn: message => void warnings.push(message) };
    const held: Held[] = [unit, store];
    createHolder(native, { held, log }, {}).sweep();
    expect(held).toEqual([unit]);
    expect(warnings).toEqual([
      'nobody reads what systemd passed as "syslog.socket" (dgram @eudaemon-test-unit): its senders wait; add { activation: "syslog.socket" } to collectors.syslog.listen',
    ]);
    native.close(unit.fd);
  });

  it('is taken by its address, too, and a pipe is taken', async () => {
    const path = join(fresh(), 'passed');
    const pipe = join(dir, 'pipe');
    const socket = native.bindUnix(path);
    native.makeFifo(pipe, 0o600);
    const fifo = openSync(pipe, 'r+');
    // Sent before anybody listens.
    expect(native.sendDatagram(path, Buffer.from('<13>x'))).toBe(true);
    writeSync(fifo, 'line\n');
    const script = fileURLToPath(new URL('./victim.ts', import.meta.url));
    const options = JSON.stringify({ listen: [{ path }, { fifo: pipe }] });
    const child = spawn(
      'sh',
      ['-c', 'LISTEN_PID=$$ exec "$0" "$@"', process.execPath, script, dir, options],
      {
        stdio: ['ignore', 'pipe', 'inherit', socket, fifo],
        env: { ...process.env, LISTEN_FDS: '2', LISTEN_FDNAMES: 'eudaemon.socket:eudaemon.socket' },
      },
    );
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe('ready');
    expect((await lines.next()).value).toBe('seen 1');
    expect((await lines.next()).value).toBe('seen 2');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(native.sendDatagram(path, Buffer.from('<13>waits'))).toBe(true);
    native.close(socket);
    closeSync(fifo);
  });
});

describe('a named pipe', () => {
  it('is made, read line by line, and goes on when its writers leave', async () => {
    const path = join(fresh(), 'pipe');
    const daemons = lookup([daemon('nginx')], () => undefined);
    const collector = await start(
      { listen: { fifo: { path, daemon: 'nginx' }, mode: '0620', group: 'daemon' } },
      { dir, daemons },
    );
    expect(collector.stream.faults()).toEqual([]);
    expect(statSync(path).isFIFO()).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o620);
    expect(statSync(path).gid).toBe(1);
    execFileSync('sh', ['-c', `echo 'plain text' > ${path}; printf '<11>two' > ${path}`]);
    await collector.until(1);
    execFileSync('sh', ['-c', `echo ' halves' > ${path}`]);
    const [plain, halves] = await collector.until(2);
    expect(plain).toMatchObject({
      body: 'plain text',
      daemon: 'nginx',
      resource: { 'service.name': 'nginx' },
      severityText: 'notice',
    });
    expect(plain!.attributes).not.toHaveProperty('eudaemon.parse_error');
    expect(halves).toMatchObject({ body: 'two halves', severityText: 'err' });
  });

  it('of nobody in particular is of whom its lines say', async () => {
    const path = join(fresh(), 'pipe');
    const collector = await start(
      { listen: { fifo: path } },
      { dir, daemons: lookup([daemon('nginx')], () => undefined) },
    );
    writeFileSync(path, 'Nov 22 17:35:01 nginx: a\nb\n', { flag: 'a' });
    const records = await collector.until(2);
    expect(records.map(record => [record.resource['service.name'], record.body])).toEqual([
      ['nginx', 'a'],
      ['syslog', 'b'],
    ]);
  });

  it('gives everything up to the end', async () => {
    const path = join(fresh(), 'pipe');
    const collector = await start({ listen: { fifo: path } }, { dir });
    collector.full = true;
    const lines = Array.from({ length: 500 }, (_, i) => `<13>line ${i}`);
    writeFileSync(path, `${lines.join('\n')} and a half`, { flag: 'a' });
    await collector.until(1);
    await collector.stream.close();
    expect(collector.records.map(({ body }) => body)).toEqual(
      lines.map((line, i) => line.slice(4) + (i === 499 ? ' and a half' : '')),
    );
  });

  it('gives a line that nobody ends after five seconds of quiet', async () => {
    const path = join(fresh(), 'pipe');
    const collector = await start({ listen: { fifo: path } }, { dir });
    const tick = (times: number) => {
      for (let i = 0; i < times; i++) collector.stream.tick?.();
    };
    writeFileSync(path, 'whole\nhalf', { flag: 'a' });
    await collector.until(1);
    tick(4);
    writeFileSync(path, ' a line\nthe last', { flag: 'a' });
    await collector.until(2);
    tick(4);
    expect(collector.records).toHaveLength(2);
    tick(2);
    writeFileSync(path, 'new\n', { flag: 'a' });
    const records = await collector.until(4);
    expect(records.map(({ body }) => body)).toEqual(['whole', 'half a line', 'the last', 'new']);
  });

  it('that is removed or replaced is a fault', async () => {
    const path = join(fresh(), 'pipe');
    const collector = await start({ listen: { fifo: path } }, { dir });
    expect(collector.stream.faults()).toEqual([]);
    rmSync(path);
    const fault = `syslog pipe "${path}" was removed or replaced`;
    expect(collector.stream.faults()).toEqual([fault]);
    writeFileSync(path, 'what a writer made');
    expect(collector.stream.faults()).toEqual([fault]);
  });

  it('that is something else is a fault, and stays', async () => {
    const path = join(fresh(), 'file');
    writeFileSync(path, 'precious');
    const collector = await start({ listen: [{ fifo: path }, { fifo: '/dev/null/x' }] }, { dir });
    expect(collector.stream.faults()).toEqual([
      `cannot listen for syslog on "pipe ${path}": there is a file that is no named pipe`,
      expect.stringMatching(/^cannot listen for syslog on "pipe \/dev\/null\/x": /),
    ]);
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });
});
