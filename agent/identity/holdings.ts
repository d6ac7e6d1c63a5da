// What processes hold open: ports they listen on and log files they write.

import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../core/errors.ts';
import { isLogPath, parseFlags } from './parse-fd.ts';
import { readListeners } from './sockets.ts';

export interface Holdings {
  of(pids: readonly number[]): { readonly ports: number[]; readonly logs: string[] };
  /** Processes asked about whose open files may not be seen. */
  denied(): number;
}

const MAX_LOGS = 20;

/** One look: sockets are read once. */
export function createHoldings(root: string): Holdings {
  const proc = join(root, 'proc');
  const portOf = new Map<string, number>();
  for (const [port, inodes] of readListeners(proc))
    for (const inode of inodes) portOf.set(`socket:[${inode}]`, port);
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
      const logs = new Set<string>();
      for (const pid of pids)
        for (const fd of fdsOf(pid)) {
          const target = attempt(() => readlinkSync(join(proc, String(pid), 'fd', fd)));
          if (target === undefined) continue;
          const port = portOf.get(target);
          if (port !== undefined) ports.add(port);
          else if (target.startsWith('/') && !logs.has(target) && isLog(root, pid, fd, target))
            logs.add(target);
        }
      return { ports: [...ports].sort((a, b) => a - b), logs: [...logs].sort().slice(0, MAX_LOGS) };
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

function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
