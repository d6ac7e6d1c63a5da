// Forks, execs and exits of the machine as they happen, from the thread that waits for them.

import { Worker } from 'node:worker_threads';
import { BEGUN_BYTES } from '../core/begun.ts';
import { openConnector } from './connector.ts';
import type { Native } from './index.ts';
import type { WatchedBatch } from './process-feed.ts';
import { createKin, KIN_BYTES } from './sieve.ts';
import { openWake, type Wake } from './wake.ts';
import { Flag, type Wanted, type WatcherTask } from './watcher.ts';

export type { ProcessEvent, WatchedBatch } from './process-feed.ts';
export type { Wanted } from './watcher.ts';

export interface ProcessEvents {
  /** Resolves when the thread runs: of what has ended before, nobody knows what it was. */
  readonly begun: Promise<unknown>;
  want(wanted: Wanted): void;
  /** Whoever has been found another way: its end is of account. */
  know(pids: Iterable<number>): void;
  /** Resolves when the thread has ended. */
  close(): Promise<void>;
}

/** Throws what keeps the kernel from telling. `failed` when the thread ends before `close()`. `begun` is filled. */
export function watchProcesses(
  native: Native,
  root: string,
  wanted: Wanted,
  told: (batch: WatchedBatch) => void,
  failed: (error: Error) => void,
  begun: SharedArrayBuffer = new SharedArrayBuffer(BEGUN_BYTES),
): ProcessEvents {
  const opened: number[] = [];
  const open = (fd: number) => {
    opened.push(fd);
    return fd;
  };
  const close = () => opened.forEach(native.close);
  let [programs, all] = [-1, -1];
  let waker: Wake;
  try {
    programs = open(openConnector(native, 'programs'));
    all = open(openConnector(native, 'all'));
    waker = openWake(native);
    opened.push(waker.fd);
  } catch (error) {
    close();
    throw error;
  }
  const flags = new Int32Array(new SharedArrayBuffer(12));
  const memory = new SharedArrayBuffer(KIN_BYTES);
  const kin = createKin(memory);
  const task: WatcherTask = {
    programs,
    all,
    wake: waker.fd,
    root: root === '/' ? '' : root,
    wanted,
    flags,
    kin: memory,
    begun,
  };
  let last = JSON.stringify(wanted);
  const file = import.meta.url.endsWith('.ts') ? './watcher.ts' : './watcher.js';
  const worker = new Worker(new URL(file, import.meta.url), {
    workerData: task,
    name: 'watcher',
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 16 },
  });
  const ended = new Promise<void>(resolve => worker.once('exit', () => resolve()));
  worker.on('message', told);
  worker.on('error', error => failed(error as Error));
  return {
    begun: Promise.race([Atomics.waitAsync(flags, Flag.Begun, 0).value, ended]),
    want(next) {
      const text = JSON.stringify(next);
      if (text === last) return;
      last = text;
      worker.postMessage(next);
      Atomics.add(flags, Flag.Asked, 1);
      waker.wake();
    },
    know(pids) {
      for (const pid of pids) kin.add(pid);
    },
    async close() {
      worker.off('message', told);
      Atomics.store(flags, Flag.Stop, 1);
      waker.wake();
      await ended;
      close();
    },
  };
}
