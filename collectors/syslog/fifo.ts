// Named pipes: made when there is none, and open for writing too, so that the end never comes when a writer leaves.

import { chmodSync, chownSync, closeSync, constants, lstatSync, openSync, readSync } from 'node:fs';
import { codeOf } from '../../agent/core/errors.ts';
import type { Native } from '../../agent/native/index.ts';

/** Reads of what is left at the end, for writers that do not stop. */
const LAST_READS = 64;

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

/** What is left in a pipe, in portions; closes it. */
export function* drainFifo(fd: number): Generator<Uint8Array> {
  try {
    for (let reads = 0; reads < LAST_READS; reads++) {
      const portion = new Uint8Array(64 * 1024);
      const length = readSync(fd, portion);
      if (length === 0) return;
      yield portion.subarray(0, length);
    }
  } catch (error) {
    if (codeOf(error) !== 'EAGAIN') throw error;
  } finally {
    closeSync(fd);
  }
}
