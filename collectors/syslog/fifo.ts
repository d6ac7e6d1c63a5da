// Named pipes: made when there is none, and open for writing too, so that the end never comes when a writer leaves.

import { chmodSync, chownSync, constants, lstatSync, openSync } from 'node:fs';
import type { Native } from '../../agent/native/index.ts';

/** Opens the pipe at a path; one that is made gets the mode and the owner. Throws. */
export function openFifo(
  native: Native,
  path: string,
  mode: number,
  [uid, gid]: readonly [uid: number, gid: number],
): number {
  if (!lstatSync(path, { throwIfNoEntry: false })) {
    native.makeFifo(path, 0o600);
    chownSync(path, uid, gid);
    chmodSync(path, mode);
  }
  if (!lstatSync(path).isFIFO()) throw new Error('there is a file that is no named pipe');
  const { O_RDWR, O_NONBLOCK, O_NOFOLLOW } = constants;
  return openSync(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW);
}
