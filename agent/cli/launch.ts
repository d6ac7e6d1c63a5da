// What `start` and the agent it starts say to each other: one line over a pipe, when the agent is ready or has failed.

import { closeSync, writeSync } from 'node:fs';
import { ConfigError, isDenied, SetupError, UsageError } from '../core/errors.ts';

/** Names the descriptor of the pipe. */
export const LAUNCH_FD = 'EUDAEMON_LAUNCH_FD';

/** LSB's code of an action for which the user has no right. */
export const DENIED = 4;

export interface Launched {
  readonly pid: number;
  /** Why there will be no agent, and the exit code of `start` that says so. */
  readonly failed?: { readonly message: string; readonly code: number };
}

/** Tells whoever launched this agent, if anybody did; the first word is the last. */
export function createTeller(env: NodeJS.ProcessEnv): (failure?: unknown) => void {
  let fd = Number(env[LAUNCH_FD]);
  // No child is to inherit the name of a descriptor that is something else by then.
  delete env[LAUNCH_FD];
  return failure => {
    if (!(fd > 2)) return;
    const told: Launched = {
      pid: process.pid,
      ...(failure === undefined ? {} : { failed: { message: textOf(failure), code: codeOf(failure) } }),
    };
    try {
      writeSync(fd, `${JSON.stringify(told)}\n`);
      closeSync(fd);
    } catch {
      // Nobody waits any more.
    }
    fd = 0;
  };
}

const isExpected = (error: unknown): error is Error =>
  error instanceof ConfigError || error instanceof SetupError || error instanceof UsageError;

const textOf = (error: unknown): string =>
  isExpected(error) ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);

const codeOf = (error: unknown): number =>
  isDenied(error) ? DENIED : error instanceof ConfigError ? 78 : error instanceof UsageError ? 2 : 1;
