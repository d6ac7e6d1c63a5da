// What open file descriptors and mappings tell: whether a file is a log, by which glob to follow it, and by which
// endpoints others reach a process. Pure.

const ACCESS_MODE = 0o3;
const WRITE_ONLY = 0o1;
const APPEND = 0o2000;

/** The flags of open(2) in /proc/PID/fdinfo/FD; 0 when there are none. Source: proc_pid_fdinfo(5). */
export const parseFlags = (fdinfo: string): number =>
  Number.parseInt(/^flags:\s*([0-7]+)$/m.exec(fdinfo)?.[1] ?? '0', 8);

/** Binary records of logins: utmp(5), lastlog(8). */
const RECORDS = /\/([wb]tmp|lastlog|faillog)$/;

/** Written and never read: below /var/log any such file, elsewhere `*.log` that is only appended to. */
export function isLogPath(path: string, flags: number): boolean {
  if ((flags & ACCESS_MODE) !== WRITE_ONLY || path.endsWith(' (deleted)') || RECORDS.test(path)) return false;
  return path.startsWith('/var/log/') || (path.endsWith('.log') && (flags & APPEND) !== 0);
}

/** A glob for a log file: tomorrow's file as well where the name holds a date, and nothing of it a wildcard else. */
export const globOf = (path: string): string =>
  path
    // supervisord gives a program's log another name at each start.
    .replace(/(-std(?:out|err)---.+-)\w{8}\.log$/, '$1????????.log')
    .replace(/[[\]{}*\\]/g, '?')
    .replace(/(?<![\d])(19|20)\d\d[-_.]?[01]\d[-_.]?[0-3]\d(?!\d{3})[^/]*?(?=\.log$|$)/, '*');

/** Paths of bound Unix sockets by what /proc/PID/fd calls them. Source: proc_net_unix in proc_pid_net(5). */
export function parseUnix(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, inode, path] of text.matchAll(/^[0-9a-f]+: \S+ \S+ \S+ \S+ \S+ +(\d+) (.+)$/gm))
    found.set(`socket:[${inode}]`, path!);
  return found;
}

/** Shared memory in /proc/PID/maps: `/dev/shm/name`, and `key 0x…` of System V. Private mappings are none. */
export function parseSegments(maps: string): Set<string> {
  const found = new Set<string>();
  for (const [, path] of maps.matchAll(/^\S+ ...s \S+ \S+ \d+\s+(\/.+)$/gm)) {
    const name = path!.replace(/ \(deleted\)$/, '');
    if (name.startsWith('/dev/shm/')) found.add(name);
    else if (/^\/SYSV[0-9a-f]{8}$/.test(name)) found.add(`key 0x${name.slice(5)}`);
  }
  return found;
}

/**
 * System V message queues by the processes that last sent to them or received from them: `key 0x…`, or `id N` of one
 * without a key. Source: /proc/sysvipc/msg in sysvipc(7).
 */
export function parseQueues(text: string): Map<number, string[]> {
  const found = new Map<number, string[]>();
  for (const line of text.split('\n').slice(1)) {
    const [key, id, , , , sender, receiver] = line.trim().split(/\s+/).map(Number);
    if (key === undefined || id === undefined || Number.isNaN(key)) continue;
    const name = key === 0 ? `id ${id}` : `key 0x${(key >>> 0).toString(16).padStart(8, '0')}`;
    for (const pid of new Set([sender, receiver]))
      if (pid !== undefined && pid > 0) found.set(pid, [...(found.get(pid) ?? []), name]);
  }
  return found;
}
