// What processes hold open that nobody sees in a directory: files deleted under them, and TCP connections by state.

import { statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../../agent/core/errors.ts';
import { DENIED, type Reader } from './read.ts';
import type { TcpSockets, TcpState } from './tcp.ts';

/** Of processes together. */
export interface Holding {
  /** Bytes on disk of files that are deleted and still open, each file once. */
  readonly deletedBytes: number;
  /** Free bytes of the fullest filesystem with such files; undefined without any. */
  readonly deletedFree: number | undefined;
  readonly sockets: Readonly<Record<TcpState, number>>;
  /** Some of it may not be seen. */
  readonly denied: boolean;
}

/** What one process has open, as its list of descriptors had it. */
export interface Open {
  /** Inodes. */
  readonly sockets: readonly number[];
  /** Its network namespace; empty without sockets. */
  readonly network: string;
  /** Descriptors that lead to a path. */
  readonly files: readonly number[];
  readonly denied: boolean;
}

/**
 * Without right it is empty, and so it is of a process that is gone. `before` where it is the same still; its network is
 * asked for again with `all`.
 */
export function readOpen(
  reader: Pick<Reader, 'links' | 'target' | 'networkOf'>,
  pid: number,
  before?: Open,
  all = false,
): Open {
  const { target } = reader;
  const sockets: number[] = [];
  const files: number[] = [];
  const denied =
    reader.links(pid, (fd, length) => {
      if (length > 0 && target[0] === SLASH) {
        if (isOnDisk(target, length)) files.push(fd);
      } else {
        const inode = socketIn(target, length);
        if (inode !== undefined) sockets.push(inode);
      }
    }) === DENIED;
  const known = all ? '' : (before?.network ?? '');
  const asks = sockets.length > 0 && known === '';
  const network = asks ? (attempt(() => reader.networkOf(pid)) ?? '') : known;
  const same =
    before?.network === network &&
    before.denied === denied &&
    isEqual(before.sockets, sockets) &&
    isEqual(before.files, files);
  return same ? before : { sockets, network, files, denied };
}

const isEqual = (a: readonly number[], b: readonly number[]): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

/** The inode in `socket:[N]`; undefined for anything else. */
function socketIn(target: Buffer, length: number): number | undefined {
  if (!beginsWith(target, length - 1, SOCKET)) return undefined;
  let inode = 0;
  for (let at = SOCKET.length; at < length - 1; at++) inode = inode * 10 + target[at]! - ZERO;
  return inode;
}

/** The processes of one daemon, one after another. */
export interface Holdings {
  add(pid: number, open: Open): void;
  held(): Holding;
}

/** Of one look that `tcp` has begun. */
export function createHoldings(
  root: string,
  tcp: Pick<TcpSockets, 'stateOf'>,
  targetOf: Reader['targetOf'],
): Holdings {
  const proc = join(root, 'proc');
  const deleted = new Map<string, number>();
  const free = new Map<number, number>();
  const inodes = new Set<number>();
  const sockets = { established: 0, listen: 0, close_wait: 0, other: 0 };
  let denied = false;
  return {
    add(pid, open) {
      denied ||= open.denied;
      for (const inode of open.sockets) {
        if (inodes.has(inode)) continue;
        inodes.add(inode);
        const state = tcp.stateOf(pid, open.network, inode);
        if (state) sockets[state]++;
      }
      for (const fd of open.files) {
        // Others may have deleted it since, and the descriptor may lead elsewhere.
        const target = attempt(() => targetOf(pid, fd)) ?? '';
        if (!target.endsWith(DELETED) || !isOnDisk(Buffer.from(target))) continue;
        const path = `${proc}/${pid}/fd/${fd}`;
        const file = attempt(() => statSync(path));
        if (!file?.isFile() || file.nlink > 0) continue;
        deleted.set(`${file.dev}:${file.ino}`, file.blocks * BLOCK);
        const space = free.has(file.dev) ? undefined : attempt(() => statfsSync(path));
        if (space) free.set(file.dev, space.bavail * space.bsize);
      }
    },
    held: () => ({
      deletedBytes: [...deleted.values()].reduce((sum, bytes) => sum + bytes, 0),
      deletedFree: free.size > 0 ? Math.min(...free.values()) : undefined,
      sockets,
      denied,
    }),
  };
}

const SLASH = 0x2f;
const ZERO = 0x30;
const SOCKET = Buffer.from('socket:[');
const DELETED = ' (deleted)';

/** Of st_blocks, whatever the filesystem's own are (stat(2)). */
const BLOCK = 512;

/** Memory that only looks like a file is not disk: memfd_create(2), System V and anonymous shared memory. */
const IN_MEMORY = ['/memfd:', '/SYSV', '/dev/'].map(text => Buffer.from(text));
const isOnDisk = (target: Uint8Array, length = target.length): boolean =>
  length > 0 && target[0] === SLASH && !IN_MEMORY.some(prefix => beginsWith(target, length, prefix));

function beginsWith(target: Uint8Array, length: number, prefix: Uint8Array): boolean {
  if (length < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (target[i] !== prefix[i]) return false;
  return true;
}
