// The pidfile of a background agent: pid, start time and control socket, a line each, so that nobody mistakes a stranger
// with the same pid for the agent. Whoever only wants a pid reads the first line.

import { linkSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { causeOf, codeOf, SetupError } from '../core/errors.ts';
import { makeDirectory } from './directories.ts';
import { lives, startOf } from './life.ts';

export interface Holder {
  readonly pid: number;
  /** Empty where there is no /proc, or when another program wrote the file. */
  readonly start: string;
  /** Path of its control socket; empty when another program wrote the file. */
  readonly control: string;
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
  const [pid = '', start = '', control = ''] = text.split('\n').map(line => line.trim());
  if (!/^[1-9]\d*$/.test(pid))
    throw new SetupError(`cannot read pidfile "${path}": it holds no pid; remove it when no agent runs`);
  return { pid: Number(pid), start, control, alive: lives(Number(pid), start) };
}

/** Writes it whole or not at all; returns what removes it. Throws SetupError, also while another agent holds it. */
export function claimPidfile(path: string, control: string): () => void {
  const draft = `${path}.${process.pid}`;
  try {
    makeDirectory(dirname(path), 0o755);
    writeFileSync(draft, `${process.pid}\n${startOf(process.pid) ?? ''}\n${control}\n`, { mode: 0o644 });
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

export function removePidfile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}
