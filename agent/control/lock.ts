// One agent a state directory: two of them would deliver the same records and move each other's cursors. The kernel
// gives the lock back however the agent ends; without native functions a pid and its start time stand for it.

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { causeOf, SetupError, takesNothing } from '../core/errors.ts';
import { lives, startOf } from './life.ts';

const LOCK_EXCLUSIVE_NOW = 2 | 4;

export interface Lock {
  release(): void;
}

/** Throws SetupError that names the directory, who holds it, and what to do; `warn` hears why it is not locked after all. */
export function lockDirectory(
  dir: string,
  flock: ((fd: number, operation: number) => number) | undefined,
  warn: (message: string) => void,
  procRoot = '/proc',
): Lock {
  const path = join(dir, 'lock');
  let fd: number;
  try {
    fd = openSync(path, 'a+', 0o600);
  } catch (error) {
    if (takesNothing(error)) {
      warn(`cannot lock agent.state_dir "${dir}": ${causeOf(error)}; going on without the lock`);
      return { release() {} };
    }
    throw new SetupError(
      `cannot lock agent.state_dir "${dir}": ${causeOf(error)}; set agent.state_dir to a directory the agent may write`,
      { cause: error },
    );
  }
  const holder = readFileSync(path, 'utf8').trim();
  const isHeld = flock ? flock(fd, LOCK_EXCLUSIVE_NOW) < 0 : isThere(holder, procRoot);
  if (isHeld) {
    closeSync(fd);
    const by = holder === '' ? '' : ` (pid ${holder.split(' ')[0]})`;
    throw new SetupError(
      `cannot lock agent.state_dir "${dir}": in use by another eudaemon${by}; stop that one, or give this one an agent.state_dir of its own`,
    );
  }
  try {
    ftruncateSync(fd, 0);
    writeSync(fd, `${process.pid} ${startOf(process.pid, procRoot)}\n`);
  } catch (error) {
    if (!takesNothing(error)) throw error;
    warn(`cannot write lock "${path}": ${causeOf(error)}; make room on its disk`);
  }
  return { release: () => closeSync(fd) };
}

/** Whether the process that left this is still there, and not another one of its pid. */
function isThere(holder: string, procRoot: string): boolean {
  const [pid = '', start = ''] = holder.split(' ');
  return /^\d+$/.test(pid) && Number(pid) !== process.pid && lives(Number(pid), start, procRoot);
}
