// Asks the running agent, over its control socket.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CONTROL_SOCKET } from '../control/messages.ts';
import { causeOf, codeOf, SetupError } from '../core/errors.ts';
import { parseUnix } from '../identity/parse-fd.ts';
import { http } from '../native/http.ts';

const TIMEOUT_MS = 5000;
/** A reload may have to wait for the first look of a new check. */
const PATIENCE_MS = 60_000;

/** JSON of `GET path`; undefined for 404. Throws SetupError when no agent answers. */
export const ask = <T>(runDir: string, path: string): Promise<T | undefined> => tell(runDir, 'GET', path);

/** `POST path`; false for 404. Throws as `ask` does. */
export const command = async (runDir: string, path: string): Promise<boolean> =>
  (await tell(runDir, 'POST', path)) !== undefined;

async function tell<T>(runDir: string, method: string, path: string): Promise<T | undefined> {
  const socketPath = join(runDir, CONTROL_SOCKET);
  try {
    const { status, text } = await exchange(socketPath, method, path, TIMEOUT_MS);
    if (status === 404) return undefined;
    if (status === 200) return JSON.parse(text) as T;
    throw new Error(`it answered ${status}: ${text.slice(0, 200)}`);
  } catch (error) {
    const gone = ['ENOENT', 'ECONNREFUSED'].includes(codeOf(error) ?? '');
    throw new SetupError(
      gone
        ? `no agent is running here: nothing listens on "${socketPath}"; start it with 'eudaemon run', or name its file with --config`
        : `cannot ask the agent at "${socketPath}": ${causeOf(error)}`,
      { cause: error },
    );
  }
}

/** The control socket a process listens on, among what it holds open; undefined when that cannot be seen. */
export function controlOf(pid: number, procRoot = '/proc'): string | undefined {
  try {
    const paths = parseUnix(readFileSync(`${procRoot}/net/unix`, 'utf8'));
    const folder = `${procRoot}/${pid}/fd`;
    return readdirSync(folder)
      .map(fd => paths.get(readlinkSync(join(folder, fd))))
      .find(path => path?.startsWith('/') && basename(path) === CONTROL_SOCKET);
  } catch {
    return undefined;
  }
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Asks the agent to do something. Throws SetupError when no agent answers. */
export async function post(socketPath: string, path: string): Promise<Answer> {
  try {
    return await exchange(socketPath, 'POST', path, PATIENCE_MS);
  } catch (error) {
    throw new SetupError(`cannot ask the agent at "${socketPath}": ${causeOf(error)}`, { cause: error });
  }
}

function exchange(socketPath: string, method: string, path: string, timeout: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = http.request({ socketPath, method, path, timeout }, response => {
      const chunks: Buffer[] = [];
      response.on('data', chunk => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      );
    });
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${timeout / 1000} s`)));
    asked.on('error', reject);
    asked.end();
  });
}
