// Which boot of the machine this is, and when it began, for the start ticks of processes. `btime` of /proc/stat is up to a second early; the uptime tells
// it to a hundredth, and in the clock of the start ticks in every time namespace. Where the two contradict each other the
// uptime is that of something else, such as a container, and `btime` it is. Sources: proc_uptime(5), proc_stat(5), random(4).

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../core/errors.ts';

/** More than reading late explains: somebody has set the clock. */
const STEP_MS = 250;
/** Being interrupted between the clocks makes it later, never earlier: the earliest of these is the best. */
const LOOKS = 5;
const CONTRADICTION_MS = 2000;

/**
 * Unix ms; the same each time until the clock is set, so that no start time ever trembles. Looks again where `now` has
 * moved otherwise than `elapsed`, which does not go on while the machine sleeps. Throws where /proc does not tell.
 */
export function createBoot(
  root: string,
  now: () => number,
  elapsed: () => number = () => performance.now(),
): () => number {
  let boot = Number.NaN;
  let epoch = Number.NaN;
  const look = (): number => now() - seconds(join(root, 'proc/uptime'), /^(\d+(?:\.\d+)?)\s/) * 1000;
  const near = (other: number) => Math.abs(other - boot) <= STEP_MS;
  const find = () => {
    if (near(look())) return boot;
    const earliest = Math.min(...Array.from({ length: LOOKS }, look));
    if (near(earliest)) return boot;
    const told = seconds(join(root, 'proc/stat'), /^btime (\d+)$/m) * 1000;
    if (Number.isNaN(told) && Number.isNaN(earliest))
      throw new Error('cannot read when the machine began: neither /proc/uptime nor /proc/stat tells');
    return Number.isNaN(told) || Math.abs(earliest - told) <= CONTRADICTION_MS ? earliest : told;
  };
  return () => {
    const began = now() - elapsed();
    if (Math.abs(began - epoch) <= STEP_MS) return boot;
    boot = find();
    epoch = began;
    return boot;
  };
}

/** NaN when the file is not there, or says something else. */
const seconds = (path: string, pattern: RegExp): number =>
  Number(attempt(() => pattern.exec(readFileSync(path, 'latin1'))?.[1]) ?? Number.NaN);

/** Another one with each boot; empty where /proc does not tell. */
export const bootId = (root: string): string =>
  attempt(() => readFileSync(join(root, 'proc/sys/kernel/random/boot_id'), 'utf8').trim()) ?? '';
