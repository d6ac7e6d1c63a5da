// One process of a daemon as /proc has it now.

import { parseStat, type Stat } from '../../agent/core/procstat.ts';
import { type Open, readOpen } from './holdings.ts';
import {
  type Io,
  type Memory,
  parseIo,
  parseMemory,
  parseOpenFilesLimit,
  parseRights,
  parseStatMemory,
  parseStatus,
} from './parse.ts';
import { DENIED, GONE, type Reader } from './read.ts';

/** How closely a process is looked at. */
export const Depth = { Figures: 0, Details: 1, Everything: 2 } as const;
export type Depth = (typeof Depth)[keyof typeof Depth];

/** Figures are NaN where they could not be had. The same object from look to look. */
export interface Figures {
  memory: Memory;
  io: Io;
  ioDenied: boolean;
  openFds: number;
  fdsDenied: boolean;
  details: Details;
}

/** What costs as much as all the rest: as of its last turn. */
export interface Details {
  /** CPU time of the process when they were read, as `Reader.cpuTime` gives it. */
  cpuTime: number;
  swap: number;
  voluntary: number;
  involuntary: number;
  /** Whether the kernel tells anonymous memory apart. */
  anonymous: boolean;
  /** Another number when it runs with other rights than before. */
  rights: number;
  open: Open;
  /** Another object when it was read again. */
  setting: Setting;
}

/** What others give a process, and seldom. */
export interface Setting {
  /** Soft limit of open files. */
  readonly fdLimit: number;
  /** Text of /proc/PID/cgroup. */
  readonly cgroup: string;
}

const NO_DETAILS = {
  cpuTime: Number.NaN,
  swap: Number.NaN,
  voluntary: Number.NaN,
  involuntary: Number.NaN,
  anonymous: false,
  rights: 0,
};
const NO_IO: Io = { read: Number.NaN, written: Number.NaN };

/** Undefined for kernel threads and for what has vanished. */
export function readStat(reader: Reader, pid: number, before?: Stat): Stat | undefined {
  const length = reader.file(pid, 'stat');
  const stat = length > 0 ? parseStat(reader.buf, length, before) : undefined;
  return stat?.kernelThread ? undefined : stat;
}

/** All but stat; `before` of the same process, brought up to date. Undefined when it vanishes meanwhile. */
export function readFigures(
  reader: Reader,
  pid: number,
  before: Figures | undefined,
  depth: Depth,
  cpuTime: number,
): Figures | undefined {
  const details =
    before && depth === Depth.Figures
      ? before.details
      : readDetails(reader, pid, before?.details, cpuTime, depth === Depth.Everything);
  const refused = before?.ioDenied && depth !== Depth.Everything;
  const ioLength = refused ? DENIED : reader.file(pid, 'io');
  const io = ioLength > 0 ? parseIo(reader.buf, ioLength, before?.io) : NO_IO;
  const fds = reader.openFds(pid);
  const memory = readMemory(reader, pid, details.anonymous, before?.memory);
  if (!memory || ((ioLength === GONE || fds === GONE) && reader.file(pid, 'stat') <= 0)) return undefined;
  const ioDenied = ioLength === DENIED;
  const openFds = fds < 0 ? Number.NaN : fds;
  const fdsDenied = fds === DENIED;
  if (!before) return { memory, io, ioDenied, openFds, fdsDenied, details };
  before.memory = memory;
  before.io = io;
  before.ioDenied = ioDenied;
  before.openFds = openFds;
  before.fdsDenied = fdsDenied;
  before.details = details;
  return before;
}

/**
 * Brings one that has not run up to date: others may have taken memory from it. `length` of its statm as it stands in the
 * reader's buffer; the details are read when they are `due`, and where the memory went is one of them. Whether something is
 * another, undefined when it has vanished.
 */
export function readAsleep(
  reader: Reader,
  pid: number,
  length: number,
  figures: Figures,
  cpuTime: number,
  due: boolean,
): boolean | undefined {
  const memory = memoryIn(reader, pid, length, figures.details.anonymous, figures.memory);
  if (!memory) return undefined;
  if (!due && memory === figures.memory) return false;
  figures.details = readDetails(reader, pid, figures.details, cpuTime);
  figures.memory = memory;
  return true;
}

/**
 * `anonymous`: whether the kernel tells it apart. `before` where it is the same still; undefined when the process has
 * vanished.
 */
export function readMemory(
  reader: Reader,
  pid: number,
  anonymous: boolean,
  before?: Memory,
): Memory | undefined {
  return memoryIn(reader, pid, reader.file(pid, 'statm'), anonymous, before);
}

/** The same of a statm that stands in the reader's buffer already, `length` as it was read. */
function memoryIn(
  reader: Reader,
  pid: number,
  length: number,
  anonymous: boolean,
  before?: Memory,
): Memory | undefined {
  const memory = length > 0 ? parseMemory(reader.buf, length, reader.pageSize, anonymous, before) : undefined;
  if (memory && memory.resident > 0) return memory;
  // Where no more than its stat may be read; one without memory has none there, too.
  const statLength = reader.file(pid, 'stat');
  if (statLength <= 0) return undefined;
  return parseStatMemory(
    reader.buf,
    statLength,
    reader.pageSize,
    memory && anonymous ? 0 : Number.NaN,
    before,
  );
}

/** `before` of the same process, brought up to date; what others give it only when it is there for the first time, or `all`. */
function readDetails(
  reader: Reader,
  pid: number,
  before: Details | undefined,
  cpuTime: number,
  all = false,
): Details {
  const length = reader.file(pid, 'status');
  const { swap, anonymous, voluntary, involuntary } = parseStatus(
    reader.buf,
    Math.max(0, length),
    reader.layout,
  );
  const rights = parseRights(reader.buf, Math.max(0, length), reader.layout);
  const open = readOpen(reader, pid, before?.open, all);
  const setting = before && !all ? before.setting : readSetting(reader, pid);
  const details = before ?? { ...NO_DETAILS, open, setting };
  details.cpuTime = cpuTime;
  details.swap = length < 0 ? Number.NaN : swap;
  details.voluntary = voluntary;
  details.involuntary = involuntary;
  details.anonymous = length >= 0 && !Number.isNaN(anonymous);
  details.rights = rights;
  details.open = open;
  details.setting = setting;
  return details;
}

/** What others give it now. */
export function readSetting(reader: Reader, pid: number): Setting {
  const fdLimit = parseOpenFilesLimit(reader.buf, Math.max(0, reader.file(pid, 'limits')));
  return { fdLimit, cgroup: reader.text(pid, 'cgroup') };
}
