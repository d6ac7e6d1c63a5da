// Private directories of rooms: made where the disk lets them be, no reason not to start where it takes nothing more.

import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { takesNothing } from '../core/errors.ts';

/** With its parents; returns the error of a disk that is full or read-only. Throws what else is wrong. */
export function makePrivate(dir: string): unknown {
  try {
    const parent = dirname(dir);
    if (!existsSync(parent)) mkdirSync(parent, { recursive: true, mode: 0o700 });
    // Made with its parents, it would be said to be missing where the disk is read-only.
    if (!existsSync(dir)) mkdirSync(dir, { mode: 0o700 });
    return undefined;
  } catch (error) {
    if (takesNothing(error)) return error;
    throw error;
  }
}
