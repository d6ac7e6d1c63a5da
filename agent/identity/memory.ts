// What of the daemons outlives the agent besides their certificates: their voices, who is expected down, and who ran.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { hasEnded, parseStat } from '../core/procstat.ts';
import { bootId } from '../native/boot.ts';
import { createRolls, type Rolls } from './rolls.ts';
import { createSilence, type Silence } from './silence.ts';
import { createWishes, type Wishes } from './wishes.ts';

export interface Memory {
  readonly voices: Silence;
  readonly wishes: Wishes;
  readonly rolls: Rolls;
  /** Those that the agent before had found, and that have ended since, by name. */
  readonly formerly: Readonly<Record<string, unknown>>;
  /** Resolves when all of it is written. */
  save(): Promise<void>;
}

export function remember(
  { state_dir, host_root }: { readonly state_dir: string; readonly host_root: string },
  log: Pick<Log, 'warn'>,
  elapsed: () => number,
): Memory {
  const voices = createSilence(state_dir, log, elapsed);
  const rolls = createRolls(state_dir, bootId(host_root), log, elapsed);
  return {
    voices,
    wishes: createWishes(state_dir, log),
    rolls,
    formerly: rolls.formerly(({ pid, startTicks }) => {
      const bytes = attempt(() => readFileSync(join(host_root, 'proc', String(pid), 'stat')));
      const stat = bytes && parseStat(bytes, bytes.length);
      return stat?.startTicks === startTicks && !hasEnded(stat);
    }),
    save() {
      voices.save();
      return rolls.flush();
    },
  };
}
