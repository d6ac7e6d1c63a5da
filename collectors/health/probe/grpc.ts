// gRPC checks: one unary call of grpc.health.v1.Health/Check, framed by hand over HTTP/2.
// https://github.com/grpc/grpc/blob/master/doc/health-checking.md and PROTOCOL-HTTP2.md

import { once } from 'node:events';
import { type ClientHttp2Stream, connect, constants, type IncomingHttpHeaders } from 'node:http2';
import type { CheckSpec } from '../../../agent/core/daemon.ts';
import { ProtoWriter, Wire } from '../../../agent/core/protobuf.ts';
import { ProtoReader } from '../../../agent/core/protobuf-reader.ts';
import { type Outcome, type Probe, snippet } from './outcome.ts';

const SERVING = 1;
const STATUS = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
/** The answer is a handful of bytes; more is not an answer. */
const MAX_MESSAGE = 4096;

/** In plaintext, as servers offer it to their own host. Healthy when the service is SERVING. */
export function grpcProbe(check: CheckSpec): Probe {
  const body = frame(check.service ?? '');

  return async signal => {
    signal.throwIfAborted();
    const session = connect(`http://${check.grpc}`);
    const failed = new Promise<never>((_, reject) => {
      session.on('error', reject);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    failed.catch(() => {});
    try {
      const stream = session.request({
        [constants.HTTP2_HEADER_METHOD]: 'POST',
        [constants.HTTP2_HEADER_PATH]: '/grpc.health.v1.Health/Check',
        [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
        [constants.HTTP2_HEADER_TE]: 'trailers',
        'grpc-timeout': `${check.timeout}m`,
        'user-agent': 'eudaemon',
      });
      stream.on('error', () => {});
      stream.end(body);
      return await Promise.race([call(stream), failed]);
    } finally {
      session.destroy();
    }
  };
}

async function call(stream: ClientHttp2Stream): Promise<Outcome> {
  let trailers: IncomingHttpHeaders = {};
  stream.once('trailers', given => {
    trailers = given;
  });
  const gone = new Promise<never>((_, reject) => {
    stream.once('close', () => reject(new Error('connection closed without an answer')));
  });
  gone.catch(() => {});
  const [headers] = (await Promise.race([once(stream, 'response'), gone])) as [IncomingHttpHeaders];
  if (Number(headers[':status']) !== 200) return { ok: false, message: `HTTP ${headers[':status']}` };
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_MESSAGE) return { ok: false, message: 'answer is not a health status' };
  }
  // An answer without a message carries its status in the headers.
  const end = { ...headers, ...trailers };
  const code = Number(end['grpc-status'] ?? Number.NaN);
  if (code !== 0) return { ok: false, message: failure(code, String(end['grpc-message'] ?? '')) };
  const status = parseStatus(Buffer.concat(chunks));
  return { ok: status === SERVING, message: STATUS[status] ?? `status ${status}` };
}

function failure(code: number, message: string): string {
  if (Number.isNaN(code)) return 'answer without a gRPC status';
  if (code === 5) return 'gRPC status 5: service not known to the server';
  if (code === 12) return 'gRPC status 12: server has no health service';
  return `gRPC status ${code}${message ? `: ${snippet(percentDecode(message))}` : ''}`;
}

/** grpc-message is percent-encoded UTF-8; what is no escape stands for itself. */
function percentDecode(text: string): string {
  const bytes = text.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}

/** HealthCheckRequest { string service = 1 } behind the five bytes every gRPC message begins with. */
function frame(service: string): Buffer {
  const message = new ProtoWriter();
  if (service) {
    message.tag(1, Wire.Bytes);
    message.string(service);
  }
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.pos, 1);
  return Buffer.concat([head, message.copy()]);
}

/** HealthCheckResponse { ServingStatus status = 1 }; throws on bytes that are something else. */
function parseStatus(answer: Buffer): number {
  if (answer.length < 5 || answer[0] !== 0 || answer.readUInt32BE(1) !== answer.length - 5)
    throw new Error('answer is not one gRPC message');
  const reader = new ProtoReader(answer, 5);
  let status = 0;
  while (reader.next())
    if (reader.is(1, Wire.Varint)) status = reader.varint();
    else reader.skip();
  return status;
}
