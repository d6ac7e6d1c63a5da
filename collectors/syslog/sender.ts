// Who sent it: a process of this host by the kernel's word, or a peer on the network. Facts about a process are read
// from /proc once a second a pid, and only believed when the process is old enough to have sent the message.

import { readFileSync, readlinkSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { basename, join } from 'node:path';
import type { StreamRoom } from '../../agent/core/collector.ts';
import type { ProcessFacts } from '../../agent/core/daemon.ts';
import { parseStat, TICKS_PER_SECOND } from '../../agent/core/procstat.ts';
import { encodeIntAttribute, encodeTextAttribute } from '../../agent/core/protobuf.ts';
import type { Origin } from '../../agent/core/record.ts';
import { ByteCache } from './byte-cache.ts';

export interface Sender {
  /** 0 when the kernel could not tell. */
  readonly pid: number;
  readonly uid: number;
  /** Address of a peer that is not this host. */
  readonly peer: string | undefined;
  /** The daemon the process belongs to, and that daemon's origin. */
  readonly daemon: string | undefined;
  readonly origin: Origin | undefined;
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
}

const RECHECK_MS = 1000;
const MAX_SENDERS = 4096;
const NOTHING = new Uint8Array(0);
/** The boot time is in whole seconds. */
const START_SLACK_MS = 2000;

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

export function createSenders(room: Pick<StreamRoom, 'root' | 'daemons' | 'origins'>): Senders {
  const proc = (...parts: string[]) => join(room.root, 'proc', ...parts);
  const processes = new Map<number, Sender>();
  const peers = new Map<string, Sender>();
  const addresses = new ByteCache<Sender>(1024);
  const own = new Set(
    Object.values(networkInterfaces()).flatMap(list => list?.map(({ address }) => address) ?? []),
  );
  let bootMs: number | undefined;

  const factsOf = (pid: number, at: number): ProcessFacts | undefined => {
    try {
      const bytes = readFileSync(proc(`${pid}`, 'stat'));
      const facts = parseStat(bytes, bytes.length);
      bootMs ??= Number(/^btime (\d+)/m.exec(readFileSync(proc('stat'), 'latin1'))?.[1] ?? 0) * 1000;
      const startedMs = bootMs + ((facts?.startTicks ?? 0) * 1000) / TICKS_PER_SECOND;
      return startedMs > at + START_SLACK_MS ? undefined : facts;
    } catch {
      return undefined;
    }
  };

  const executableOf = (facts: ProcessFacts): string => {
    try {
      return basename(readlinkSync(proc(`${facts.pid}`, 'exe')).replace(/ \(deleted\)$/, ''));
    } catch {
      return facts.comm;
    }
  };

  const keep = <K>(table: Map<K, Sender>, key: K, sender: Sender): Sender => {
    table.delete(key);
    if (table.size >= MAX_SENDERS) table.delete(table.keys().next().value as K);
    table.set(key, sender);
    return sender;
  };

  const peer = (address: string): Sender => {
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
    const known = peers.get(plain);
    if (known) return known;
    const local = plain === '' || /^127\./.test(plain) || own.has(plain);
    const none = { pid: 0, uid: 0, daemon: undefined, origin: undefined, fields: NOTHING, checked: 0 };
    return keep(peers, plain, { ...none, peer: local ? undefined : plain });
  };

  return {
    process(pid, uid, at) {
      const known = processes.get(pid);
      if (known && known.uid === uid && Math.abs(at - known.checked) < RECHECK_MS) return known;
      if (pid === 0) return peer('');
      const facts = factsOf(pid, at);
      const daemon = facts && (room.daemons.ofPid(pid) ?? room.daemons.ofProcess(facts));
      const fields = concat(
        encodeIntAttribute('process.pid', pid),
        facts ? encodeTextAttribute('process.executable.name', executableOf(facts)) : NOTHING,
        encodeTextAttribute('user.id', String(uid)),
      );
      const origin = daemon === undefined ? undefined : room.origins.of(daemon, daemon);
      return keep(processes, pid, { pid, uid, peer: undefined, daemon, origin, fields, checked: at });
    },
    peer,
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
