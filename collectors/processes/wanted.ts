// What the kernel's events must be about to concern the declared daemons. Pure but for the links it is told to resolve.

import type { DaemonSpec, MatchSpec } from '../../agent/core/daemon.ts';
import { commOf } from '../../agent/core/procstat.ts';
import type { Wanted } from '../../agent/native/process-events.ts';

/** `resolve` gives where a path leads to, undefined where to nothing. */
export function wantedOf(
  declared: readonly Pick<DaemonSpec, 'match'>[],
  resolve: (path: string) => string | undefined,
): Wanted {
  const matches = declared.map(({ match }) => match);
  const asks = (...keys: (keyof MatchSpec)[]) =>
    matches.some(match => keys.some(key => match[key] !== undefined));
  const exes = new Set<string>();
  const comms = new Set<string>();
  const cgroups = new Set<string>();
  let all = false;
  for (const { exe, comm, systemd_unit, cgroup, container } of matches) {
    // All keys must hold, so one is enough.
    const group = systemd_unit ?? cgroup?.replace(/\/$/, '') ?? container;
    if (exe !== undefined) for (const path of [exe, resolve(exe)]) path !== undefined && exes.add(path);
    else if (comm !== undefined) comms.add(commOf(comm));
    else if (group) cgroups.add(group);
    else all = true;
  }
  return {
    all,
    exes: [...exes],
    comms: [...comms],
    cgroups: [...cgroups],
    cmdline: asks('cmdline'),
    uid: asks('user'),
    cgroup: asks('systemd_unit', 'cgroup', 'container'),
  };
}
