// Which processes own the sockets that listen on a TCP port. Scans only when the sockets have changed.

import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, codeOf } from '../core/errors.ts';
import { parseListeners } from './parse.ts';

/** Listening sockets are looked up this often, and their owners searched again at the latest after RESCAN_MS. */
const FRESH_MS = 1000;
const RESCAN_MS = 60_000;
const CHUNK = 256 * 1024;

interface Owners {
  readonly inodes: string;
  readonly pids: ReadonlySet<number>;
  readonly scannedAt: number;
}

/**
 * Owners of a port in our network namespace and in that of pid 1; a container with its own is matched by its id. Without
 * the right to read a process's fds it owns nothing, and `tellDenied` of a port that nobody else owns. `elapsed` in monotonic
 * ms.
 */
export function createSockets(
  root: string,
  elapsed: () => number,
  tellDenied: (port: number) => void = () => {},
): (port: number) => ReadonlySet<number> {
  const proc = join(root, 'proc');
  const owners = new Map<number, Owners>();
  let listeners = new Map<number, Set<string>>();
  let readAt = -Infinity;

  const refresh = (at: number) => {
    if (at - readAt < FRESH_MS) return;
    readAt = at;
    listeners = readListeners(proc);
  };

  return port => {
    const at = elapsed();
    refresh(at);
    const wanted = listeners.get(port);
    if (!wanted) return NOBODY;
    const inodes = [...wanted].sort().join(' ');
    const known = owners.get(port);
    if (known?.inodes === inodes && at - known.scannedAt < RESCAN_MS) return known.pids;
    const { pids, denied } = holders(proc, wanted);
    if (pids.size === 0 && denied) tellDenied(port);
    owners.set(port, { inodes, pids, scannedAt: at });
    return pids;
  };
}

const NOBODY: ReadonlySet<number> = new Set();

/** Inodes of the sockets that listen on each TCP port, in our network namespace and in that of pid 1. */
export function readListeners(proc: string): Map<number, Set<string>> {
  const listeners = new Map<number, Set<string>>();
  for (const net of ['net', '1/net'])
    for (const family of ['tcp', 'tcp6']) readTable(join(proc, net, family), listeners);
  return listeners;
}

function readTable(path: string, into: Map<number, Set<string>>): void {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return;
  }
  try {
    const buffer = Buffer.allocUnsafe(CHUNK);
    let rest = '';
    for (;;) {
      const length = readSync(fd, buffer, 0, CHUNK, null);
      const text = rest + buffer.toString('latin1', 0, length);
      const end = length === 0 ? text.length : text.lastIndexOf('\n') + 1;
      if (parseListeners(text.slice(0, end), into).done || length === 0) return;
      rest = text.slice(end);
    }
  } catch {
    // What was read until here stands; the next look is a second away.
  } finally {
    closeSync(fd);
  }
}

/** Pids that hold one of the sockets open, and whether there are some that may not be seen. */
function holders(proc: string, inodes: ReadonlySet<string>): { pids: Set<number>; denied: boolean } {
  const targets = new Set(Array.from(inodes, inode => `socket:[${inode}]`));
  const pids = new Set<number>();
  let denied = false;
  const list = (directory: string): string[] => {
    try {
      return readdirSync(directory);
    } catch (error) {
      denied ||= codeOf(error) === 'EACCES';
      return [];
    }
  };
  for (const pid of list(proc)) {
    if (!/^\d+$/.test(pid)) continue;
    const directory = join(proc, pid, 'fd');
    if (list(directory).some(fd => targets.has(target(join(directory, fd))))) pids.add(Number(pid));
  }
  return { pids, denied };
}

const target = (link: string): string => attempt(() => readlinkSync(link)) ?? '';
