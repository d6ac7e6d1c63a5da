// What the files of control groups say, of version 1 and 2. Pure. Sources: Documentation/admin-guide/cgroup-v1 and
// cgroup-v2.rst of the kernel, cgroups(7), proc_pid_mounts(5).

/** Where hierarchies are mounted: by controller, and under `` the unified one of version 2. */
export function parseGroupMounts(mounts: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of mounts.split('\n')) {
    const [, point = '', type, options = ''] = line.split(' ');
    if (type === 'cgroup2' && !found.has('')) found.set('', point);
    if (type === 'cgroup')
      for (const controller of options.split(','))
        if (CONTROLLERS.has(controller) && !found.has(controller)) found.set(controller, point);
  }
  return found;
}

const CONTROLLERS = new Set(['cpu', 'memory', 'pids']);

/** Paths in /proc/PID/cgroup, by controller; under `` that of version 2. Broken lines are passed over. */
export function parseGroupPaths(text: string): Map<string, string> {
  const paths = new Map<string, string>();
  for (const [, id, controllers, path] of text.matchAll(/^(\d+):([^:\n]*):(\/.*)$/gm))
    for (const controller of id === '0' ? [''] : controllers!.split(',')) paths.set(controller, path!);
  return paths;
}

/** `name number` lines. */
export function parseKeyed(text: string): Map<string, number> {
  return new Map(Array.from(text.matchAll(/^(\w+) (\d+)$/gm), ([, name, value]) => [name!, Number(value)]));
}

/** Version 1 without a limit: the largest multiple of a page below 2^63. */
const UNLIMITED = 2 ** 62;

/** A number; undefined for no limit, no file and nonsense. */
export function parseAmount(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d+\s*$/.test(text)) return undefined;
  const amount = Number(text);
  return amount >= UNLIMITED ? undefined : amount;
}

/** Cores: `max 100000` or `50000 100000` of version 2, quota and period of version 1; undefined without a limit. */
export function parseCpuLimit(text: string): number | undefined {
  const [quota, period] = text.trim().split(/\s+/).map(Number);
  return quota! > 0 && period! > 0 ? quota! / period! : undefined;
}

/** Seconds in which some or all tasks waited. Source: Documentation/accounting/psi.rst. */
export function parsePressure(text: string): [kind: string, seconds: number][] {
  return Array.from(text.matchAll(/^(some|full) .*\btotal=(\d+)$/gm), ([, kind, total]) => [
    kind!,
    Number(total) / 1e6,
  ]);
}
