// Forks, execs and exits of the machine as they happen, from the thread that waits for them.

import { Worker } from 'node:worker_threads';
import { openConnector } from './connector.ts';
import type { Native } from './index.ts';
import { Cell, Want, type WatchedBatch, type WatcherTask } from './watcher.ts';

export type { ProcessEvent, WatchedBatch } from './watcher.ts';

export interface ProcessEvents {
  /** What is to be read of a program when it begins, besides its name and its file. */
  want(wants: { readonly cmdline: boolean; readonly uid: boolean; readonly cgroup: boolean }): void;
  /** Resolves when the thread has ended. */
  close(): Promise<void>;
}

/** Throws what keeps the kernel from telling. `failed` when the thread ends before `close()`. */
export function watchProcesses(
  native: Native,
  root: string,
  told: (batch: WatchedBatch) => void,
  failed: (error: Error) => void,
): ProcessEvents {
  const fd = openConnector(native);
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const task: WatcherTask = { fd, root: root === '/' ? '' : root, shared };
  const file = import.meta.url.endsWith('.ts') ? './watcher.ts' : './watcher.js';
  const worker = new Worker(new URL(file, import.meta.url), {
    workerData: task,
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
  });
  const ended = new Promise<void>(resolve => worker.once('exit', () => resolve()));
  worker.on('message', told);
  worker.on('error', error => failed(error as Error));
  return {
    want({ cmdline, uid, cgroup }) {
      const wants = (cmdline ? Want.Cmdline : 0) | (uid ? Want.Uid : 0) | (cgroup ? Want.Cgroup : 0);
      Atomics.store(shared, Cell.Wants, wants);
    },
    async close() {
      worker.off('message', told);
      Atomics.store(shared, Cell.Stop, 1);
      await ended;
      native.close(fd);
    },
  };
}
