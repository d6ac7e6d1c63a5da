// One process of a daemon as /proc has it now.

import { parseStat, type Stat } from '../../agent/core/procstat.ts';
import {
  parseIo,
  parseOpenFilesLimit,
  parseRights,
  parseStatMemory,
  parseStatus,
  type Status,
} from './parse.ts';
import { DENIED, GONE, type Reader } from './read.ts';

/** What seldom changes, read again when it is a minute old. */
export interface Kept {
  /** Unix ms. */
  readonly readAt: number;
  /** Soft limit of open files; NaN when unknown. */
  readonly fdLimit: number;
  readonly ioDenied: boolean;
}

/** Figures are NaN where they could not be had. */
export interface Figures {
  readonly status: Status;
  /** Another number when it runs with other rights than before. */
  readonly rights: number;
  readonly io: { readonly read: number; readonly written: number };
  readonly openFds: number;
  readonly fdsDenied: boolean;
  readonly kept: Kept;
}

const REREAD_MS = 60_000;
const NO_IO = { read: Number.NaN, written: Number.NaN };

/** Undefined for kernel threads and for what has vanished. */
export function readStat(reader: Reader, pid: number, before?: Stat): Stat | undefined {
  const length = reader.file(pid, 'stat');
  const stat = length > 0 ? parseStat(reader.buf, length, before) : undefined;
  return stat?.kernelThread ? undefined : stat;
}

/** A zombie only waits to be noticed; one whose other threads go on has lost no more than its first. */
export const hasEnded = ({ state, threads }: Stat): boolean =>
  (state === 'Z' || state === 'X') && threads <= 1;

const UNTOLD: Status = {
  virtual: Number.NaN,
  resident: Number.NaN,
  anonymous: Number.NaN,
  swap: Number.NaN,
  voluntary: Number.NaN,
  involuntary: Number.NaN,
};

/** All but stat; `before` of the same process. Undefined when it vanishes meanwhile. */
export function readFigures(
  reader: Reader,
  pid: number,
  before: Kept | undefined,
  now: number,
): Figures | undefined {
  const statusLength = reader.file(pid, 'status');
  let status = statusLength < 0 ? UNTOLD : parseStatus(reader.buf, statusLength);
  const rights = parseRights(reader.buf, Math.max(0, statusLength));
  const known = before && Math.abs(now - before.readAt) < REREAD_MS ? before : undefined;
  const ioLength = known?.ioDenied ? DENIED : reader.file(pid, 'io');
  const io = ioLength > 0 ? parseIo(reader.buf, ioLength) : NO_IO;
  const fds = reader.openFds(pid);
  const isPartial = statusLength < 0 || ioLength === GONE || fds === GONE;
  if (isPartial || status.resident === 0) {
    // Of a process that is still there the rest is not told; one without memory has none here, too.
    const statLength = reader.file(pid, 'stat');
    if (statLength <= 0) return undefined;
    if (!(status.resident > 0)) status = { ...status, ...parseStatMemory(reader.buf, statLength) };
  }
  return {
    status,
    rights,
    io,
    openFds: fds < 0 ? Number.NaN : fds,
    fdsDenied: fds === DENIED,
    kept: known ?? {
      readAt: now,
      fdLimit: parseOpenFilesLimit(reader.buf, Math.max(0, reader.file(pid, 'limits'))),
      ioDenied: ioLength === DENIED,
    },
  };
}
