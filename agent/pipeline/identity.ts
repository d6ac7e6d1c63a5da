// What the resource of a daemon's records says of it beyond its name. Pure.

import type { DaemonSpec } from '../core/daemon.ts';
import type { Origin } from '../core/record.ts';

/** Its instance, which is the name of its host as in its metrics; its unit, where that is declared; its labels. */
export function identityOf(spec: DaemonSpec | undefined, host: string | undefined): Origin['attributes'] {
  if (spec === undefined) return [];
  const { match, labels = {} } = spec;
  return [
    ...(host === undefined ? [] : [['service.instance.id', host] as const]),
    ...(match.systemd_unit === undefined ? [] : [['systemd.unit.name', match.systemd_unit] as const]),
    ...Object.entries(labels),
  ];
}
