// Posts an alert: one request on a connection of its own, for there are few.

import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { causeOf } from '../../agent/core/errors.ts';
import { RetryLater } from '../../agent/core/exporter.ts';
import { VERSION } from '../../agent/core/version.ts';
import { http, https } from '../../agent/native/http.ts';

/** Of what a server says when it refuses. */
const MAX_TEXT = 1024;

/** Resolves at a status of 2xx; throws RetryLater else: an alert that is not understood now may be once somebody has seen to it. */
export async function post(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const { protocol } = new URL(url);
  const sent = (protocol === 'https:' ? https : http).request(url, {
    method: 'POST',
    agent: false,
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': `eudaemon/${VERSION}`,
      ...headers,
    },
    signal,
  });
  sent.on('error', () => {});
  let status = 0;
  let wait: string | undefined;
  let said = '';
  try {
    sent.end(body);
    const [response] = (await once(sent, 'response', { signal })) as [IncomingMessage];
    status = response.statusCode!;
    wait = response.headers['retry-after'];
    for await (const piece of response) if (said.length < MAX_TEXT) said += piece;
  } catch (error) {
    // The status decides, even where what is said behind it has no end.
    if (status === 0)
      throw new RetryLater(
        signal.aborted ? 'timeout' : 'unreachable',
        `"${originOf(url)}": ${causeOf(error)}`,
      );
  } finally {
    sent.destroy();
  }
  if (status >= 200 && status <= 299) return;
  const seconds = Number(wait);
  const words = said.trim().split('\n', 1)[0]!.slice(0, MAX_TEXT);
  throw new RetryLater(
    `http_${status}`,
    `"${originOf(url)}" answered ${status}${words ? `: ${words}` : ''}`,
    seconds > 0 ? seconds * 1000 : undefined,
  );
}

/** The path of a webhook is often its password. */
const originOf = (url: string): string => new URL(url).origin;
