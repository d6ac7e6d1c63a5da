import { type Family, prometheusName } from '../agent/core/metric.ts';

/** The value of one series by its Prometheus name and labels; undefined when there is none. */
export function figure(
  from: { families(): Iterable<Family> },
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  for (const { desc, points } of from.families()) {
    if (prometheusName(desc) + (desc.type === 'counter' ? '_total' : '') !== name) continue;
    for (const point of points)
      if ((desc.labels ?? []).every((label, i) => point.labels[i] === labels[label])) return point.value;
  }
  return undefined;
}
