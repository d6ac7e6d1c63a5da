// The standard streams of an agent without a terminal: one file that is opened again when it was rotated.

import { closeSync, openSync } from 'node:fs';
import { causeOf, SetupError } from '../core/errors.ts';
import { loadNative } from '../native/index.ts';

/** Turns stdout and stderr to the end of `file`; returns what does it again. Throws SetupError. */
export function redirectOutput(file: string): () => void {
  let unavailable = '';
  const libc = loadNative(cause => {
    unavailable = cause;
  })?.libc;
  const redirect = () => {
    try {
      if (!libc) throw new Error(unavailable);
      const fd = openSync(file, 'a', 0o640);
      for (const stream of [1, 2])
        if (libc.dup2(fd, stream) < 0) throw new Error(`dup2 failed with ${libc.errno()}`);
      closeSync(fd);
    } catch (error) {
      throw new SetupError(`cannot write log "${file}": ${causeOf(error)}`, { cause: error });
    }
  };
  redirect();
  return redirect;
}
