// Datagrams, from the ring to the sink: reads what the reader thread put there, waits when there is nothing, stands
// still while the sink is full, and gives room back when records are committed.

import { join } from 'node:path';
import type { StreamRoom } from '../../agent/core/collector.ts';
import { causeOf, takesNothing } from '../../agent/core/errors.ts';
import { bootId } from '../../agent/native/boot.ts';
import type { Native } from '../../agent/native/index.ts';
import type { ReadSocket } from '../../agent/native/reader.ts';
import { openRing, type Ring } from '../../agent/native/ring.ts';
import type { Desk } from './desk.ts';

/** recvmmsg takes up to this many at once. */
const SLOTS = 64;
/** A Unix datagram cannot be longer than its sender's buffer, 208 KiB unless somebody raised it. */
const MAX_SLOT = 256 * 1024;
const PAGE = 4096;
const SMALLEST_RING = 2 ** 20;
/** Records between two looks at the clock of the event loop, and between two points the ring can be released at. */
const PASS = 2048;
/**
 * After so many or more in one pass the ring is looked at again by the clock: in a flood, being woken for each receive call
 * would cost the thread that is woken, the one that wakes it, and the sender they take the core from. Each time takes up to 30 µs
 * of CPU, so the rest is as long as a quarter of the ring allows: 1 GB/s is more than a socket gives.
 */
const FLOOD = 32;
const REST_MS = 4;
const restOf = (capacity: number): number => Math.max(1, Math.min(REST_MS, capacity / 4 / 1e6));
/** How long who takes our place waits for the last records to be in the spool: it would have them again. */
const PATIENCE_MS = 2000;
/** Ticks between two times that the ring's memory is let go. */
const SWEEP_TICKS = 60;

const pages = (bytes: number): number => Math.ceil(bytes / PAGE) * PAGE;

export interface Datagrams {
  resume(): void;
  committed(written: number): void;
  /** Once a second. */
  tick(): void;
  /** `again`: somebody reads the sockets after us. */
  close(again: boolean): Promise<void>;
  /** What has not been committed until then is there for the next ring. */
  release(): void;
}

/** A ring as large as wanted, or as large as there is room for. */
function openLargest(
  wanted: number,
  { runDir, log }: Pick<StreamRoom, 'runDir' | 'log'>,
  open: (capacity: number) => Ring,
): Ring {
  for (let capacity = wanted; ; capacity = pages(capacity / 2)) {
    try {
      const ring = open(capacity);
      if (capacity < wanted)
        log.warn(`no room in "${runDir}" for a syslog ring of ${wanted} bytes: it has ${capacity}`);
      return ring;
    } catch (error) {
      if (!takesNothing(error) || capacity <= SMALLEST_RING) throw error;
    }
  }
}

/** Starts receiving from these sockets; throws when the ring cannot be opened. */
export function receiveDatagrams(
  native: Native,
  sockets: readonly ReadSocket[],
  { room, options, senders, suppressed, out, take, full, failed }: Desk,
): Datagrams {
  const stride = Math.min(pages(options.max_message), MAX_SLOT);
  const ring = openLargest(pages(options.ring), room, capacity =>
    openRing(
      native,
      join(room.runDir, 'syslog.ring'),
      { slots: SLOTS, stride, capacity },
      room.now(),
      bootId(room.root),
    ),
  );
  const rest = restOf(ring.capacity);
  /** What the ring may release once `pushed` records are written; the same index in both. */
  const pushed: number[] = [];
  const positions: number[] = [];
  /** Records written, as far as it was told. */
  let safe = 0;
  let running = false;
  let closed = false;
  let emptied = () => {};

  const record = () => {
    const sender =
      ring.addressBytes > 0
        ? senders.peerAt(ring.bytes, ring.start - ring.addressBytes)
        : senders.process(ring.pid, ring.uid, ring.received);
    const most = ring.start + options.max_message;
    const end = ring.end > most ? most : ring.end;
    const truncated = end - ring.start < ring.wire;
    take(
      ring.bytes,
      ring.start,
      end,
      sender,
      ring.received,
      truncated,
      ring.idHigh,
      ring.idLow,
      ring.position,
    );
  };

  /** Hands over up to PASS records; how many. */
  const pass = (): number => {
    let count = 0;
    while (count < PASS && !full() && ring.next()) {
      record();
      count++;
    }
    if (count > 0) {
      pushed.push(out.pushed);
      positions.push(ring.consumed);
      // Of what was given up, nobody confirms anything.
      if (out.pushed <= safe) giveBack();
      if (ring.isCrowded()) out.settle();
    }
    const shed = ring.shed();
    if (shed > 0) out.drop('ring_full', shed);
    const overflowed = ring.overflowed();
    if (overflowed > 0) out.lost('socket_buffer', overflowed);
    return count;
  };

  const giveBack = () => {
    const done = pushed.findLastIndex(count => count <= safe);
    if (done < 0) return;
    ring.release(positions[done]!);
    pushed.splice(0, done + 1);
    positions.splice(0, done + 1);
    if (pushed.length === 0) emptied();
  };

  let ticks = 0;
  const tick = () => {
    if (!closed && ++ticks % SWEEP_TICKS === 0) ring.sweep();
    const at = room.now();
    for (const { count, pid, uid, address } of ring.shedBySender()) {
      const sender = address
        ? senders.peerAt(address, 0)
        : pid > 0
          ? senders.process(pid, uid, at)
          : undefined;
      suppressed.add('ring_full', 'the receive ring was full', sender, count, at);
    }
  };

  const run = () => {
    running = false;
    if (closed || full()) return;
    running = true;
    const count = pass();
    // What is left in the ring wakes nobody: whoever has room again does.
    if (full()) {
      running = false;
      return;
    }
    if (count >= FLOOD && count < PASS) {
      setTimeout(run, rest);
      return;
    }
    const wait = count < FLOOD ? ring.waiting() : undefined;
    if (wait) void wait.then(run);
    else setImmediate(run);
  };

  ring.read(sockets, error => failed(`cannot receive syslog datagrams: ${causeOf(error)}`));
  run();

  return {
    resume() {
      if (!running) run();
    },
    committed(written) {
      safe = written;
      giveBack();
    },
    tick,
    async close(again) {
      await ring.stop(again);
      closed = true;
      while (pass() === PASS);
      // Both tables are at rest now.
      tick();
      tick();
      out.settle();
      if (again && pushed.length > 0) {
        const { promise, resolve } = Promise.withResolvers<void>();
        emptied = resolve;
        const timer = setTimeout(resolve, PATIENCE_MS);
        await promise;
        clearTimeout(timer);
      }
    },
    release() {
      pushed.length = 0;
      ring.close();
    },
  };
}
