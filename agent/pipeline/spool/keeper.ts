// When the spool is forced to disk: behind every batch, every so often, or whenever the system pleases.

import type { Spool } from './contract.ts';

/** ms between two runs; 0 is behind every batch. */
export type FsyncPolicy = number | 'off';

const SHORTEST_MS = 50;
/** For what may wait. */
const WAIT_MS = 100;
/** Where the system decides, cursors are saved this often. */
const OFF_MS = 1000;

export interface Keeper {
  /** A batch was stored. One that may wait is given the time in which exporters take it, and need no disk. */
  stored(mayWait: boolean): void;
  /** Once a second: cursors are saved although no batch came, and a disk that refused is tried again. */
  tick(): void;
  /** Forces all there is to disk now. */
  run(): Promise<void>;
  stop(): void;
}

/** `done` hears after each run which sequence number is safe. */
export function keepSafe(
  spool: Pick<Spool, 'sync'>,
  policy: FsyncPolicy,
  done: (safe: number) => void,
): Keeper {
  const everyMs = policy === 'off' ? OFF_MS : policy === 0 ? 0 : Math.max(SHORTEST_MS, policy);
  let timer: NodeJS.Timeout | undefined;
  let isRunning = false;
  let isBehind = false;
  let stopped = false;
  let dueAt = 0;
  /** The last run that had something to force. */
  let ranAt = Number.NEGATIVE_INFINITY;

  const run = async () => {
    clearTimeout(timer);
    const forces = isBehind;
    isRunning = true;
    isBehind = false;
    const safe = await spool.sync();
    isRunning = false;
    if (forces) ranAt = performance.now();
    if (stopped) return;
    clearTimeout(timer);
    if (isBehind) plan(performance.now() + everyMs);
    done(safe);
  };

  const plan = (at: number) => {
    clearTimeout(timer);
    dueAt = at;
    timer = setTimeout(run, Math.max(0, at - performance.now()));
  };

  return {
    stored(mayWait) {
      // The first after a rest does not wait: even a short life gets on.
      const waitMs = mayWait ? Math.min(WAIT_MS, everyMs) : 0;
      const at = Math.max(performance.now() + waitMs, ranAt + everyMs);
      if (isBehind && (isRunning || at >= dueAt)) return;
      isBehind = true;
      if (!isRunning) plan(at);
    },
    tick() {
      if (!stopped && !isRunning && !isBehind) void run();
    },
    run,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
