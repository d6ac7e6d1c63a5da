// What an open file descriptor tells about a file: whether it is a log, and by which glob to follow it. Pure.

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
    .replace(/[[\]{}*\\]/g, '?')
    .replace(/(?<![\d])(19|20)\d\d[-_.]?[01]\d[-_.]?[0-3]\d(?!\d{3})[^/]*?(?=\.log$|$)/, '*');
