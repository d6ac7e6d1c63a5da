import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadNative } from '../../../agent/native/index.ts';
import type { ReadSocket } from '../../../agent/native/reader.ts';
import { openRing, type Ring } from '../../../agent/native/ring.ts';
import type { RingMemory } from '../../../agent/native/ring-memory.ts';
import { RingWriter } from '../../../agent/native/ring-writer.ts';
import { sendUntilRefused } from '../../e2e/senders.ts';
import { have } from '../../tools.ts';

const native = loadNative()!;
const BOOT = '0d5a6a3c-7e5f-4c5b-8d1e-2f3a4b5c6d7e';
const SIZE = { slots: 8, stride: 4096, capacity: 1 << 16 };
let dir = '';
let undo: (() => unknown)[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'eudaemon-ring-'));
  undo = [() => rmSync(dir, { recursive: true })];
});
afterEach(async () => {
  for (const step of undo.reverse()) await step();
});

const socketPath = () => join(dir, 'sock');
const ringPath = () => join(dir, 'ring');

function open(size = SIZE): Ring {
  const ring = openRing(native, ringPath(), size, 1_000_000, BOOT);
  undo.push(() => ring.close());
  return ring;
}

/** A ring whose thread reads a Unix socket, unless other sockets are given. */
function receiving(size = SIZE, sockets?: ReadSocket[]): Ring {
  const ring = open(size);
  const read = sockets ?? [{ fd: native.bindUnix(socketPath()), udp: false, ours: true }];
  ring.read(read, error => {
    throw error;
  });
  undo.push(async () => {
    await ring.stop();
    for (const { fd } of read) native.close(fd);
  });
  return ring;
}

const bytesOf = (ring: Ring) => Buffer.from(ring.bytes.slice(ring.start, ring.end));

/** Waits for `count` messages, without releasing them. */
async function take(ring: Ring, count: number): Promise<Buffer[]> {
  const taken: Buffer[] = [];
  while (taken.length < count) {
    if (ring.next()) taken.push(bytesOf(ring));
    else await (ring.waiting() ?? new Promise(setImmediate));
  }
  return taken;
}

/** Sends when the kernel has room: its queue may be as short as ten. */
async function send(message: string | Uint8Array): Promise<void> {
  const bytes = typeof message === 'string' ? Buffer.from(message) : message;
  while (!native.sendDatagram(socketPath(), bytes)) await new Promise(setImmediate);
}

