// TCP sockets by state: those of our own network namespace in one dump, of others out of /proc/PID/net.

import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../../agent/core/errors.ts';
import { loadNative } from '../../agent/native/index.ts';
import { createSockDiag } from '../../agent/native/sock-diag.ts';

/** CLOSE_WAIT are those whose other end has gone and which the daemon forgot to close. */
export type TcpState = 'established' | 'listen' | 'close_wait' | 'other';
export const TCP_STATES: readonly TcpState[] = ['established', 'listen', 'close_wait', 'other'];

/** By number: include/net/tcp_states.h. */
const STATES: Readonly<Record<number, TcpState>> = { 1: 'established', 8: 'close_wait', 10: 'listen' };
const stateOf = (number: number): TcpState => STATES[number] ?? 'other';

/** What no process of a daemon had as a TCP socket is not asked about for so long. */
const REREAD_MS = 60_000;

export interface TcpSockets {
  /** Begins a look, `at` in monotonic ms: in it the sockets of a network namespace are asked for once, or not at all. */
  begin(at: number): void;
  /**
   * In the network namespace `network` (net_namespaces(7)), in which the process `pid` is. Undefined for a socket that is no
   * TCP socket, and for up to a minute for one that was seen before it was bound or connected.
   */
  stateOf(pid: number, network: string, inode: number): TcpState | undefined;
}

interface Network {
  /** By inode, of this look; undefined while it has not asked, and when that was of no avail. */
  states: ReadonlyMap<number, TcpState> | undefined;
  /** Inodes that were in no list. */
  strangers: Set<number>;
  /** The look that has asked last, and when a look began to know the strangers. */
  look: number;
  since: number;
}

export function createTcpSockets(root: string): TcpSockets {
  const proc = join(root, 'proc');
  const own = attempt(() => readlinkSync('/proc/self/ns/net'));
  const native = loadNative();
  const diag = native && createSockDiag(native);
  let networks = new Map<string, Network>();
  let earlier = networks;
  let look = 0;
  let now = 0;

  /** Undefined where the kernel has no such dump, or may not load it. */
  const dump = (): ReadonlyMap<number, TcpState> | undefined =>
    attempt(() => {
      const states = new Map<number, TcpState>();
      diag?.tcp((inode, state) => states.set(inode, stateOf(state)));
      return diag && states;
    });
  /** Undefined when the process is gone. */
  const read = (pid: number): ReadonlyMap<number, TcpState> | undefined => {
    const texts = ['tcp', 'tcp6'].flatMap(
      name => attempt(() => readFileSync(join(proc, String(pid), 'net', name), 'latin1')) ?? [],
    );
    return texts.length > 0 ? new Map(texts.flatMap(text => [...parseTcp(text)])) : undefined;
  };
  const recall = (name: string): Network => {
    let network = networks.get(name);
    if (network) return network;
    network = earlier.get(name) ?? { states: undefined, strangers: new Set(), look: 0, since: now };
    network.states = undefined;
    if (now - network.since >= REREAD_MS) {
      network.strangers = new Set();
      network.since = now;
    }
    networks.set(name, network);
    return network;
  };

  return {
    begin(at) {
      earlier = networks;
      networks = new Map();
      look++;
      now = at;
    },
    stateOf(pid, name, inode) {
      const network = recall(name);
      if (network.strangers.has(inode)) return undefined;
      if (network.look !== look) {
        network.look = look;
        network.states = (name === own ? dump() : undefined) ?? read(pid);
      }
      const state = network.states?.get(inode);
      if (network.states && !state) network.strangers.add(inode);
      return state;
    },
  };
}

/** States of sockets by inode in /proc/net/tcp or tcp6. Source: proc_pid_net(5). */
export function parseTcp(text: string): Map<number, TcpState> {
  const states = new Map<number, TcpState>();
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/);
    if (fields.length < 10 || !/^\d+:$/.test(fields[0]!)) continue;
    states.set(Number(fields[9]), stateOf(Number.parseInt(fields[3]!, 16)));
  }
  return states;
}
