// The kernel's process connector: a netlink socket that is told of every fork, exec and exit of the machine.

import { randomInt } from 'node:crypto';
import type { Native } from './index.ts';
import { type Libc, systemError } from './libc.ts';
import {
  eventFilter,
  KernelEvent,
  MAX_MESSAGE,
  parseEvent,
  type Subscription,
  subscription,
  What,
} from './parse-event.ts';

const AF_NETLINK = 16;
const NETLINK_CONNECTOR = 11;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_ATTACH_FILTER = 26;
const SO_RCVBUFFORCE = 33;
const CN_IDX_PROC = 1;
const PROTECT_READ_WRITE = 3;
const MAP_PRIVATE_ANONYMOUS = 0x22;
const PAGE = 4096;
/** Some 5,000 events while nobody reads. */
const BUFFER = 4 * 2 ** 20;
/** The kernel acknowledges before the request returns; this is for a machine that is no ordinary one. */
const ACK_MS = 100;
const POLLIN = 1;

/** A subscribed socket, without waiting, of programs that begin or of everything; throws what keeps it from being told. */
export function openConnector({ libc }: Native, what: Subscription): number {
  const fd = libc.socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
  if (fd < 0) throw systemError('socket of the process connector', libc.errno());
  try {
    const size = new Uint8Array(Int32Array.of(BUFFER).buffer);
    if (libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, size, 4) < 0)
      libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, size, 4);
    attachFilter(libc, fd, what);
    const address = new DataView(new ArrayBuffer(12));
    address.setUint16(0, AF_NETLINK, true);
    address.setUint32(8, CN_IDX_PROC, true);
    if (libc.bind(fd, new Uint8Array(address.buffer), 12) < 0) throw systemError('bind', libc.errno());
    if (!subscribe(libc, fd, what, true) && !subscribe(libc, fd, what, false))
      throw new Error('the kernel does not answer: it tells processes of its first pid namespace alone');
    return fd;
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

/** Whether the kernel acknowledged; throws when it refused. */
function subscribe(libc: Libc, fd: number, what: Subscription, masked: boolean): boolean {
  const token = randomInt(2 ** 32);
  const request = subscription(what, masked, token);
  const kernel = new Uint8Array(12);
  kernel[0] = AF_NETLINK;
  if (libc.sendto(fd, request, request.length, 0, kernel, kernel.length) < 0)
    throw systemError('subscribe', libc.errno());
  const buf = new Uint8Array(MAX_MESSAGE);
  const view = new DataView(buf.buffer);
  const event = new KernelEvent();
  const polls = new Int32Array([fd, POLLIN]);
  while (libc.poll(new Uint8Array(polls.buffer), 1, ACK_MS) > 0) {
    const length = libc.recv(fd, buf, buf.length, 0);
    if (length < 0 || !parseEvent(view, length, event) || event.what !== What.Ack || event.token !== token)
      continue;
    if (event.error !== 0) throw systemError('subscribe', event.error);
    return true;
  }
  return false;
}

/** Without it threads wake us as well, which costs but changes nothing. */
function attachFilter(libc: Libc, fd: number, what: Subscription): void {
  const filter = eventFilter(what);
  const address = libc.mmap(0, PAGE, PROTECT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
  if (address <= 0) return;
  new Uint8Array(libc.view(address, PAGE)).set(filter);
  // struct sock_fprog
  const program = new DataView(new ArrayBuffer(16));
  program.setUint16(0, filter.length / 8, true);
  program.setBigUint64(8, BigInt(address), true);
  libc.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, new Uint8Array(program.buffer), 16);
  libc.munmap(address, PAGE);
}
