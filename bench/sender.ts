// A fast blocking sender of local syslog datagrams, as a process of its own: `sender.ts PATH BYTES`, then a line
// `COUNT [PER_SECOND]` on stdin a run; it answers each when it is done. The kernel holds it back where the receiver does.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { loadLibc } from '../agent/native/libc.ts';

const [, , path = '', bytes = '150'] = process.argv;
/** Messages a call. */
const BATCH = 64;
/** struct mmsghdr, struct iovec. */
const HEADER = 64;
const VECTOR = 16;
const TAGS = ['sshd', 'cron', 'nginx', 'dbus-daemon', 'postfix/smtpd', 'kernel', 'systemd', 'app'];
const PRIORITIES = [38, 78, 30, 29, 22, 6, 28, 11];
const TEXT =
  'Accepted publickey for deploy from 10.20.30.40 port 51234 ssh2: session 4711 opened, 3 retries left; ';

const libc = loadLibc();
const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
const lib = koffi.load(null);
const connect = lib.func('int connect(int fd, uint8_t *address, uint32_t length)');
const sendmmsg = lib.func('int sendmmsg(int fd, uintptr_t messages, unsigned int count, int flags)');

/** As glibc's syslog(3) writes them to /dev/log. */
function message(i: number): Buffer {
  const time =
    new Date().toString().slice(4, 10).replace(' 0', '  ') +
    new Date().toTimeString().slice(0, 8).padStart(9);
  const head = `<${PRIORITIES[i % 8]}>${time} ${TAGS[i % 8]}[${1000 + (i % 8)}]: `;
  return Buffer.from((head + TEXT.repeat(Math.ceil(Number(bytes) / TEXT.length))).slice(0, Number(bytes)));
}

const size = BATCH * (HEADER + VECTOR + Number(bytes));
const memory = libc.mmap(0, size, 3, 0x22, -1, 0);
const view = Buffer.from(libc.view(memory, size));
for (let i = 0; i < BATCH; i++) {
  const vector = BATCH * HEADER + i * VECTOR;
  const at = BATCH * (HEADER + VECTOR) + i * Number(bytes);
  view.writeBigUInt64LE(BigInt(memory + vector), i * HEADER + 16);
  view.writeBigUInt64LE(1n, i * HEADER + 24);
  view.writeBigUInt64LE(BigInt(memory + at), vector);
  view.writeBigUInt64LE(BigInt(bytes), vector + 8);
  message(i).copy(view, at);
}

const fd = libc.socket(1, 2, 0);
const address = Buffer.concat([Buffer.from([1, 0]), Buffer.from(`${path}\0`)]);
if (connect(fd, address, address.length) < 0) throw new Error(`cannot connect to "${path}"`);

const clock = new Int32Array(new SharedArrayBuffer(4));
for await (const line of createInterface(process.stdin)) {
  const [count, perSecond = Number.POSITIVE_INFINITY] = line.trim().split(' ').map(Number);
  const begin = performance.now();
  for (let sent = 0; sent < count!; ) {
    const now = sendmmsg(fd, memory, Math.min(count! - sent, BATCH), 0);
    if (now < 0) throw new Error(`cannot send: errno ${libc.errno()}`);
    sent += now;
    const early = (sent / perSecond) * 1000 - (performance.now() - begin);
    if (early > 1) Atomics.wait(clock, 0, 0, early);
  }
  console.log('sent');
}
