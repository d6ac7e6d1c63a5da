// OTLP/HTTP where there may be a proxy, which node:http knows how to ask: as http.ts does for itself.

import { http } from '../../agent/native/http.ts';
import { classifyHttp, type Verdict } from './classify.ts';
import type { TlsFiles } from './credentials.ts';
import type { Settings } from './settings.ts';
import {
  contentTypeOf,
  type Exchange,
  fieldsOf,
  isBroken,
  MAX_RESPONSE_BYTES,
  type Transport,
} from './transport.ts';

export function createProxied(settings: Settings, tls: TlsFiles, now: () => number): Transport {
  const secure = settings.url.protocol === 'https:';
  const kept = { keepAlive: true, proxyEnv: settings.proxy };
  const { Agent, request } = secure ? process.getBuiltinModule('node:https') : http;
  const agent = new Agent({ ...kept, ...(secure && tls) });
  const contentType = contentTypeOf(settings);

  const exchange = (question: Exchange): Promise<Verdict> =>
    new Promise<Verdict>((resolve, reject) => {
      const { body, signal } = question;
      const outgoing = request(settings.url, {
        method: 'POST',
        agent,
        signal,
        headers: fieldsOf(settings, question),
      });
      // The status decides, even where the body is cut short, stalls or has no end.
      let done: (() => void) | undefined;
      outgoing.on('error', error => {
        if (done) done();
        // The receiver had closed a kept connection before it saw this request; that is no failure of its own.
        else if (outgoing.reusedSocket && isBroken(error) && !signal.aborted) resolve(exchange(question));
        else reject(error);
      });
      // Such as after a change of protocol, which nobody asked for.
      outgoing.on('close', () => {
        if (!done) reject(new Error('connection closed without an answer'));
      });
      outgoing.on('response', incoming => {
        const chunks: Buffer[] = [];
        let size = 0;
        const stalled = setTimeout(() => incoming.destroy(), settings.timeoutMs);
        done = () => {
          clearTimeout(stalled);
          // An answer before the end of the question: the body is the caller's again, so nothing more of it is sent.
          if (!outgoing.writableFinished) outgoing.destroy();
          resolve(
            classifyHttp(
              {
                status: incoming.statusCode ?? 0,
                contentType: incoming.headers['content-type'] ?? (size > 0 ? contentType : ''),
                retryAfter: incoming.headers['retry-after'],
                location: incoming.headers.location,
                body: Buffer.concat(chunks),
              },
              now(),
            ),
          );
        };
        incoming.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > MAX_RESPONSE_BYTES) incoming.destroy();
          else chunks.push(chunk);
        });
        incoming.on('end', done);
        incoming.on('error', done);
        incoming.on('close', done);
      });
      outgoing.end(body);
    });

  return {
    exchange,
    async close() {
      agent.destroy();
    },
  };
}
