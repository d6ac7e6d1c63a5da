// Forks, execs and exits of the machine as they happen, from the thread that waits for them.

import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { openConnector } from './connector.ts';
import type { Native } from './index.ts';
import { systemError } from './libc.ts';
import type { WatchedBatch } from './process-feed.ts';
import { createKin, KIN_BYTES } from './sieve.ts';
import { Flag, type Wanted, type WatcherTask } from './watcher.ts';

export type { ProcessEvent, WatchedBatch } from './process-feed.ts';
export type { Wanted } from './watcher.ts';

export interface ProcessEvents {
  want(wanted: Wanted): void;
  /** Whoever has been found another way: its end is of account. */
  know(pids: Iterable<number>): void;
  /** Resolves when the thread has ended. */
  close(): Promise<void>;
}

/** Throws what keeps the kernel from telling. `failed` when the thread ends before `close()`. */
export function watchProcesses(
  native: Native,
  root: string,
  wanted: Wanted,
  told: (batch: WatchedBatch) => void,
  failed: (error: Error) => void,
): ProcessEvents {
  const opened: number[] = [];
  const open = (fd: number) => {
    opened.push(fd);
    return fd;
  };
  const close = () => opened.forEach(native.close);
  let [programs, all, wake]: [number, number, number] = [-1, -1, -1];
  try {
    programs = open(openConnector(native, 'programs'));
    all = open(openConnector(native, 'all'));
    wake = open(openWake(native));
  } catch (error) {
    close();
    throw error;
  }
  const flags = new Int32Array(new SharedArrayBuffer(8));
  const memory = new SharedArrayBuffer(KIN_BYTES);
  const kin = createKin(memory);
  const task: WatcherTask = {
    programs,
    all,
    wake,
    root: root === '/' ? '' : root,
    wanted,
    flags,
    kin: memory,
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
    want(next) {
      const text = JSON.stringify(next);
      if (text === last) return;
      last = text;
      worker.postMessage(next);
      Atomics.add(flags, Flag.Asked, 1);
      writeSync(wake, ONE);
    },
    know(pids) {
      for (const pid of pids) kin.add(pid);
    },
    async close() {
      worker.off('message', told);
      Atomics.store(flags, Flag.Stop, 1);
      writeSync(wake, ONE);
      await ended;
      close();
    },
  };
}

const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;
const ONE = new Uint8Array(BigUint64Array.of(1n).buffer);

function openWake({ libc }: Native): number {
  const fd = libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) throw systemError('eventfd', libc.errno());
  return fd;
}