describe('the ring', () => {
  it('gives every datagram as it came, with who sent it', async () => {
    const ring = receiving({ slots: 4, stride: 65536, capacity: 1 << 20 });
    const messages = ['<13>a', '', '\0\0', '\xff\xfe', 'x'.repeat(65536)].map(text =>
      Buffer.from(text, 'latin1'),
    );
    for (const message of messages) await send(message);
    expect(await take(ring, messages.length)).toEqual(messages);
    expect(ring).toMatchObject({ pid: process.pid, uid: process.getuid!(), wire: 65536, addressBytes: 0 });
    expect(Math.abs(ring.received - Date.now())).toBeLessThan(10_000);
  });

  it('gives the time of the kernel, which is that of the sender and not of the reader', async () => {
    const fd = native.bindUnix(socketPath());
    const before = Date.now();
    await send('early');
    const sent = Date.now();
    while (Date.now() < sent + 20);
    const ring = receiving(SIZE, [{ fd, udp: false, ours: true }]);
    await take(ring, 1);
    expect(ring.received).toBeGreaterThanOrEqual(before);
    expect(ring.received).toBeLessThan(sent + 1);
  });

  if (process.arch === 'x64')
    it('is left in peace where nothing comes: its thread waits for a message or its end, a second at a time', async () => {
      /** poll(2) of two descriptors for 1000 ms. */
      const rest = /^7 0x[\da-f]+ 0x2 0x3e8 /;
      const rests = () =>
        readdirSync('/proc/self/task').some(id =>
          rest.test(readFileSync(`/proc/self/task/${id}/syscall`, 'latin1')),
        );
      const ring = receiving();
      for (const text of ['one', 'two']) {
        await vi.waitUntil(rests, { timeout: 10_000 });
        await send(text);
        expect(await take(ring, 1)).toEqual([Buffer.from(text)]);
      }
      await vi.waitUntil(rests, { timeout: 10_000 });
      await ring.stop();
      expect(rests()).toBe(false);
    });

  it('cuts what is longer than a slot and tells how long it was', async () => {
    const ring = receiving();
    await send('x'.repeat(10_000));
    await send('next');
    const [cut, next] = await take(ring, 1).then(async first => [...first, ...(await take(ring, 1))]);
    expect(cut).toHaveLength(4096);
    expect(String(next)).toBe('next');
    expect(ring.wire).toBe(4);
  });

  it('goes round many times without losing, mixing or moving a byte', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(4096), { minLength: 20, maxLength: 60 }), async lengths => {
        const path = join(dir, `sock-${Math.random()}`);
        const fd = native.bindUnix(path);
        const ring = openRing(native, join(dir, `ring-${Math.random()}`), SIZE, 0, BOOT);
        ring.read([{ fd, udp: false, ours: true }], () => {});
        let last = -1;
        for (const [i, length] of lengths.entries()) {
          const message = Buffer.alloc(length, i + 1);
          while (!native.sendDatagram(path, message)) await new Promise(setImmediate);
          expect(await take(ring, 1)).toEqual([message]);
          expect(ring.position).toBeGreaterThan(last);
          last = ring.position;
          ring.release(ring.consumed);
        }
        expect(ring.shed()).toBe(0);
        await ring.stop();
        ring.close();
        native.close(fd);
      }),
      { numRuns: 10 },
    );
  });

  it('has all that senders were told was taken, when it stops for good in the middle of their stream', async () => {
    const ring = receiving({ slots: 8, stride: 4096, capacity: 1 << 24 });
    const sent = sendUntilRefused(socketPath());
    await take(ring, 500);
    await ring.stop();
    let taken = 500;
    while (ring.next()) taken++;
    expect(taken + ring.shed()).toBe(await sent);
  });

  it.each([
    { ours: true, again: false, refused: 'EPIPE' },
    { ours: true, again: true, refused: undefined },
    { ours: false, again: false, refused: undefined },
  ])('leaves the socket as who comes after needs it: $ours, $again', async ({ ours, again, refused }) => {
    const fd = native.bindUnix(socketPath());
    const ring = receiving(SIZE, [{ fd, udp: false, ours }]);
    await send('before');
    await ring.stop(again);
    expect(await take(ring, 1)).toEqual([Buffer.from('before')]);
    const sender = native.senderTo(socketPath());
    undo.push(() => sender.close());
    expect(sender.send(Buffer.from('after'))).toBe(refused);
  });

  it('never blocks a sender when it is full: the mild and loud go first, and all are counted', async () => {
    const ring = receiving();
    const sent = 2000;
    for (let i = 0; i < sent; i++) await send(`<${i % 2 === 0 ? 7 : 3}>${'x'.repeat(60)}`);
    await send('<0>the last');
    await ring.stop();
    let [debug, error, last] = [0, 0, ''];
    while (ring.next()) {
      last = String(bytesOf(ring));
      if (last.startsWith('<7>')) debug++;
      if (last.startsWith('<3>')) error++;
    }
    expect(debug).toBeGreaterThan(100);
    expect(error).toBeGreaterThan(debug + 20);
    expect(last).toBe('<0>the last');
    expect(debug + error + ring.shed()).toBe(sent);
    expect(ring.shed()).toBe(0);
  });

  it('has room again for what is released', async () => {
    const ring = receiving();
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 500; i++) await send(`<7>${'x'.repeat(300)}`);
      await send('<0>mark');
      while (String((await take(ring, 1))[0]) !== '<0>mark');
      expect(ring.shed()).toBeGreaterThan(0);
      ring.release(ring.consumed);
    }
  });

  it('reads several sockets, UDP with the address of its sender', async () => {
    const udp4 = native.bindUdp('127.0.0.1', 0xe0de);
    const udp6 = native.bindUdp('::1', 0xe0de);
    const ring = receiving(SIZE, [
      { fd: udp4, udp: true, ours: true },
      { fd: udp6, udp: true, ours: true },
      { fd: native.bindUnix(socketPath()), udp: false, ours: true },
    ]);
    const client = createSocket('udp4').unref();
    const client6 = createSocket('udp6').unref();
    client.send('four', 0xe0de, '127.0.0.1');
    client6.send('six', 0xe0de, '::1');
    await send('local');
    const seen: string[] = [];
    for (let i = 0; i < 3; i++) {
      const [bytes] = await take(ring, 1);
      const address = ring.bytes.slice(ring.start - ring.addressBytes, ring.start);
      seen.push(`${bytes} ${Buffer.from(address).toString('hex')} ${ring.pid > 0}`);
    }
    expect(seen.sort()).toEqual([
      'four 00000000000000000000ffff7f000001 false',
      'local  true',
      'six 00000000000000000000000000000001 false',
    ]);
    client.close();
    client6.close();
  });

  it('lets go of the memory that a flood has touched, and of no message', async () => {
    const resident = () =>
      Number(
        new RegExp(` ${ringPath()}\\n(?:[A-Z].*\\n)*?Rss: +(\\d+)`).exec(
          readFileSync('/proc/self/smaps', 'latin1'),
        )![1],
      );
    const ring = receiving({ slots: 8, stride: 4096, capacity: 1 << 20 });
    const messages = Array.from({ length: 200 }, (_, i) => Buffer.alloc(4000, i + 1));
    for (const message of messages) await send(message);
    await ring.stop();
    expect(resident()).toBeGreaterThan(750);
    ring.sweep();
    expect(resident()).toBe(0);
    expect(await take(ring, 200)).toEqual(messages);
  });

  it('belongs to one process at a time', () => {
    open();
    expect(() => open()).toThrow('in use by another eudaemon');
  });

  it('leaves no file when it is empty, and has a new name the next time', async () => {
    const ring = openRing(native, ringPath(), SIZE, 0, BOOT);
    const { idHigh, idLow } = ring;
    ring.close();
    expect(existsSync(ringPath())).toBe(false);
    const next = open();
    expect([next.idHigh, next.idLow]).not.toEqual([idHigh, idLow]);
  });

  if (have('python3'))
    it('does not take open files that a sender slips in', async () => {
      const ring = receiving();
      await send('warm up');
      await take(ring, 1);
      const before = readdirSync('/proc/self/fd').length;
      const script = `
import socket, sys, array
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for i in range(20):
    s.sendmsg([b"<13>x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1]))], 0, sys.argv[1])
`;
      const sender = spawn('python3', ['-c', script, socketPath()], { stdio: 'ignore' });
      await take(ring, 20);
      expect(ring.pid).toBe(sender.pid);
      expect(readdirSync('/proc/self/fd').length).toBeLessThan(before + 10);
    });
});

