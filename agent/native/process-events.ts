// Forks, execs and exits of the machine as they happen, from the thread that waits for them.

import { Worker } from 'node:worker_threads';
import { openConnector } from './connector.ts';
import type { Native } from './index.ts';
import type { Wants, WatchedBatch, WatcherTask } from './watcher.ts';

export type { ProcessEvent, WatchedBatch } from './watcher.ts';

export interface ProcessEvents {
  /** Resolves when the thread has ended. */
  close(): Promise<void>;
}

/** Throws what keeps the kernel from telling. `failed` when the thread ends before `close()`. */
export function watchProcesses(
  native: Native,
  root: string,
  wants: Wants,
  told: (batch: WatchedBatch) => void,
  failed: (error: Error) => void,
): ProcessEvents {
  const fd = openConnector(native);
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const task: WatcherTask = { fd, root: root === '/' ? '' : root, wants, stop };
  const file = import.meta.url.endsWith('.ts') ? './watcher.ts' : './watcher.js';
  const worker = new Worker(new URL(file, import.meta.url), {
    workerData: task,
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
  });
  const ended = new Promise<void>(resolve => worker.once('exit', () => resolve()));
  worker.on('message', told);
  worker.on('error', error => failed(error as Error));
  return {
    async close() {
      worker.off('message', told);
      Atomics.store(stop, 0, 1);
      await ended;
      native.close(fd);
    },
  };
}
