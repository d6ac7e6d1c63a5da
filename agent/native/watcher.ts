// A thread that waits for the kernel's process events and looks at a program the moment it begins: who lives for a
// millisecond is still known by then. Tells in batches, of those alone that may concern a daemon; where nothing happens it
// sleeps.

import { closeSync, openSync, readlinkSync, readSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { createBegun } from '../core/begun.ts';
import type { ProcessFacts } from '../core/daemon.ts';
import { attempt } from '../core/errors.ts';
import { parseStat, type Stat } from '../core/procstat.ts';
import { loadNative } from './index.ts';
import { systemError } from './libc.ts';
import { MAX_MESSAGE } from './parse-event.ts';
import { createFeed } from './process-feed.ts';
import { createKin, createSieve, fits, type Interest } from './sieve.ts';
import { sweepHeap } from './sweep.ts';

/** Words of `WatcherTask.flags`. */
export const Flag = { Stop: 0, Asked: 1, Begun: 2 } as const;

/** What may concern a daemon, and what is to be read of it besides its name and its file. */
export interface Wanted extends Interest {
  readonly cmdline: boolean;
  readonly uid: boolean;
  readonly cgroup: boolean;
}

export interface WatcherTask {
  /** Subscribed sockets: of programs that begin, and of everything. */
  readonly programs: number;
  readonly all: number;
  /** An eventfd, written to after a flag has changed. */
  readonly wake: number;
  readonly root: string;
  readonly wanted: Wanted;
  /** Three words: not 0 ends the thread; grows when another `Wanted` was posted; 1 once it looks at what begins. */
  readonly flags: Int32Array;
  readonly kin: SharedArrayBuffer;
  /** Of a `Begun`: every program that begins is noted. */
  readonly begun: SharedArrayBuffer;
}

const POLLIN = 1;
/** Nobody can end a thread that waits in a call, so that an agent that dies waits for this at most. */
const WAKE_MS = 1000;
/** What happens within this time goes together. */
const GATHER_MS = 100;
/** Longer command lines are cut. */
const MAX_FILE = 32 * 1024;
/** Ahead of those it looks at, where we may. */
const NICE = -10;

function watch({ programs, all, wake, root, wanted: first, flags, kin: memory, begun }: WatcherTask): void {
  const native = loadNative();
  if (!native) throw new Error('cannot read process events: no native functions');
  const { libc } = native;
  attempt(() => setPriority(0, NICE));
  const buf = new Uint8Array(MAX_MESSAGE);
  const kin = createKin(memory);
  const programsBegun = createBegun(begun);
  let wanted = first;
  let asked = 0;

  const receive = (fd: number): number => {
    const length = libc.recv(fd, buf, buf.length, 0);
    return length >= 0 ? length : -libc.errno();
  };

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
  const stat = (pid: number): Stat | undefined => {
    const length = read(`${root}/proc/${pid}/stat`);
    return length > 0 ? parseStat(file, length) : undefined;
  };
  const exeOf = (pid: number): string | undefined =>
    attempt(() => readlinkSync(`${root}/proc/${pid}/exe`).replace(/ \(deleted\)$/, ''));

  const facts = (pid: number, exe = exeOf(pid), seen = stat(pid)): ProcessFacts | undefined => {
    if (!seen) return undefined;
    const path = `${root}/proc/${pid}/`;
    const cmdline = wanted.cmdline && text(`${path}cmdline`)?.replace(/\0+$/, '').replaceAll('\0', ' ');
    const uid = wanted.uid && /^Uid:\s+\d+\s+(\d+)/m.exec(text(`${path}status`) ?? '')?.[1];
    const cgroup = wanted.cgroup ? text(`${path}cgroup`) : undefined;
    const { ppid, startTicks, comm, session } = seen;
    return {
      pid,
      ppid,
      startTicks,
      comm,
      session,
      ...(typeof cmdline === 'string' && { cmdline }),
      began: { exe, uid: uid ? Number(uid) : undefined, cgroup },
    };
  };

  const feed = createFeed({
    view: new DataView(buf.buffer),
    receivePrograms: () => receive(programs),
    receiveAll: () => receive(all),
    glance(pid) {
      // In the order in which they vanish: a zombie keeps its stat.
      const exe = exeOf(pid);
      const seen = stat(pid);
      if (exe !== undefined && seen) programsBegun.note(pid, Date.now(), { ...seen, exe });
      const cgroup = () => text(`${root}/proc/${pid}/cgroup`);
      const fitting = fits({ exe, comm: seen?.comm, cgroup }, wanted);
      if (!fitting && !kin.has(pid)) return { fits: false, process: undefined };
      const process = facts(pid, exe, seen);
      return process && { fits: fitting, process };
    },
    facts,
    sieve: createSieve(kin),
    epoch: monotonicEpoch,
    fail(errno) {
      throw systemError('recv', errno);
    },
  });

  // struct pollfd; everything is last, for it has its rests.
  const polls = new Int32Array([programs, POLLIN, wake, POLLIN, all, POLLIN]);
  const bytes = new Uint8Array(polls.buffer);
  const woken = new Uint8Array(8);
  let restUntil = 0;
  Atomics.store(flags, Flag.Begun, 1);
  Atomics.notify(flags, Flag.Begun);
  sweepHeap();
  while (Atomics.load(flags, Flag.Stop) === 0) {
    const rest = Math.ceil(restUntil - performance.now());
    libc.poll(bytes, rest > 0 ? 2 : 3, rest > 0 ? rest : WAKE_MS);
    if (polls[3]! >> 16 !== 0) readSync(wake, woken, 0, 8, null);
    if (asked !== Atomics.load(flags, Flag.Asked)) {
      asked = Atomics.load(flags, Flag.Asked);
      for (let each = receiveMessageOnPort(parentPort!); each; each = receiveMessageOnPort(parentPort!))
        wanted = each.message;
    }
    feed.programs();
    if (rest > 0) continue;
    const batch = feed.all();
    if (batch) parentPort!.postMessage(batch);
    restUntil = performance.now() + GATHER_MS;
  }
}

/** Unix ms when CLOCK_MONOTONIC, which is Node's clock as well, was 0. */
const monotonicEpoch = (): number => Date.now() - Number(process.hrtime.bigint()) / 1e6;

if (parentPort) watch(workerData as WatcherTask);
