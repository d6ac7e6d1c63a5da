// What a reload cannot change.

import { SetupError } from '../core/errors.ts';
import type { Config } from './load.ts';

/** Throws SetupError where `to` differs from the configuration that runs in something that is decided at the start. */
export function refuseChanges(
  from: Pick<Config, 'agent' | 'spool'>,
  to: Pick<Config, 'agent' | 'spool'>,
): void {
  // Where its data lives cannot change under a running agent, nor can it become another user again.
  for (const key of ['state_dir', 'run_dir', 'host_root', 'user'] as const)
    if (to.agent[key] !== from.agent[key])
      throw new SetupError(
        `cannot change agent.${key} from "${from.agent[key] ?? ''}" to "${to.agent[key] ?? ''}" in a reload: restart the agent`,
      );
  for (const key of ['min_free', 'fsync', 'dead_letter'] as const)
    if (to.spool[key] !== from.spool[key])
      throw new SetupError(`cannot change spool.${key} in a reload: restart the agent`);
}
