// What processes hold open that nobody sees in a directory: files deleted under them, and TCP connections by state.

import { readdirSync, readFileSync, readlinkSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../../agent/core/errors.ts';

/** Connections by state; CLOSE_WAIT are those whose other end has gone and which the daemon forgot to close. */
export type TcpState = 'established' | 'listen' | 'close_wait' | 'other';
export const TCP_STATES: readonly TcpState[] = ['established', 'listen', 'close_wait', 'other'];

/** Of processes together. */
export interface Held {
  /** Bytes on disk of files that are deleted and still open, each file once. */
  readonly deletedBytes: number;
  /** Free bytes of the fullest filesystem with such files; undefined without any. */
  readonly deletedFree: number | undefined;
  readonly sockets: Readonly<Record<TcpState, number>>;
  /** Some of it may not be seen. */
  readonly denied: boolean;
}

/** The processes of one daemon, one after another. */
export interface Holdings {
  add(pid: number): void;
  held(): Held;
}

/** One look at all daemons: the tables of TCP are read once a network namespace. */
export function createLook(root: string): () => Holdings {
  const proc = join(root, 'proc');
  const tables = new Map<string, ReadonlyMap<string, TcpState>>();

  const tableOf = (pid: number): ReadonlyMap<string, TcpState> => {
    const namespace = attempt(() => readlinkSync(join(proc, String(pid), 'ns/net'))) ?? '';
    let table = tables.get(namespace);
    if (!table) {
      table = new Map(
        ['tcp', 'tcp6'].flatMap(name => {
          const text = attempt(() => readFileSync(join(proc, String(pid), 'net', name), 'latin1')) ?? '';
          return [...parseTcp(text)];
        }),
      );
      tables.set(namespace, table);
    }
    return table;
  };

  return () => {
    const deleted = new Map<string, number>();
    const free = new Map<number, number>();
    const inodes = new Set<string>();
    const sockets = { established: 0, listen: 0, close_wait: 0, other: 0 };
    let denied = false;
    return {
      add(pid) {
        const directory = `${proc}/${pid}/fd`;
        let fds: string[] = [];
        try {
          fds = readdirSync(directory);
        } catch (error) {
          denied ||= ['EACCES', 'EPERM'].includes(codeOf(error) ?? '');
        }
        let table: ReadonlyMap<string, TcpState> | undefined;
        for (const fd of fds) {
          const path = `${directory}/${fd}`;
          const target = attempt(() => readlinkSync(path)) ?? '';
          if (target.startsWith(SOCKET)) {
            const inode = target.slice(SOCKET.length, -1);
            if (inodes.has(inode)) continue;
            inodes.add(inode);
            table ??= tableOf(pid);
            const state = table.get(inode);
            if (state) sockets[state]++;
          } else if (isDeleted(target)) {
            const file = attempt(() => statSync(path));
            if (!file?.isFile() || file.nlink > 0) continue;
            deleted.set(`${file.dev}:${file.ino}`, file.blocks * BLOCK);
            const space = free.has(file.dev) ? undefined : attempt(() => statfsSync(path));
            if (space) free.set(file.dev, space.bavail * space.bsize);
          }
        }
      },
      held: () => ({
        deletedBytes: [...deleted.values()].reduce((sum, bytes) => sum + bytes, 0),
        deletedFree: free.size > 0 ? Math.min(...free.values()) : undefined,
        sockets,
        denied,
      }),
    };
  };
}

const SOCKET = 'socket:[';

/** Of st_blocks, whatever the filesystem's own are (stat(2)). */
const BLOCK = 512;

/** Memory that only looks like a file is not disk: memfd_create(2), System V and anonymous shared memory. */
const isDeleted = (target: string): boolean =>
  target.startsWith('/') && target.endsWith(' (deleted)') && !/^\/(memfd:|SYSV|dev\/)/.test(target);

/** States of sockets by inode in /proc/net/tcp or tcp6. Source: proc_pid_net(5), include/net/tcp_states.h. */
export function parseTcp(text: string): Map<string, TcpState> {
  const states = new Map<string, TcpState>();
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/);
    if (fields.length < 10 || !/^\d+:$/.test(fields[0]!)) continue;
    states.set(fields[9]!, STATES[fields[3]!] ?? 'other');
  }
  return states;
}
const STATES: Readonly<Record<string, TcpState>> = {
  '01': 'established',
  '08': 'close_wait',
  '0A': 'listen',
};

function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
