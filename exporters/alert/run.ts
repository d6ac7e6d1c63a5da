// Runs a program that is told of an alert: its own process group, which is killed at the deadline, and no shell.

import { spawn } from 'node:child_process';
import { RetryLater } from '../../agent/core/exporter.ts';

/** sendmail(8), as every mailer brings it. */
export const SENDMAIL = '/usr/sbin/sendmail';
/** Of what it says when it fails. */
const MAX_TEXT = 1024;

/** Resolves when it exits with 0; throws RetryLater else. */
export async function run(
  [file, ...args]: readonly string[],
  input: string | Uint8Array,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const child = spawn(file!, args, {
    cwd: '/',
    detached: true,
    env: { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', ...env },
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (piece: Buffer) => {
    said = (said + piece.toString()).slice(0, MAX_TEXT);
  });
  // One that reads nothing closes it.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const kill = () => {
    child.stderr.destroy();
    try {
      if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // Gone between the two.
    }
  };
  signal.addEventListener('abort', kill, { once: true });
  try {
    const [code, by] = await new Promise<[number | null, string | null]>((resolve, reject) => {
      child.once('error', reject).once('close', (...how) => resolve(how));
    });
    if (code === 0) return;
    const how = code === null ? `was ended by ${by}` : `exited with status ${code}`;
    const words = said.trim().split('\n', 1)[0];
    throw new RetryLater(signal.aborted ? 'timeout' : 'exit', `"${file}" ${how}${words ? `: ${words}` : ''}`);
  } catch (error) {
    if (error instanceof RetryLater) throw error;
    throw new RetryLater('exec', `cannot run "${file}"`, undefined, error);
  } finally {
    signal.removeEventListener('abort', kill);
  }
}
