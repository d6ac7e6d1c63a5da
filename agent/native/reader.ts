// A thread that does nothing but move datagrams from the kernel into the ring: whatever the rest of the agent is
// busy with, no logger waits longer than a millisecond for it. Ends within 200 ms of the stop flag, at once where nothing
// comes, with nothing left in the sockets; and nothing comes after that where the sockets end with it.

import { parentPort, workerData } from 'node:worker_threads';
import { loadNative } from './index.ts';
import { systemError } from './libc.ts';
import { Cell, Head, RingMemory, type RingSize, Stop } from './ring-memory.ts';
import { RingWriter } from './ring-writer.ts';
import { sweepHeap } from './sweep.ts';

/** `ours`: nobody else holds it, so what waits in it is gone when it is closed. */
export interface ReadSocket {
  readonly fd: number;
  readonly udp: boolean;
  readonly ours: boolean;
}

/** What the thread is given; `shared` as `Cell` says. */
export interface ReaderTask {
  readonly address: number;
  readonly size: RingSize;
  readonly shared: Int32Array;
  readonly sockets: readonly ReadSocket[];
  /** An eventfd, written to after the stop flag was set. */
  readonly wake: number;
}

const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
const MSG_WAITFORONE = 0x10000;
const POLLIN = 1;
const SHUT_RD = 0;
/** Nobody can end a thread that waits in a call, so that an agent that dies waits for this at most. */
const WAKE_MS = 1000;
/** At the end, for senders that do not stop. */
const LAST_CALLS = 1000;
const EINTR = 4;
const EAGAIN = 11;

function read({ address, size, shared, sockets, wake }: ReaderTask): void {
  const native = loadNative();
  if (!native) throw new Error('cannot read datagrams: no native functions');
  const { libc } = native;
  const memory = new RingMemory(libc.view(address, RingMemory.bytes(size)), address, size);
  const writer = new RingWriter(memory, shared);
  // struct pollfd
  const polls = new Int32Array([wake, ...sockets.map(({ fd }) => fd)].flatMap(fd => [fd, POLLIN]));
  const pollBytes = new Uint8Array(polls.buffer);

  /** One receive call on socket number `i`; how many messages there were. */
  const receive = (i: number, flags: number): number => {
    const { fd, udp } = sockets[i]!;
    memory.words[Head.Udp] = udp ? 1 : 0;
    const count = libc.recvmmsg(fd, address + memory.headers, size.slots, MSG_TRUNC | flags, 0);
    if (count > 0) {
      const now = Date.now();
      writer.take(count, i, udp, now);
      writer.giveWay(now);
    } else if (count < 0) {
      const errno = libc.errno();
      if (errno !== EAGAIN && errno !== EINTR) throw systemError('recvmmsg', errno);
    }
    return count;
  };

  // One socket that is busy sleeps in recvmmsg itself, which saves a call.
  const alone = sockets.length === 1;
  let isBusy = false;
  sweepHeap();
  while (Atomics.load(shared, Cell.Stop) === Stop.No) {
    if (isBusy) isBusy = receive(0, MSG_WAITFORONE) > 0;
    else if (libc.poll(pollBytes, polls.length / 2, WAKE_MS) > 0)
      for (let i = 0; i < sockets.length; i++) isBusy = receive(i, MSG_DONTWAIT) > 0 && alone;
  }
  // Its senders are refused from here on (EPIPE); Unix only, UDP queues all the same.
  if (Atomics.load(shared, Cell.Stop) === Stop.ForGood)
    for (const { fd, udp, ours } of sockets) if (ours && !udp) libc.shutdown(fd, SHUT_RD);
  // What the kernel has taken from its sender already would go with the socket.
  for (let i = 0; i < sockets.length; i++)
    for (let calls = 0; calls < LAST_CALLS && receive(i, MSG_DONTWAIT) > 0; ) calls++;
}

if (parentPort) read(workerData as ReaderTask);
