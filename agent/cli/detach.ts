// Starts the agent so that it belongs to nobody: no terminal, no session of ours, nothing of ours open.

import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { causeOf, SetupError } from '../core/errors.ts';
import { LAUNCH_FD, type Launched } from './launch.ts';

/**
 * A shell that leads a session of its own starts the agent and ends, so that the agent leads none, and no terminal that
 * it opens becomes its own. Resolves with the agent's word.
 */
export async function detach(args: readonly string[], log: string | undefined): Promise<Launched> {
  const output = openOutput(log);
  const program = [process.execPath, ...process.execArgv, process.argv[1]!, ...args];
  const shell = spawn('/bin/sh', ['-c', '"$@" </dev/null &', 'eudaemon', ...program], {
    cwd: '/',
    detached: true,
    env: { ...process.env, [LAUNCH_FD]: '3', NOTIFY_SOCKET: undefined },
    stdio: ['ignore', output, output, 'pipe'],
  });
  closeSync(output);
  let told = '';
  for await (const portion of shell.stdio[3] as Readable) {
    told += String(portion);
    if (told.includes('\n')) return JSON.parse(told) as Launched;
  }
  const hint = log === undefined ? 'start it with --log FILE to see why' : `"${log}" may tell why`;
  return { pid: 0, failed: { message: `the agent ended before it was ready; ${hint}`, code: 1 } };
}

function openOutput(log: string | undefined): number {
  try {
    return openSync(log ?? '/dev/null', 'a', 0o640);
  } catch (error) {
    throw new SetupError(`cannot write log "${log}": ${causeOf(error)}`, { cause: error });
  }
}
