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

/** States by inode in the network namespace `network` (net_namespaces(7)), in which the process `pid` is. */
export type TcpTables = (pid: number, network: string) => ReadonlyMap<number, TcpState>;

export function createTcpTables(root: string): TcpTables {
  const proc = join(root, 'proc');
  const own = attempt(() => readlinkSync('/proc/self/ns/net'));
  const native = loadNative();
  const diag = native && createSockDiag(native);

  /** Undefined where the kernel has no such dump, or may not load it. */
  const dump = (): ReadonlyMap<number, TcpState> | undefined =>
    attempt(() => {
      const states = new Map<number, TcpState>();
      diag?.tcp((inode, state) => states.set(inode, stateOf(state)));
      return diag && states;
    });
  const read = (pid: number): ReadonlyMap<number, TcpState> =>
    new Map(
      ['tcp', 'tcp6'].flatMap(name => [
        ...parseTcp(attempt(() => readFileSync(join(proc, String(pid), 'net', name), 'latin1')) ?? ''),
      ]),
    );

  return (pid, network) => (network === own ? dump() : undefined) ?? read(pid);
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
