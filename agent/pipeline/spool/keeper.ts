// When the spool is forced to disk: behind every batch, every so often, or whenever the system pleases.

import type { Spool } from './contract.ts';

/** ms between two runs; 0 is behind every batch. */
export type FsyncPolicy = number | 'off';

const SHORTEST_MS = 50;
/** Where the system decides, cursors are saved this often. */
const OFF_MS = 1000;

export interface Keeper {
  /** A batch was stored. */
  stored(): void;
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
    if (isBehind) timer = setTimeout(run, everyMs);
    done(safe);
  };

  return {
    stored() {
      if (isBehind) return;
      isBehind = true;
      if (isRunning) return;
      // The first after a rest does not wait: even a short life gets on.
      clearTimeout(timer);
      timer = setTimeout(run, Math.max(0, ranAt + everyMs - performance.now()));
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
