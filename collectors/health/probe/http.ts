// HTTP(S) checks: one request on a fresh connection, redirects not followed, the body read up to a bound.

import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { CheckSpec } from '../../../agent/core/daemon.ts';
import type { Pattern } from '../../../agent/core/pattern.ts';
import { http } from '../../../agent/native/http.ts';
import { dial, expiryOf, secure } from './connect.ts';
import { MAX_ANSWER, type Outcome, type Probe } from './outcome.ts';

/** Healthy when the certificate holds, the status is one of `status` (else 2xx) and the body matches `expect`. */
export function httpProbe(check: CheckSpec, expect: Pattern | undefined): Probe {
  const url = new URL(check.http!);
  const tls = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || (tls ? 443 : 80));
  const headers: Record<string, string> = {
    host: url.host,
    'user-agent': 'eudaemon',
    connection: 'close',
    ...(url.username && {
      authorization: `Basic ${Buffer.from(decodeURIComponent(`${url.username}:${url.password}`)).toString('base64')}`,
    }),
    ...check.headers,
  };

  return async signal => {
    const plain = await dial({ host, port }, signal);
    try {
      const secured = tls ? await secure(plain, host, signal) : undefined;
      const tlsExpiry = secured && expiryOf(secured);
      // Nothing of the request leaves before the certificate is judged.
      if (secured?.authorizationError && !check.tls_insecure)
        return { ok: false, message: `certificate refused: ${secured.authorizationError}`, tlsExpiry };
      const sent = http.request({
        createConnection: () => secured ?? plain,
        path: url.pathname + url.search,
        method: check.method ?? 'GET',
        headers,
        signal,
      });
      sent.on('error', () => {});
      sent.end();
      const [response] = (await once(sent, 'response', { signal })) as [IncomingMessage];
      return { ...(await judgeResponse(response, check, expect)), tlsExpiry };
    } finally {
      plain.destroy();
    }
  };
}

async function judgeResponse(
  response: IncomingMessage,
  check: CheckSpec,
  expect: Pattern | undefined,
): Promise<Outcome> {
  const status = response.statusCode!;
  const message = `HTTP ${status}`;
  const accepted = check.status?.length ? check.status.includes(status) : status >= 200 && status < 300;
  // Read even when nobody asked for it: a server that sees its client leave would log a fault of its own.
  const body = await readBody(response);
  if (!accepted) return { ok: false, message };
  if (expect && !expect.test(body))
    return { ok: false, message: `${message}, body does not match /${expect.source}/` };
  return { ok: true, message };
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= MAX_ANSWER) break;
  }
  return Buffer.concat(chunks).toString();
}
