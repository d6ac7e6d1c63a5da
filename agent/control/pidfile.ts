// The pidfile of a background agent: a pid and nothing else, as `kill $(cat FILE)` wants it. The process that has it by
// now counts only when it is called like the agent.

import { linkSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { causeOf, codeOf, SetupError } from '../core/errors.ts';
import { hasEnded } from '../core/procstat.ts';
import { PROGRAM } from '../core/version.ts';
import { makeDirectory } from './directories.ts';
import { lives, look } from './life.ts';

export interface Holder {
  readonly pid: number;
  /** Empty where there is no /proc. */
  readonly start: string;
  readonly alive: boolean;
}

/** Undefined when there is no file. Throws SetupError when it cannot be read or holds no pid. */
export function readPidfile(path: string): Holder | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new SetupError(`cannot read pidfile "${path}": ${causeOf(error)}`, { cause: error });
  }
  const [word = ''] = text.trim().split(/\s/);
  if (!/^[1-9]\d*$/.test(word))
    throw new SetupError(`cannot read pidfile "${path}": it holds no pid; remove it when no agent runs`);
  const pid = Number(word);
  const seen = look(pid);
  // Where there is no /proc its name cannot be told, and is believed.
  if (!seen) return { pid, start: '', alive: lives(pid, '') };
  return { pid, start: String(seen.startTicks), alive: !hasEnded(seen) && seen.comm === PROGRAM };
}

/** Writes it whole or not at all; returns what removes it. Throws SetupError, also while another agent holds it. */
export function claimPidfile(path: string): () => void {
  const draft = `${path}.${process.pid}`;
  try {
    makeDirectory(dirname(path), 0o755);
    writeFileSync(draft, `${process.pid}\n`, { mode: 0o644 });
    for (;;) {
      try {
        linkSync(draft, path);
        break;
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
        const holder = readPidfile(path);
        if (holder?.alive)
          throw new SetupError(`cannot claim pidfile "${path}": an agent runs already, pid ${holder.pid}`);
        removePidfile(path);
      }
    }
  } catch (error) {
    if (error instanceof SetupError) throw error;
    throw new SetupError(`cannot write pidfile "${path}": ${causeOf(error)}`, { cause: error });
  } finally {
    removePidfile(draft);
  }
  return () => {
    try {
      if (readPidfile(path)?.pid === process.pid) removePidfile(path);
    } catch {
      // Another user by now, or somebody was faster: a pidfile of a dead agent is taken over by the next.
    }
  };
}

/** Throws SetupError. */
export function removePidfile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT')
      throw new SetupError(`cannot remove pidfile "${path}": ${causeOf(error)}`, { cause: error });
  }
}
