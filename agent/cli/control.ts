// Asks the running agent, over its control socket.

import { request } from 'node:http';
import { join } from 'node:path';
import { CONTROL_SOCKET } from '../control/messages.ts';
import { causeOf, codeOf, SetupError } from '../core/errors.ts';

const TIMEOUT_MS = 5000;

/** JSON of `GET path`; undefined for 404. Throws SetupError when no agent answers. */
export async function ask<T>(runDir: string, path: string): Promise<T | undefined> {
  const socketPath = join(runDir, CONTROL_SOCKET);
  try {
    return await get(socketPath, path);
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

function get<T>(socketPath: string, path: string): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, timeout: TIMEOUT_MS }, response => {
      const chunks: Buffer[] = [];
      response.on('data', chunk => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 404) resolve(undefined);
        else if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`it answered ${response.statusCode}: ${text.slice(0, 200)}`));
      });
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer within 5 s')));
    asked.on('error', reject);
    asked.end();
  });
}
