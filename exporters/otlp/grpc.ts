// OTLP/gRPC over node:http2: one unary call an exchange, on one connection that is opened when needed.
// Source: gRPC over HTTP2 (PROTOCOL-HTTP2.md).

import type { ClientHttp2Session, IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2';
import { classifyGrpc, classifyHttp, type Verdict } from './classify.ts';
import type { TlsFiles } from './credentials.ts';
import type { Settings } from './settings.ts';
import { type Exchange, MAX_RESPONSE_BYTES, type Transport, USER_AGENT } from './transport.ts';

/** A message's prefix: one byte "compressed", four bytes length. */
const PREFIX = 5;

export function createGrpc(settings: Settings, files: TlsFiles, now: () => number): Transport {
  const http2 = process.getBuiltinModule('node:http2');
  const tls = settings.url.protocol === 'https:' ? files : {};
  let session: ClientHttp2Session | undefined;

  const connected = (): ClientHttp2Session => {
    if (session && !session.closed && !session.destroyed) return session;
    const opened = http2.connect(settings.url.origin, tls);
    // Its calls fail with it and tell why.
    opened.on('error', () => {});
    opened.on('goaway', () => opened.close());
    session = opened;
    return opened;
  };

  const call = ({ body, encoding, headers: given, deadlineMs, signal }: Exchange): Promise<Verdict> =>
    new Promise((resolve, reject) => {
      const stream = connected().request({
        'user-agent': USER_AGENT,
        ...given,
        ':method': 'POST',
        ':path': settings.url.pathname,
        'content-type': 'application/grpc',
        'grpc-timeout': `${Math.min(deadlineMs, 99_999_999)}m`,
        te: 'trailers',
        ...(encoding === undefined ? {} : { 'grpc-encoding': encoding }),
      });
      const abort = () => session?.destroy();
      signal.addEventListener('abort', abort);
      let headers: IncomingHttpHeaders & IncomingHttpStatusHeader = {};
      let trailers: IncomingHttpHeaders = {};
      let failure: unknown;
      const chunks: Buffer[] = [];
      let size = 0;
      stream.on('response', received => {
        headers = received;
      });
      stream.on('trailers', received => {
        trailers = received;
      });
      stream.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_RESPONSE_BYTES) stream.close(http2.constants.NGHTTP2_CANCEL);
        else chunks.push(chunk);
      });
      stream.on('error', error => {
        // A call cancelled because the connection went carries the reason as its cause.
        failure = error.cause ?? error;
      });
      stream.on('close', () => {
        signal.removeEventListener('abort', abort);
        // A receiver with nothing to say answers with trailers alone, which arrive as headers.
        const status = Number(trailers['grpc-status'] ?? headers['grpc-status'] ?? Number.NaN);
        if (Number.isInteger(status)) {
          const from = 'grpc-status' in trailers ? trailers : headers;
          resolve(
            classifyGrpc({
              status,
              message: percentDecoded(String(from['grpc-message'] ?? '')),
              details: Buffer.from(String(from['grpc-status-details-bin'] ?? ''), 'base64'),
              body: unframed(Buffer.concat(chunks)),
            }),
          );
        } else if (headers[':status'] !== undefined && headers[':status'] !== 200) {
          const retryAfter = headers['retry-after'];
          const answer = { status: headers[':status'], contentType: '', retryAfter, body: Buffer.alloc(0) };
          resolve(classifyHttp(answer, now()));
        } else reject(failure ?? new Error('stream closed without a gRPC status'));
      });
      const prefix = Buffer.alloc(PREFIX);
      prefix[0] = encoding === undefined ? 0 : 1;
      prefix.writeUInt32BE(body.length, 1);
      stream.write(prefix);
      stream.end(body);
    });

  return {
    exchange: call,
    async close() {
      session?.destroy();
    },
  };
}

/** The first message; empty when it is compressed, which nobody asked for, or cut short. */
function unframed(bytes: Buffer): Buffer {
  if (bytes.length < PREFIX || bytes[0] !== 0) return Buffer.alloc(0);
  const length = bytes.readUInt32BE(1);
  return length <= bytes.length - PREFIX ? bytes.subarray(PREFIX, PREFIX + length) : Buffer.alloc(0);
}

/** grpc-message is percent-encoded; what does not decode is taken as it is. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
