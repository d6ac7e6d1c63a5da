// A thread that waits for the kernel's process events and looks at a program the moment it begins: who lives for a
// millisecond is still known by then. Tells in batches; ends within 200 ms of the stop flag.

import { closeSync, openSync, readlinkSync, readSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { ProcessFacts } from '../core/daemon.ts';
import { parseStat } from '../core/procstat.ts';
import { loadNative } from './index.ts';
import { systemError } from './libc.ts';
import { KernelEvent, MAX_MESSAGE, parseEvent, What } from './parse-event.ts';

/** Times in Unix ms. */
export type ProcessEvent =
  | { readonly what: 'fork'; readonly at: number; readonly pid: number; readonly parent: number }
  /** Without a process when it was gone before it could be looked at. */
  | {
      readonly what: 'exec';
      readonly at: number;
      readonly pid: number;
      readonly process: ProcessFacts | undefined;
    }
  /** `status` as wait(2) gives it. */
  | { readonly what: 'exit'; readonly at: number; readonly pid: number; readonly status: number };

export interface WatchedBatch {
  readonly events: readonly ProcessEvent[];
  /** The kernel had no room for more: some events are missing, before these. */
  readonly overflow: boolean;
}

export const Cell = { Stop: 0, Wants: 1 } as const;
export const Want = { Cmdline: 1, Uid: 2, Cgroup: 4 } as const;

export interface WatcherTask {
  readonly fd: number;
  readonly root: string;
  /** Two words: not 0 ends the thread; what is to be read of a program besides its name and its file. */
  readonly shared: Int32Array;
}

const POLLIN = 1;
const EAGAIN = 11;
const ENOBUFS = 105;
const EINTR = 4;
const WAKE_MS = 200;
/** Events of a moment go together. */
const GATHER_MS = 50;
const MAX_BATCH = 4096;
/** Longer command lines are cut. */
const MAX_FILE = 32 * 1024;
/** Ahead of those it looks at, where we may. */
const NICE = -10;

function watch({ fd, root, shared }: WatcherTask): void {
  const native = loadNative();
  if (!native) throw new Error('cannot read process events: no native functions');
  const { libc } = native;
  attempt(() => setPriority(0, NICE));
  const buf = new Uint8Array(MAX_MESSAGE);
  const view = new DataView(buf.buffer);
  const event = new KernelEvent();
  const polls = new Uint8Array(Int32Array.of(fd, POLLIN).buffer);
  let events: ProcessEvent[] = [];
  let overflow = false;
  let toldAt = 0;
  let epoch = monotonicEpoch();

  const file = Buffer.alloc(MAX_FILE);
  const read = (path: string): number => {
    let fd = -1;
    try {
      fd = openSync(path, 'r');
      return readSync(fd, file, 0, MAX_FILE, 0);
    } catch {
      return -1;
    } finally {
      if (fd >= 0) closeSync(fd);
    }
  };
  const text = (path: string): string | undefined => {
    const length = read(path);
    return length < 0 ? undefined : file.toString('utf8', 0, length);
  };

  const look = (pid: number): ProcessFacts | undefined => {
    const path = `${root}/proc/${pid}/`;
    // In the order in which they vanish: a zombie keeps its stat.
    const exe = attempt(() => readlinkSync(`${path}exe`).replace(/ \(deleted\)$/, ''));
    const length = read(`${path}stat`);
    const seen = length > 0 ? parseStat(file, length) : undefined;
    if (!seen) return undefined;
    const wants = Atomics.load(shared, Cell.Wants);
    const cmdline = wants & Want.Cmdline && text(`${path}cmdline`)?.replace(/\0+$/, '').replaceAll('\0', ' ');
    const uid = wants & Want.Uid && /^Uid:\s+\d+\s+(\d+)/m.exec(text(`${path}status`) ?? '')?.[1];
    const cgroup = wants & Want.Cgroup ? text(`${path}cgroup`) : undefined;
    const { ppid, startTicks, comm } = seen;
    return {
      pid,
      ppid,
      startTicks,
      comm,
      ...(typeof cmdline === 'string' && { cmdline }),
      began: { exe, uid: uid ? Number(uid) : undefined, cgroup },
    };
  };

  const take = () => {
    const at = Math.round(epoch + event.time);
    const { pid, parent, status } = event;
    if (event.what === What.Fork) events.push({ what: 'fork', at, pid, parent });
    else if (event.what === What.Exec) events.push({ what: 'exec', at, pid, process: look(pid) });
    else if (event.what === What.Exit) events.push({ what: 'exit', at, pid, status });
  };

  const tell = () => {
    const batch: WatchedBatch = { events, overflow };
    parentPort!.postMessage(batch);
    events = [];
    overflow = false;
    toldAt = performance.now();
    epoch = monotonicEpoch();
  };

  while (Atomics.load(shared, Cell.Stop) === 0) {
    const pending = events.length > 0 || overflow;
    const wait = pending ? Math.max(0, Math.ceil(toldAt + GATHER_MS - performance.now())) : WAKE_MS;
    libc.poll(polls, 1, wait);
    while (events.length < MAX_BATCH) {
      const length = libc.recv(fd, buf, buf.length, 0);
      if (length >= 0) {
        if (parseEvent(view, length, event)) take();
        continue;
      }
      const errno = libc.errno();
      if (errno === ENOBUFS) overflow = true;
      else if (errno === EAGAIN) break;
      else if (errno !== EINTR) throw systemError('recv', errno);
    }
    if ((events.length > 0 || overflow) && performance.now() - toldAt >= GATHER_MS) tell();
  }
}

/** Unix ms when CLOCK_MONOTONIC, which is Node's clock as well, was 0. */
const monotonicEpoch = (): number => Date.now() - Number(process.hrtime.bigint()) / 1e6;

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

if (parentPort) watch(workerData as WatcherTask);
