// Who sent it: a process of this host by the kernel's word, or a peer on the network. Facts about a process are read
// once a second a pid; one that has ended since stays who it was.

import { networkInterfaces } from 'node:os';
import { encodeAttribute } from '../../agent/core/attribute.ts';
import type { StreamRoom } from '../../agent/core/collector.ts';
import type { ProcessFacts } from '../../agent/core/daemon.ts';
import type { RateLimitSpec } from '../../agent/core/processor.ts';
import { Bucket } from '../../agent/core/rate.ts';
import type { Origin } from '../../agent/core/record.ts';
import { ByteCache } from './byte-cache.ts';
import { createProcessReader } from './process-facts.ts';

export interface Sender {
  /** 0 when the kernel could not tell. */
  readonly pid: number;
  readonly uid: number;
  /** Address of a peer that is not this host. */
  readonly peer: string | undefined;
  /** The daemon the process belongs to, and that daemon's origin. */
  readonly daemon: string | undefined;
  readonly origin: Origin | undefined;
  /** For people: the daemon, the executable, the peer. */
  readonly name: string;
  /** What is limited as one: the daemon, else the executable of a user, else the peer. */
  readonly key: string;
  /** Its allowance, where there is a limit. */
  readonly bucket: Bucket | undefined;
  /** What it writes are lines, which need no header. */
  readonly plain: boolean;
  /** The executable, where it is known who sent it. */
  readonly executable: string | undefined;
  /** Encoded attributes. */
  readonly fields: Uint8Array;
  /** Message time, Unix ms, at which the facts were read. */
  readonly checked: number;
}

export interface Senders {
  /** A local process; `at` is when its message was received, Unix ms. */
  process(pid: number, uid: number, at: number): Sender;
  /** A network peer by its address in text. */
  peer(address: string): Sender;
  /** A network peer by the 16 bytes of its IPv6 or IPv4-mapped address. */
  peerAt(buf: Uint8Array, start: number): Sender;
  /** Whoever writes to a named pipe; `daemon` where it is one daemon's. */
  pipe(path: string, daemon: string | undefined): Sender;
  /** Processes are of other daemons now. */
  forget(): void;
}

const RECHECK_MS = 1000;
const MAX_SENDERS = 4096;
const MAX_DEPTH = 16;
const NOTHING = new Uint8Array(0);
/** The user of a sender that the kernel says nothing about: one that sent before credentials were asked for. */
const NOBODY = 65534;

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** `a.b.c.d` of a mapped address, else the shortest IPv6 text. */
export function addressText(buf: Uint8Array, start: number): string {
  const bytes = buf.subarray(start, start + 16);
  if (bytes.subarray(0, 10).every(byte => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff)
    return bytes.subarray(12).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

export function createSenders(
  room: Pick<StreamRoom, 'root' | 'now' | 'daemons' | 'origins' | 'log' | 'begun'>,
  limit?: RateLimitSpec,
): Senders {
  const reader = createProcessReader(room.root, room.now, room.begun);
  const processes = new Map<number, Sender>();
  const peers = new Map<string, Sender>();
  const foreigners = new Map<number, Sender>();
  const buckets = new Map<string, Bucket>();
  const addresses = new ByteCache<Sender>(1024);
  const own = new Set(
    Object.values(networkInterfaces()).flatMap(list => list?.map(({ address }) => address) ?? []),
  );
  let toldForeign = false;

  const keep = <K, V>(table: Map<K, V>, key: K, value: V): V => {
    table.delete(key);
    if (table.size >= MAX_SENDERS) table.delete(table.keys().next().value as K);
    table.set(key, value);
    return value;
  };

  const bucketOf = (key: string, at: number): Bucket | undefined =>
    limit && (buckets.get(key) ?? keep(buckets, key, new Bucket(limit, at)));

  const sender = (key: string, name: string, at: number, more: Partial<Sender> = {}): Sender => ({
    pid: 0,
    uid: 0,
    peer: undefined,
    daemon: undefined,
    origin: undefined,
    name,
    key,
    bucket: bucketOf(key, at),
    plain: false,
    executable: undefined,
    fields: NOTHING,
    checked: at,
    ...more,
  });

  const peer = (address: string): Sender => {
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
    const known = peers.get(plain);
    if (known) return known;
    const local = plain === '' || /^127\./.test(plain) || own.has(plain);
    const name = plain || 'this host';
    return keep(peers, plain, sender(name, name, 0, { peer: local ? undefined : plain }));
  };

  /** The kernel has no pid for a process of a namespace that is not ours nor within it. */
  const foreigner = (uid: number, at: number): Sender => {
    const known = foreigners.get(uid);
    if (known) return known;
    if (!toldForeign) {
      toldForeign = true;
      room.log.warn(
        'cannot tell which processes send: they are in a pid namespace the agent does not see; share it (hostPID: true in a pod, --pid=host of a container)',
      );
    }
    const fields = encodeAttribute('user.id', String(uid));
    return keep(foreigners, uid, sender(`user ${uid}`, `processes of user ${uid}`, at, { uid, fields }));
  };

  /** The parents of one that has ended may have ended, too. */
  const daemonOf = (process: ProcessFacts, at: number): string | undefined => {
    let each: ProcessFacts | undefined = process;
    for (let depth = 0; each && depth < MAX_DEPTH; depth++) {
      const daemon = room.daemons.ofProcess(each);
      // Of a parent that lives it has been asked already.
      if (daemon !== undefined || reader.factsOf(each.ppid, at)) return daemon;
      each = reader.begunOf(each.ppid, at);
    }
    return undefined;
  };

  return {
    process(pid, uid, at) {
      const known = processes.get(pid);
      if (known && known.uid === uid && Math.abs(at - known.checked) < RECHECK_MS) return known;
      if (pid === 0) return uid === NOBODY ? peer('') : foreigner(uid, at);
      const alive = reader.factsOf(pid, at);
      if (!alive && known?.executable !== undefined && known.uid === uid)
        return keep(processes, pid, { ...known, checked: at });
      const facts = alive ?? reader.begunOf(pid, at);
      const daemon = facts && (room.daemons.ofPid(pid) ?? daemonOf(facts, at));
      const executable = facts && reader.executableOf(facts);
      const fields = concat(
        encodeAttribute('process.pid', pid),
        executable === undefined ? NOTHING : encodeAttribute('process.executable.name', executable),
        encodeAttribute('user.id', String(uid)),
      );
      const name = daemon ?? executable ?? `ended processes of user ${uid}`;
      const origin = daemon === undefined ? undefined : room.origins.of(daemon, daemon);
      const key = daemon ?? `${executable ?? ''} of user ${uid}`;
      return keep(processes, pid, sender(key, name, at, { pid, uid, daemon, origin, executable, fields }));
    },
    peer,
    pipe(path, name) {
      const declared = room.daemons.declared.some(each => each.name === name);
      const daemon = declared ? name : undefined;
      const origin = name === undefined ? undefined : room.origins.of(name, daemon);
      return sender(`pipe ${path}`, name ?? path, 0, { daemon, origin, plain: true });
    },
    forget() {
      // Asked again, but for those that have ended: they stay who they were.
      for (const [pid, known] of processes) processes.set(pid, { ...known, checked: -Infinity });
    },
    peerAt(buf, start) {
      let sender = addresses.get(0, buf, start, start + 16);
      if (!sender) {
        sender = peer(addressText(buf, start));
        addresses.set(0, buf, start, start + 16, sender);
      }
      return sender;
    },
  };
}
