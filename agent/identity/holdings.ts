// What processes hold open: ports, Unix sockets, FIFOs, message queues and shared memory by which others reach them,
// and log files.

import { readdirSync, readFileSync, readlinkSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Held } from '../core/endpoints.ts';
import { attempt, codeOf } from '../core/errors.ts';
import { parseBound, parseChosenPorts } from './parse.ts';
import { isLogPath, parseFlags, parseQueues, parseSegments, parseUnix } from './parse-fd.ts';
import { readListeners } from './sockets.ts';

export interface Holdings {
  of(pids: readonly number[]): Held;
  /** Processes asked about whose open files may not be seen. */
  denied(): number;
}

const MAX_LOGS = 20;
const MAX_ENDPOINTS = 100;
/** Type of the filesystem of mq_overview(7). Source: linux/magic.h has none; ipc/mqueue.c, MQUEUE_MAGIC. */
const MQUEUE = 0x19800202;

/** One look: sockets are read once. */
export function createHoldings(root: string): Holdings {
  const proc = join(root, 'proc');
  /** Empty where it may not be read. */
  const text = (name: string) => attempt(() => readFileSync(join(proc, name), 'utf8')) ?? '';
  const portOf = new Map<string, number>();
  for (const [port, inodes] of readListeners(proc))
    for (const inode of inodes) portOf.set(`socket:[${inode}]`, port);
  const chosen = parseChosenPorts(text('sys/net/ipv4/ip_local_port_range'));
  const udpPortOf = new Map<string, number>();
  for (const name of ['udp', 'udp6'].flatMap(family => [`net/${family}`, `1/net/${family}`]))
    for (const [inode, port] of parseBound(text(name)))
      if (port < chosen.first || port > chosen.last) udpPortOf.set(`socket:[${inode}]`, port);
  const pathOf = new Map(['1/net/unix', 'net/unix'].flatMap(name => [...parseUnix(text(name))]));
  const queueOf = parseQueues(text('sysvipc/msg'));
  let denied = 0;

  const fdsOf = (pid: number): string[] => {
    try {
      return readdirSync(join(proc, String(pid), 'fd'));
    } catch (error) {
      if (['EACCES', 'EPERM'].includes(codeOf(error) ?? '')) denied++;
      return [];
    }
  };

  return {
    of(pids) {
      const ports = new Set<number>();
      const udpPorts = new Set<number>();
      const sockets = new Set<string>();
      const fifos = new Set<string>();
      const segments = new Set<string>();
      const queues = new Set<string>();
      const logs = new Set<string>();
      for (const pid of pids) {
        for (const queue of queueOf.get(pid) ?? []) queues.add(queue);
        for (const fd of fdsOf(pid)) {
          const target = attempt(() => readlinkSync(join(proc, String(pid), 'fd', fd)));
          if (target === undefined) continue;
          const port = portOf.get(target);
          const socket = pathOf.get(target);
          const udpPort = udpPortOf.get(target);
          if (port !== undefined) ports.add(port);
          else if (udpPort !== undefined) udpPorts.add(udpPort);
          else if (socket !== undefined) sockets.add(socket);
          else if (!target.startsWith('/') || logs.has(target) || fifos.has(target)) continue;
          else if (isLog(root, pid, fd, target)) logs.add(target);
          else {
            const path = join(proc, String(pid), 'fd', fd);
            const file = attempt(() => statSync(path));
            if (file?.isFIFO()) fifos.add(target);
            else if (file?.isFile() && attempt(() => statfsSync(path))?.type === MQUEUE) queues.add(target);
          }
        }
        for (const name of parseSegments(text(`${pid}/maps`))) segments.add(name);
      }
      const few = (names: ReadonlySet<string>, most = MAX_ENDPOINTS) => [...names].sort().slice(0, most);
      return {
        ports: [...ports].sort((a, b) => a - b),
        udpPorts: [...udpPorts].sort((a, b) => a - b),
        sockets: few(sockets),
        fifos: few(fifos),
        sharedMemory: few(segments),
        messageQueues: few(queues),
        logs: few(logs, MAX_LOGS),
      };
    },
    denied: () => denied,
  };
}

/** A regular file that is the same by its path, so that it is neither deleted nor of another mount namespace. */
function isLog(root: string, pid: number, fd: string, path: string): boolean {
  const own = join(root, 'proc', String(pid));
  const flags = parseFlags(attempt(() => readFileSync(join(own, 'fdinfo', fd), 'latin1')) ?? '');
  if (!isLogPath(path, flags)) return false;
  const named = attempt(() => statSync(join(root, path)));
  if (!named?.isFile()) return false;
  const held = attempt(() => statSync(join(own, 'fd', fd)));
  return held === undefined || (held.dev === named.dev && held.ino === named.ino);
}
