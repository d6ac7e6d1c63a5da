// What a pidfile says. Pure.

/** What is larger is none. */
export const MAX_PIDFILE = 4096;

/** The pid a pidfile names in its first line; what follows it there or below is no part of it. */
export function parsePidfile(text: string): number | undefined {
  const pid = /^\s*(\d{1,10})(?:\s|$)/.exec(text)?.[1];
  return pid === undefined || Number(pid) === 0 ? undefined : Number(pid);
}
