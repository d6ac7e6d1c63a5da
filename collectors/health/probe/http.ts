// HTTP(S) checks: each request on a fresh connection, redirects followed on the same host, the body read up to a bound.

import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { CheckSpec } from '../../../agent/core/daemon.ts';
import type { Pattern } from '../../../agent/core/pattern.ts';
import { http } from '../../../agent/native/http.ts';
import { dial, expiryOf, secure } from './connect.ts';
import { MAX_ANSWER, type Outcome, type Probe } from './outcome.ts';

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

/** An answer, or why none was asked for. */
type Visit = { readonly tlsExpiry: number | undefined } & (
  | { readonly answer: Answer }
  | { readonly refused: string }
);

/** As many as a kubelet follows. */
const MAX_REDIRECTS = 10;

/**
 * Healthy when the certificate holds, the status is one of `status` (else 2xx) and the body matches `expect`. A redirect
 * that `status` does not name is followed on the same host name; one to another host says that this daemon is well, and
 * nothing of that other: it is not asked. So does a kubelet.
 */
export function httpProbe(check: CheckSpec, expect: Pattern | undefined): Probe {
  const first = new URL(check.http!);
  const headers: Record<string, string> = {
    'user-agent': 'eudaemon',
    connection: 'close',
    ...(first.username && {
      authorization: `Basic ${Buffer.from(decodeURIComponent(`${first.username}:${first.password}`)).toString('base64')}`,
    }),
    ...check.headers,
  };

  return async signal => {
    let url = first;
    let method: string = check.method ?? 'GET';
    let tlsExpiry: number | undefined;
    for (let redirects = 0; ; redirects++) {
      const visit = await ask(url, method, headers, check.tls_insecure === true, signal);
      tlsExpiry ??= visit.tlsExpiry;
      if ('refused' in visit) return { ok: false, message: visit.refused, tlsExpiry };
      const { answer } = visit;
      const to = check.status?.includes(answer.status) ? undefined : targetOf(answer, url);
      const elsewhere = to && to.hostname !== first.hostname ? to : undefined;
      if (!to || elsewhere || redirects === MAX_REDIRECTS)
        return { ...judge(answer, check, expect, redirects, elsewhere), tlsExpiry };
      if (method !== 'HEAD' && answer.status < 307) method = 'GET';
      url = to;
    }
  };
}

async function ask(
  url: URL,
  method: string,
  headers: Readonly<Record<string, string>>,
  insecure: boolean,
  signal: AbortSignal,
): Promise<Visit> {
  const tls = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const plain = await dial({ host, port: Number(url.port || (tls ? 443 : 80)) }, signal);
  try {
    const secured = tls ? await secure(plain, host, signal) : undefined;
    const tlsExpiry = secured && expiryOf(secured);
    // Nothing of the request leaves before the certificate is judged.
    if (secured?.authorizationError && !insecure)
      return { refused: `certificate refused: ${secured.authorizationError}`, tlsExpiry };
    const sent = http.request({
      createConnection: () => secured ?? plain,
      path: url.pathname + url.search,
      method,
      headers: { host: url.host, ...headers },
      signal,
    });
    sent.on('error', () => {});
    sent.end();
    const [response] = (await once(sent, 'response', { signal })) as [IncomingMessage];
    const { statusCode, headers: told } = response;
    // Read even when nobody asked for it: a server that sees its client leave would log a fault of its own.
    const body = await readBody(response);
    return { answer: { status: statusCode!, location: told.location, body }, tlsExpiry };
  } finally {
    plain.destroy();
  }
}

/** Where a redirect leads; undefined of what is none. */
function targetOf({ status, location }: Answer, from: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(status) || location === undefined) return undefined;
  const to = URL.parse(location, from.href);
  return to && /^https?:$/.test(to.protocol) ? to : undefined;
}

function judge(
  { status, body }: Answer,
  check: CheckSpec,
  expect: Pattern | undefined,
  redirects: number,
  elsewhere: URL | undefined,
): Outcome {
  const told = `HTTP ${status}${redirects === 0 ? '' : ` after ${redirects} redirect${redirects === 1 ? '' : 's'}`}`;
  const message = elsewhere ? `${told}, to ${elsewhere.host}` : told;
  const wanted = check.status ?? [];
  const well = elsewhere !== undefined || (status >= 200 && status < 300);
  const accepted = wanted.length > 0 ? wanted.includes(status) : well;
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
