// Figures of one daemon added up over its processes. Pure. A figure that one process does not give is not known at all.

import type { SampleSink } from '../../agent/core/meter.ts';
import { type Stat, TICKS_PER_SECOND } from '../../agent/core/procstat.ts';
import * as descs from './descs.ts';
import type { Figures } from './sample.ts';
import * as tally from './tally.ts';

export interface Sums {
  threads: number;
  openFds: number;
  maxFds: number;
  resident: number;
  virtual: number;
  swap: number;
  anonymous: number;
  ioDenied: boolean;
}

/** Open files of a process as a share of its soft limit; NaN when either is unknown. */
export const fdShare = ({ openFds, details }: Figures): number => openFds / details.setting.fdLimit;

/** Of running processes. Whatever is added to NaN stays unknown. */
export function sumOf(
  processes: readonly { readonly stat: Pick<Stat, 'threads'>; readonly figures: Figures }[],
): Sums {
  const sums: Sums = {
    threads: 0,
    openFds: 0,
    maxFds: 0,
    resident: 0,
    virtual: 0,
    swap: 0,
    anonymous: 0,
    ioDenied: false,
  };
  for (const { stat, figures } of processes) {
    const { memory, openFds, details, ioDenied } = figures;
    sums.threads += stat.threads;
    sums.openFds += openFds;
    sums.maxFds = Math.max(sums.maxFds, fdShare(figures));
    sums.resident += memory.resident;
    sums.virtual += memory.virtual;
    sums.swap += details.swap;
    sums.anonymous += memory.anonymous;
    sums.ioDenied ||= ioDenied;
  }
  return sums;
}

/** Of no process nothing is used; what of a process is not known is absent. */
export function writeSums(out: SampleSink, daemon: string, sums: Sums, totals: Readonly<Float64Array>): void {
  for (const [desc, value] of [
    [descs.THREADS, sums.threads],
    [descs.OPEN_FDS, sums.openFds],
    [descs.MAX_FDS, sums.maxFds],
    [descs.RESIDENT, sums.resident],
    [descs.VIRTUAL, sums.virtual],
    [descs.SWAP, sums.swap],
    [descs.ANONYMOUS, sums.anonymous],
  ] as const)
    if (!Number.isNaN(value)) out.set(desc, value, daemon);
  out.set(descs.CPU, totals[tally.USER]! / TICKS_PER_SECOND, daemon, 'user');
  out.set(descs.CPU, totals[tally.SYSTEM]! / TICKS_PER_SECOND, daemon, 'system');
  out.set(descs.PAGE_FAULTS, totals[tally.MINOR_FAULTS]!, daemon, 'minor');
  out.set(descs.PAGE_FAULTS, totals[tally.MAJOR_FAULTS]!, daemon, 'major');
  out.set(descs.CONTEXT_SWITCHES, totals[tally.VOLUNTARY]!, daemon, 'voluntary');
  out.set(descs.CONTEXT_SWITCHES, totals[tally.INVOLUNTARY]!, daemon, 'involuntary');
  if (sums.ioDenied) return;
  out.set(descs.IO_READ, totals[tally.READ]!, daemon);
  out.set(descs.IO_WRITTEN, totals[tally.WRITTEN]!, daemon);
}
