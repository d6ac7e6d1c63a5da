// Sockets passed by systemd, sd_listen_fds_with_names(3). Pure.

const FIRST = 3;

/** Descriptors passed to this process under a name. Throws when there are none. */
export function passedSockets(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
  name: string,
): number[] {
  const count = env['LISTEN_PID'] === String(pid) ? Number(env['LISTEN_FDS'] ?? 0) : 0;
  const names = (env['LISTEN_FDNAMES'] ?? '').split(':');
  const found = Array.from({ length: count }, (_, i) => i).filter(i => names[i] === name);
  if (found.length === 0)
    throw new Error(
      `systemd passed ${count > 0 ? `only ${names.join(', ')}` : 'no sockets'} to this process`,
    );
  return found.map(i => FIRST + i);
}
