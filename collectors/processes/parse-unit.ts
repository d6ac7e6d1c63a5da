// What systemd says of a unit. Pure. Source: systemctl(1), org.freedesktop.systemd1(5).

import type { ManagerWord } from '../../agent/core/daemon.ts';

export const UNIT_PROPERTIES = 'LoadState,ActiveState,SubState,Result,ExecMainStatus,NRestarts';

/** Of the output of `systemctl show`; undefined for a unit it does not know. */
export function parseUnit(text: string): ManagerWord | undefined {
  const found = new Map(Array.from(text.matchAll(/^(\w+)=(.*)$/gm), ([, key, value]) => [key!, value!]));
  const active = found.get('ActiveState');
  const load = found.get('LoadState');
  if (active === undefined || active === '' || load === 'not-found') return undefined;
  const result = found.get('Result') || undefined;
  const restarts = Number(found.get('NRestarts') ?? 0);
  const says = [
    `${active} (${found.get('SubState') ?? ''})`,
    ...(result && result !== 'success' ? [`result ${result}`] : []),
    ...(restarts > 0 ? [`restarted ${restarts} times`] : []),
  ].join(', ');
  return {
    by: 'systemd',
    // A unit that has failed is `failed`; one that was stopped, or was never wanted, is `inactive`.
    stopped: active === 'inactive' && (result === undefined || result === 'success'),
    says,
    ...(result && { result }),
  };
}

/** The service a process runs in, by the text of its /proc/PID/cgroup. */
export const serviceIn = (cgroup: string): string | undefined =>
  /\/([^/\n]+\.service)(?:\/|$)/m.exec(cgroup)?.[1];
