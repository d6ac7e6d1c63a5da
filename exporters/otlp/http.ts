// OTLP/HTTP: one POST an exchange over kept connections. What an answer means is decided in classify.ts.

import http from 'node:http';
import https from 'node:https';
import { classifyHttp, type Verdict } from './classify.ts';
import type { Settings } from './settings.ts';
import { MAX_RESPONSE_BYTES, readTls, type Transport, USER_AGENT } from './transport.ts';

export function createHttp(settings: Settings, now: () => number): Transport {
  const secure = settings.url.protocol === 'https:';
  const agent = secure
    ? new https.Agent({ keepAlive: true, ...readTls(settings) })
    : new http.Agent({ keepAlive: true });
  const request = secure ? https.request : http.request;
  const contentType = settings.protocol === 'http/json' ? 'application/json' : 'application/x-protobuf';

  return {
    exchange: (body, encoding, signal) =>
      new Promise<Verdict>((resolve, reject) => {
        const outgoing = request(settings.url, {
          method: 'POST',
          agent,
          signal,
          headers: {
            'user-agent': USER_AGENT,
            ...settings.headers,
            'content-type': contentType,
            'content-length': body.length,
            ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
          },
        });
        // The status decides, even where the body is cut short, stalls or has no end.
        let done: (() => void) | undefined;
        outgoing.on('error', error => (done ? done() : reject(error)));
        outgoing.on('response', incoming => {
          const chunks: Buffer[] = [];
          let size = 0;
          done = () => {
            // An answer before the end of the question: the body is the caller's again, so nothing more of it is sent.
            if (!outgoing.writableFinished) outgoing.destroy();
            resolve(
              classifyHttp(
                {
                  status: incoming.statusCode ?? 0,
                  contentType: incoming.headers['content-type'] ?? (size > 0 ? contentType : ''),
                  retryAfter: incoming.headers['retry-after'],
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
      }),
    async close() {
      agent.destroy();
    },
  };
}
