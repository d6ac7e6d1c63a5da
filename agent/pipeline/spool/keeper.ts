// When the spool is forced to disk: behind every batch, every so often, or whenever the system pleases.

import type { Spool } from './contract.ts';

/** ms between two runs; 0 is behind every batch. */
export type FsyncPolicy = number | 'off';

const SHORTEST_MS = 50;
/** Cursors are saved, and a disk that refused is tried again, at least this often. */
const LONGEST_MS = 1000;

export interface Keeper {
  /** A batch was stored. */
  stored(): void;
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
  const isEach = policy === 0;
  const everyMs = policy === 'off' || isEach ? LONGEST_MS : Math.max(SHORTEST_MS, policy);
  let timer: NodeJS.Timeout | undefined;
  let isRunning = false;
  let isBehind = false;
  let stopped = false;

  const run = async () => {
    clearTimeout(timer);
    isRunning = true;
    isBehind = false;
    const safe = await spool.sync();
    isRunning = false;
    if (stopped) return;
    clearTimeout(timer);
    timer = setTimeout(run, isBehind ? 0 : everyMs);
    done(safe);
  };
  timer = setTimeout(run, everyMs);

  return {
    stored() {
      if (!isEach || isBehind) return;
      isBehind = true;
      if (isRunning) return;
      clearTimeout(timer);
      timer = setTimeout(run, 0);
    },
    run,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
