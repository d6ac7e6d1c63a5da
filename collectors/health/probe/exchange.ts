// Checks over a bare connection, TCP or socket file: connect, then perhaps say something and expect an answer.

import type { NetConnectOpts, Socket } from 'node:net';
import type { CheckSpec } from '../../../agent/core/daemon.ts';
import type { Pattern } from '../../../agent/core/pattern.ts';
import { dial } from './connect.ts';
import { MAX_ANSWER, type Outcome, type Probe, snippet } from './outcome.ts';

/** Healthy when the connection stands and, given `expect`, the answer matches while it grows. */
export function exchangeProbe(target: NetConnectOpts, check: CheckSpec, expect: Pattern | undefined): Probe {
  return async signal => {
    const socket = await dial(target, signal);
    try {
      if (check.send !== undefined) socket.write(check.send);
      return expect ? await answer(socket, expect) : { ok: true, message: 'connected' };
    } finally {
      // Sends what is still unsent, unlike destroy().
      socket.destroySoon();
    }
  };
}

async function answer(socket: Socket, expect: Pattern): Promise<Outcome> {
  const chunks: Buffer[] = [];
  let size = 0;
  let text = '';
  try {
    for await (const chunk of socket) {
      chunks.push(chunk);
      size += chunk.length;
      text = Buffer.concat(chunks).toString();
      if (expect.test(text)) return { ok: true, message: snippet(text) || 'answer matches' };
      if (size >= MAX_ANSWER) break;
    }
  } catch (error) {
    // Who has said something has answered, though it kept the connection open to the end.
    if (size === 0) throw error;
  }
  return { ok: false, message: `answer "${snippet(text)}" does not match /${expect.source}/` };
}
