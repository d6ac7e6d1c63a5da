// The two directories the agent lives in.

import { mkdirSync } from 'node:fs';
import { causeOf, SetupError } from '../core/errors.ts';

/** Throws SetupError that names the directory, the cause and the fix. */
export function makeDirectories({
  state_dir,
  run_dir,
}: {
  readonly state_dir: string;
  readonly run_dir: string;
}): void {
  for (const [key, path, mode] of [
    ['state_dir', state_dir, 0o700],
    ['run_dir', run_dir, 0o755],
  ] as const) {
    try {
      mkdirSync(path, { recursive: true, mode });
    } catch (error) {
      throw new SetupError(
        `cannot create agent.${key} "${path}": ${causeOf(error)}; set agent.${key} to a directory the agent may write`,
        { cause: error },
      );
    }
  }
}