describe('after kill -9', () => {
  /** A process takes messages into its ring, receives some more, and is killed. */
  async function killedWith(taken: readonly string[], untaken: readonly string[] = []): Promise<void> {
    const script = fileURLToPath(new URL('./victim.ts', import.meta.url));
    const child = spawn(process.execPath, [script, dir, String(taken.length), String(untaken.length), BOOT], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const said = async (word: string) => {
      const { value } = await lines.next();
      if (value !== word) throw new Error(`the victim said ${value} instead of ${word}`);
    };
    await said('ready');
    for (const message of taken) await send(message);
    await said('stopped');
    for (const message of untaken) await send(message);
    child.stdin.write('go');
    await said('full');
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  it('every message received is taken up again: entries, and what the last call had just received', async () => {
    const messages = Array.from({ length: 33 }, (_, i) => `message ${i} ${'y'.repeat(i * 20)}`);
    await killedWith(messages.slice(0, 30), messages.slice(30));

    const ring = open();
    const positions = new Set<number>();
    const found: string[] = [];
    while (ring.next()) {
      found.push(String(bytesOf(ring)));
      positions.add(ring.position);
      expect(ring.pid).toBe(process.pid);
    }
    expect(found).toEqual(messages);
    expect(positions.size).toBe(33);
    ring.release(ring.consumed);
  });

  it('what was released is gone, and what was not comes under the name it had', async () => {
    await killedWith(Array.from({ length: 10 }, (_, i) => `message ${i}`));

    const first = openRing(native, ringPath(), SIZE, 0, BOOT);
    const names: number[] = [];
    for (let i = 0; i < 4 && first.next(); i++) names.push(first.position);
    first.release(first.consumed);
    while (first.next()) names.push(first.position);
    const { idHigh, idLow } = first;
    first.close();
    const second = open();
    const again: number[] = [];
    while (second.next()) again.push(second.position);
    expect([second.idHigh, second.idLow]).toEqual([idHigh, idLow]);
    expect(again).toEqual(names.slice(4));
    second.release(second.consumed);
  });

  it('of another boot, messages bear names that none had before: the file may be older than what was in memory', async () => {
    await killedWith(['message']);
    const names = [BOOT, BOOT, 'ffffffff-0000-4000-8000-000000000000', ''].map(boot => {
      const ring = openRing(native, ringPath(), SIZE, 0, boot);
      expect(ring.next()).toBe(true);
      expect(String(bytesOf(ring))).toBe('message');
      ring.close();
      return `${ring.idHigh} ${ring.idLow}`;
    });
    rmSync(ringPath());
    expect(names[1]).toBe(names[0]);
    expect(new Set(names).size).toBe(3);
  });

  it('what was shed and not told yet is told once', () => {
    const first = openRing(native, ringPath(), SIZE, 0, BOOT);
    const { memory } = first as unknown as { memory: RingMemory };
    const writer = new RingWriter(memory, new Int32Array(new SharedArrayBuffer(4096)));
    for (let i = 0; i < 100; i++) {
      memory.words[memory.lengthAt(0)] = 4096;
      writer.take(1, 0, false, 0);
    }
    const told = first.shed();
    memory.words[memory.lengthAt(0)] = 4096;
    writer.take(1, 0, false, 0);
    first.close();
    let entries = 0;
    const second = open();
    while (second.next()) entries++;
    expect([told + 1 + entries, second.shed(), second.shed()]).toEqual([101, 1, 0]);
    second.release(second.consumed);
  });

  it('a damaged file costs no more than what was in it', async () => {
    const messages = Array.from({ length: 22 }, (_, i) => `message ${i}`);
    await killedWith(messages.slice(0, 20), messages.slice(20));
    const image = readFileSync(ringPath());
    const damage = fc.array(fc.tuple(fc.nat(image.length - 1), fc.nat(255)), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(
        fc.constantFrom('head', 'places', 'anywhere', 'entries', 'short'),
        damage,
        (where, damage) => {
          const bytes = Buffer.from(image);
          const [from, length] =
            where === 'head'
              ? [0, 64]
              : where === 'places'
                ? [256, 9 * 4]
                : where === 'entries'
                  ? [image.length - 9 * 8192, 1200]
                  : [0, image.length];
          for (const [at, value] of damage) bytes[from + (at % length)] = value;
          writeFileSync(ringPath(), where === 'short' ? bytes.subarray(0, damage[0]![0]) : bytes);
          const ring = openRing(native, ringPath(), SIZE, 0, BOOT);
          let count = 0;
          while (ring.next()) count++;
          expect(count).toBeLessThan(3000);
          ring.release(ring.consumed);
          ring.close();
          expect(existsSync(ringPath())).toBe(false);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('sockets', () => {
  it('send to nobody is false, not a wait and not a throw', () => {
    expect(native.sendDatagram(socketPath(), Buffer.from('x'))).toBe(false);
    expect(native.sendDatagram('@eudaemon-nobody', Buffer.from('x'))).toBe(false);
  });

  it('may have an abstract name', async () => {
    const name = `@eudaemon-test-${process.pid}`;
    const ring = receiving(SIZE, [{ fd: native.bindUnix(name), udp: false, ours: true }]);
    expect(native.sendDatagram(name, Buffer.from('abstract'))).toBe(true);
    expect(String((await take(ring, 1))[0])).toBe('abstract');
  });

  it('say why they cannot be bound', () => {
    undo.push(() => native.close(fd));
    const fd = native.bindUnix(socketPath());
    expect(() => native.bindUnix(socketPath())).toThrow(/address already in use/);
    expect(() => native.bindUnix(`/${'x'.repeat(200)}`)).toThrow('longer than 107');
    expect(() => native.bindUdp('192.0.2.1', 9)).toThrow(/EADDRNOTAVAIL|address not available/);
  });

  if (have('logger', 'root'))
    it('pass the pid of a process that has ended long before its message is read', async () => {
      const fd = native.bindUnix(socketPath());
      const printed = execFileSync('sh', ['-c', `echo $$; exec logger -u ${socketPath()} -t gone message`]);
      const ring = receiving(SIZE, [{ fd, udp: false, ours: true }]);
      expect(String((await take(ring, 1))[0])).toContain('gone: message');
      expect(ring.pid).toBe(Number(printed));
    });
});
