// When a daemon will have used up what it has: seconds until its trend meets the ceiling. Pure. No trend, no figure.

import type { SampleSink } from '../core/meter.ts';
import type { Desc } from '../core/metric.ts';
import type { Ring } from './ring.ts';
import type { Trend, TrendFinder } from './slope.ts';

const EXHAUSTION: Desc = {
  name: 'eudaemon.daemon.exhaustion',
  type: 'gauge',
  unit: 's',
  help: 'Time until the daemon has used up its file descriptors, memory or disk if it goes on as it does; absent without a trend.',
  labels: ['daemon', 'resource'],
};

export const RESOURCES = ['fds', 'memory', 'disk'] as const;
export type Resource = (typeof RESOURCES)[number];
/** Seconds by resource. */
export type Exhaustion = Readonly<Partial<Record<Resource, number>>>;

/** Minutes of figures say nothing about later. */
const HORIZON_S = 7 * 86_400;

/** A column of what is used, and what there still is of it when so much is used; undefined when nobody knows. */
export interface Ceiling {
  readonly column: number;
  left(used: number): number | undefined;
}

/** The soonest that the last minutes or the last hours promise for any of these ceilings, since `since`. */
export type Foresight = (
  rings: { readonly fine: Ring; readonly coarse: Ring },
  since: number,
  ceilings: readonly Ceiling[],
) => number | undefined;

/** `size`: rows of the longest ring. */
export function createForesight(trendOf: TrendFinder, size: number): Foresight {
  const times = new Float64Array(size);
  const values = new Float64Array(size);

  const trend = (ring: Ring, since: number, column: number): Trend | undefined =>
    trendOf(times, values, ring.read(column, since, times, values));

  /** Who stood as high before these minutes, and came back, only breathes. */
  const isNew = (
    { level, rise }: Trend,
    fine: Ring,
    coarse: Ring,
    since: number,
    column: number,
  ): boolean => {
    const begin = fine.begin(since);
    const count = coarse.read(column, since, times, values);
    for (let i = 0; i < count && times[i]! * 1000 < begin; i++)
      if (values[i]! > level - rise / 2) return false;
    return true;
  };

  return ({ fine, coarse }, since, ceilings) => {
    let soonest = Infinity;
    for (const { column, left } of ceilings) {
      const minutes = trend(fine, since, column);
      const hours = trend(coarse, since, column);
      for (const found of [
        minutes && isNew(minutes, fine, coarse, since, column) ? minutes : undefined,
        hours,
      ]) {
        const room = found && left(found.level);
        if (room !== undefined) soonest = Math.min(soonest, Math.max(0, room / found!.perSecond));
      }
    }
    return soonest <= HORIZON_S ? soonest : undefined;
  };
}

export function writeExhaustion(out: SampleSink, daemon: string, exhaustion: Exhaustion): void {
  for (const resource of RESOURCES) {
    const seconds = exhaustion[resource];
    if (seconds !== undefined) out.set(EXHAUSTION, seconds, daemon, resource);
  }
}
