// What of the daemons outlives the agent besides their certificates: their voices, and who is expected down.

import type { Log } from '../core/log.ts';
import { createSilence, type Silence } from './silence.ts';
import { createWishes, type Wishes } from './wishes.ts';

export const remember = (
  stateDir: string,
  log: Pick<Log, 'warn'>,
  elapsed: () => number,
): { readonly voices: Silence; readonly wishes: Wishes } => ({
  voices: createSilence(stateDir, log, elapsed),
  wishes: createWishes(stateDir, log),
});
