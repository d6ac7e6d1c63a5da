// Figures of one daemon added up over its processes. Pure. A figure that one process does not give is not known at all.

import type { SampleSink } from '../../agent/core/meter.ts';
import { type Stat, TICKS_PER_SECOND } from '../../agent/core/procstat.ts';
import * as descs from './descs.ts';
import type { Figures } from './sample.ts';
import * as tally from './tally.ts';

/** What a process, or all of a daemon together, has now, by place; NaN where it is not known. */
export type Weights = Float64Array;

/** Places: sums over the processes, the largest share of a limit of open files, and 1 where I/O is denied. */
const THREADS = 0;
const OPEN_FDS = 1;
const RESIDENT = 2;
const VIRTUAL = 3;
const SWAP = 4;
const ANONYMOUS = 5;
const MAX_FDS = 6;
const IO_DENIED = 7;
const PLACES = 8;

const FAMILIES = [
  [THREADS, descs.THREADS],
  [OPEN_FDS, descs.OPEN_FDS],
  [MAX_FDS, descs.MAX_FDS],
  [RESIDENT, descs.RESIDENT],
  [VIRTUAL, descs.VIRTUAL],
  [SWAP, descs.SWAP],
  [ANONYMOUS, descs.ANONYMOUS],
] as const;

export const createWeights = (): Weights => new Float64Array(PLACES);

/** Open files of a process as a share of its soft limit; NaN when either is unknown. */
export const fdShare = ({ openFds, details }: Figures): number => openFds / details.setting.fdLimit;

/** Weighs a process; whether something is not what it was. */
export function weigh(weights: Weights, { threads }: Pick<Stat, 'threads'>, figures: Figures): boolean {
  const { memory, openFds, details, ioDenied } = figures;
  let moved = put(weights, THREADS, threads);
  moved = put(weights, OPEN_FDS, openFds) || moved;
  moved = put(weights, RESIDENT, memory.resident) || moved;
  moved = put(weights, VIRTUAL, memory.virtual) || moved;
  moved = put(weights, SWAP, details.swap) || moved;
  moved = put(weights, ANONYMOUS, memory.anonymous) || moved;
  moved = put(weights, MAX_FDS, fdShare(figures)) || moved;
  return put(weights, IO_DENIED, ioDenied ? 1 : 0) || moved;
}

function put(weights: Weights, at: number, value: number): boolean {
  if (Object.is(weights[at], value)) return false;
  weights[at] = value;
  return true;
}

/** Of running processes. Whatever is added to NaN stays unknown. */
export function sumOf(processes: readonly Weights[]): Weights {
  const sums = createWeights();
  for (const weights of processes) {
    for (let i = THREADS; i < MAX_FDS; i++) sums[i]! += weights[i]!;
    sums[MAX_FDS] = Math.max(sums[MAX_FDS]!, weights[MAX_FDS]!);
    sums[IO_DENIED] = Math.max(sums[IO_DENIED]!, weights[IO_DENIED]!);
  }
  return sums;
}

/** Of no process nothing is used; what of a process is not known is absent. */
export function writeSums(
  out: SampleSink,
  daemon: string,
  sums: Weights,
  totals: Readonly<Float64Array>,
): void {
  for (const [place, desc] of FAMILIES) if (!Number.isNaN(sums[place])) out.set(desc, sums[place]!, daemon);
  out.set(descs.CPU, totals[tally.USER]! / TICKS_PER_SECOND, daemon, 'user');
  out.set(descs.CPU, totals[tally.SYSTEM]! / TICKS_PER_SECOND, daemon, 'system');
  out.set(descs.PAGE_FAULTS, totals[tally.MINOR_FAULTS]!, daemon, 'minor');
  out.set(descs.PAGE_FAULTS, totals[tally.MAJOR_FAULTS]!, daemon, 'major');
  out.set(descs.CONTEXT_SWITCHES, totals[tally.VOLUNTARY]!, daemon, 'voluntary');
  out.set(descs.CONTEXT_SWITCHES, totals[tally.INVOLUNTARY]!, daemon, 'involuntary');
  if (sums[IO_DENIED]) return;
  out.set(descs.IO_READ, totals[tally.READ]!, daemon);
  out.set(descs.IO_WRITTEN, totals[tally.WRITTEN]!, daemon);
}
