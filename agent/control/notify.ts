// sd_notify(3): tells systemd when the agent is ready, reloading, stopping and alive. Silent without systemd.

export interface Notifier {
  ready(status: string): void;
  reloading(): void;
  stopping(): void;
  /** Keeps the watchdog fed for as long as this thread runs; returns what stops it. */
  watch(): () => void;
}

/** `send` puts one datagram on a Unix socket (path or `@abstract`); systemd's variables come from `env`. */
export function createNotifier(
  env: Readonly<Record<string, string | undefined>>,
  send: (path: string, message: string) => void,
): Notifier {
  const path = env['NOTIFY_SOCKET'];
  const tell = (...lines: string[]) => {
    if (path) send(path, lines.join('\n'));
  };
  return {
    ready: status => tell('READY=1', `STATUS=${status}`),
    // One message with the monotonic time, as Type=notify-reload asks for.
    reloading: () => tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    stopping: () => tell('STOPPING=1'),
    watch() {
      const everyUs = Number(env['WATCHDOG_USEC']);
      const mine = env['WATCHDOG_PID'] === undefined || Number(env['WATCHDOG_PID']) === process.pid;
      if (!path || !mine || !(everyUs > 0)) return () => {};
      const timer = setInterval(() => tell('WATCHDOG=1'), everyUs / 2000);
      return () => clearInterval(timer);
    },
  };
}
