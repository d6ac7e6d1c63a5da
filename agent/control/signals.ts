// Signals: TERM and INT end the agent, a second one at once; HUP reloads; USR1 reopens output files.

import type { EventEmitter } from 'node:events';

export interface SignalHandlers {
  reload(): void;
  reopen(): void;
}

/** Resolves with the first signal that asks to stop. The handlers stay, so that HUP during the drain kills nobody. */
export function untilSignal(host: EventEmitter, { reload, reopen }: SignalHandlers): Promise<string> {
  host.on('SIGHUP', reload);
  host.on('SIGUSR1', reopen);
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT']) {
      let seen = false;
      host.on(signal, () => {
        // A person who presses ^C twice means it.
        if (seen && signal === 'SIGINT') process.exit(1);
        seen = true;
        resolve(signal);
      });
    }
  });
}
