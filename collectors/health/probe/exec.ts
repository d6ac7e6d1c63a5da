// Checks by a program, in the Nagios plugin convention: exit 0 fine, 1 warning, 2 critical, 3 unknown.
// Runs without a shell, in its own process group, with an empty stdin and next to no environment.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckSpec } from '../../../agent/core/daemon.ts';
import { causeOf, SetupError } from '../../../agent/core/errors.ts';
import { MAX_ANSWER, type Outcome, type Probe, snippet } from './outcome.ts';

/**
 * A warning counts as up where its words say that it is one: of a program that is no plugin, 1 is a failure. The message
 * is the first line of output up to the perfdata.
 * At the deadline the whole process group is killed.
 */
export function execProbe(check: CheckSpec, root: string): Probe {
  const [file, ...args] = check.exec!;
  let previous: ChildProcess | undefined;

  return async signal => {
    signal.throwIfAborted();
    // Not even SIGKILL ends a process that waits for a dead disk; do not add another each cycle.
    if (previous) return { ok: false, message: `process ${previous.pid} of an earlier run does not end` };
    const child = spawn(file!, args, {
      cwd: '/',
      detached: true,
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(check.as === undefined ? {} : identity(check.as, root)),
    });
    if (child.pid !== undefined) previous = child;
    child.once('exit', () => {
      previous = undefined;
    });
    return run(child, signal);
  };
}

function run(child: ChildProcess, signal: AbortSignal): Promise<Outcome> {
  if (child.pid === undefined) return once(child, 'error').then(([error]) => Promise.reject(error));
  const out = collect(child.stdout!);
  const err = collect(child.stderr!);
  const outcome = () => judgeExit(child.exitCode, child.signalCode, out() || err());
  return new Promise((resolve, reject) => {
    const stop = () => {
      child.stdout!.destroy();
      child.stderr!.destroy();
      // It ended in time and left its output open to a child of its own: what it said counts.
      if (child.exitCode !== null) return resolve(outcome());
      try {
        process.kill(-child.pid!, 'SIGKILL');
      } catch {
        // Gone between the two lines.
      }
      reject(signal.reason);
    };
    signal.addEventListener('abort', stop, { once: true });
    child.once('close', () => {
      signal.removeEventListener('abort', stop);
      resolve(outcome());
    });
  });
}

/** Keeps the beginning of a stream and reads the rest into nothing, so that the writer is never blocked. */
function collect(stream: NonNullable<ChildProcess['stdout']>): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    if (size < MAX_ANSWER) chunks.push(chunk);
    size += chunk.length;
  });
  return () => Buffer.concat(chunks).toString();
}

/** Of plugins; without words, 1 may as well be what another program says when it has failed. */
const MEANING = ['ok', undefined, 'critical', 'unknown'];

function judgeExit(code: number | null, signal: string | null, output: string): Outcome {
  if (code === null) return { ok: false, message: `ended by ${signal}` };
  const said = snippet(output.split('|', 1)[0]!);
  const message = said || `exit ${code}${MEANING[code] ? ` (${MEANING[code]})` : ''}`;
  const ok = code === 0 || (code === 1 && /warn/i.test(said));
  return { ok, message, ...(code < MEANING.length && { plugin: code }) };
}

/** Ids of a user by name or number, looked up at each run: users come and go. */
function identity(user: string, root: string): { uid?: number; gid?: number } {
  const entry = passwd(root).find(([name, , uid]) => name === user || uid === user);
  const uid = Number(entry?.[2] ?? user);
  if (!Number.isInteger(uid)) throw new SetupError(`cannot run a check as "${user}": no such user`);
  const own = process.getuid!();
  if (own === uid) return {};
  if (own !== 0)
    throw new SetupError(
      `cannot run a check as "${user}": only root may; run the agent as root or remove "as"`,
    );
  return { uid, gid: Number(entry?.[3] ?? uid) };
}

function passwd(root: string): string[][] {
  const path = join(root, 'etc/passwd');
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .map(line => line.split(':'));
  } catch (error) {
    throw new SetupError(`cannot read "${path}": ${causeOf(error)}`, { cause: error });
  }
}
