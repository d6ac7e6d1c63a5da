// The two directories the agent lives in.

import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { causeOf, codeOf, SetupError } from '../core/errors.ts';

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
      makeDirectory(path, mode);
    } catch (error) {
      throw new SetupError(
        `cannot create agent.${key} "${path}": ${causeOf(error)}; set agent.${key} to a directory the agent may write`,
        { cause: error },
      );
    }
  }
}

/**
 * With its parents. Node's own `recursive` tries for ever where mkdir(2) answers ENOENT although the parent is there,
 * as below /proc.
 */
export function makeDirectory(path: string, mode: number): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    const parent = dirname(path);
    if (codeOf(error) !== 'ENOENT' || parent === path || statSync(parent, { throwIfNoEntry: false }))
      throw error;
    makeDirectory(parent, mode);
    mkdirSync(path, { mode });
  }
}
