// What the data worker tells of its figures, once a second or, while they move, twice: families that have changed since,
// which most of the time is none; whoever listens puts the whole together again.

import type { Family, Point } from '../core/metric.ts';

export interface Report {
  /** Whether the families are others, or in another order, than before; then all of them are given. */
  readonly anew: boolean;
  /** With their places. */
  readonly changed: readonly (readonly [place: number, family: Family])[];
  /** Why data does not flow, one line each. */
  readonly faults: readonly string[];
}

interface Told {
  readonly points: readonly Point[];
  readonly values: readonly number[];
}

/** Gives a report as it may be posted; undefined when there is nothing new. */
export function createReporter(): (
  families: Iterable<Family>,
  faults: readonly string[],
) => Report | undefined {
  let told: Told[] = [];
  let names = '';
  let faultsTold: string | undefined;

  return (given, faults) => {
    const families = [...given];
    const namesNow = families.map(({ desc }) => desc.name).join('\n');
    const anew = namesNow !== names;
    if (anew) told = [];
    names = namesNow;
    const changed: [number, Family][] = [];
    for (const [place, { desc, points }] of families.entries()) {
      const now = [...points];
      if (isSame(told[place], now)) continue;
      told[place] = { points: now, values: now.map(figureOf) };
      changed.push([place, { desc, points: now.map(copy) }]);
    }
    const faultsNow = faults.join('\n');
    if (!anew && changed.length === 0 && faultsNow === faultsTold) return undefined;
    faultsTold = faultsNow;
    return { anew, changed, faults };
  };
}

/** The families as of the last report. */
export function createReports(): { take(report: Report): void; readonly families: readonly Family[] } {
  let families: Family[] = [];
  return {
    take({ anew, changed }) {
      families = anew ? [] : [...families];
      for (const [place, family] of changed) families[place] = family;
    },
    get families() {
      return families;
    },
  };
}

/** A histogram has changed when its last bucket has. */
const figureOf = ({ value, histogram }: Point): number => histogram?.counts.at(-1) ?? value;

function isSame(before: Told | undefined, now: readonly Point[]): boolean {
  if (before?.points.length !== now.length) return false;
  for (const [i, point] of now.entries())
    if (point !== before.points[i] || !Object.is(figureOf(point), before.values[i])) return false;
  return true;
}

const copy = ({ labels, value, histogram, created }: Point): Point => ({
  labels,
  value,
  ...(histogram && { histogram }),
  created,
});
