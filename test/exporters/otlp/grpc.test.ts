// OTLP/gRPC against a real HTTP/2 server that speaks the wire format by hand.
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { RetryLater } from '../../../agent/core/exporter.ts';
import type { Compression } from '../../../exporters/otlp/options.ts';
import { createSender, type Sender } from '../../../exporters/otlp/send.ts';
import { resolve } from '../../../exporters/otlp/settings.ts';
import { encodeOfficialResponse } from '../../official.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

type Answer = (stream: http2.ServerHttp2Stream) => void;

interface Call {
  readonly headers: http2.IncomingHttpHeaders;
  readonly message: Buffer;
  readonly session: http2.Http2Session | undefined;
}

async function serve(answer: Answer): Promise<{ url: string; calls: Call[] }> {
  const calls: Call[] = [];
  const sessions = new Set<http2.Http2Session>();
  const server = http2.createServer();
  server.on('session', session => sessions.add(session));
  server.on('stream', (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
    const chunks: Buffer[] = [];
    stream.on('error', () => {});
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const framed = Buffer.concat(chunks);
      expect(framed.readUInt32BE(1)).toBe(framed.length - 5);
      const body = framed.subarray(5);
      const encoding = headers['grpc-encoding'];
      expect(framed[0]).toBe(encoding === undefined ? 0 : 1);
      const message =
        encoding === 'gzip' ? gunzipSync(body) : encoding === 'zstd' ? zstdDecompressSync(body) : body;
      calls.push({ headers, message, session: stream.session });
      answer(stream);
    });
  });
  await new Promise<void>(ready => server.listen(0, '127.0.0.1', ready));
  closers.push(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls };
}

function sender(url: string, compression: Compression = 'gzip', timeout = 5000): Sender {
  const options = {
    logs: true,
    metrics: true,
    interval: 1000,
    endpoint: url,
    protocol: 'grpc' as const,
    compression,
    timeout,
    headers: { 'X-Key': 's' },
  };
  const made = createSender(resolve(options, {}, 'logs'), Date.now);
  closers.push(() => made.close());
  return made;
}

/** Headers, a framed message, and trailers. */
const reply =
  (trailers: http2.OutgoingHttpHeaders, message: Uint8Array = new Uint8Array(0), flag = 0): Answer =>
  stream => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.end(Buffer.concat([Buffer.of(flag, 0, 0, 0, message.length), message]));
  };
/** A failure that comes as headers only. */
const trailersOnly =
  (headers: http2.OutgoingHttpHeaders): Answer =>
  stream =>
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...headers }, { endStream: true });

const REQUEST = new TextEncoder().encode('a request of some length, a request of some length');
const never = new AbortController().signal;

describe('OTLP/gRPC', () => {
  it.each(['none', 'gzip', 'zstd'] as const)('calls Export, %s, on one connection', async compression => {
    const { url, calls } = await serve(reply({ 'grpc-status': '0' }, encodeOfficialResponse('logs', 0, '')));
    const client = sender(url, compression);
    for (let i = 0; i < 3; i++)
      expect(await client.send(REQUEST, never)).toEqual({ outcome: 'accepted', rejected: 0, message: '' });
    expect(calls.map(call => call.message.toString())).toEqual(
      Array(3).fill(Buffer.from(REQUEST).toString()),
    );
    expect(new Set(calls.map(call => call.session)).size).toBe(1);
    expect(calls[0]!.headers).toMatchObject({
      ':method': 'POST',
      ':path': '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
      'content-type': 'application/grpc',
      'grpc-timeout': '5000m',
      te: 'trailers',
      'x-key': 's',
    });
  });

  it('reads a partial success', async () => {
    const { url } = await serve(reply({ 'grpc-status': '0' }, encodeOfficialResponse('logs', 7, 'old')));
    expect(await sender(url).send(REQUEST, never)).toEqual({
      outcome: 'accepted',
      rejected: 7,
      message: 'old',
    });
  });

  it('does not mind a response it cannot read', async () => {
    const { url } = await serve(reply({ 'grpc-status': '0' }, Uint8Array.of(1, 2, 3), 1));
    expect(await sender(url).send(REQUEST, never)).toMatchObject({ outcome: 'accepted', rejected: 0 });
  });

  it.each([
    ['with trailers', reply({ 'grpc-status': '3', 'grpc-message': 'bad%20data %E2%82%AC' })],
    ['at once', trailersOnly({ 'grpc-status': '3', 'grpc-message': 'bad%20data %E2%82%AC' })],
  ])('takes a refusal %s as final', async (_, answer) => {
    const { url } = await serve(answer);
    expect(await sender(url).send(REQUEST, never)).toEqual({
      outcome: 'refused',
      reason: 'grpc_3',
      message: 'gRPC status 3: bad data €',
    });
  });

  // google.rpc.Status { details: Any { RetryInfo { retry_delay { seconds: 9 } } } }
  const retryInfo = Buffer.from('type.googleapis.com/google.rpc.RetryInfo');
  const details = Buffer.concat([
    Buffer.of(0x1a, retryInfo.length + 8, 0x0a, retryInfo.length),
    retryInfo,
    Buffer.of(0x12, 4, 0x0a, 2, 0x08, 9),
  ]).toString('base64');
  const later: [name: string, answer: Answer, reason: string, afterMs: number | undefined][] = [
    ['unavailable', trailersOnly({ 'grpc-status': '14' }), 'grpc_14', undefined],
    [
      'exhausted with a delay',
      trailersOnly({ 'grpc-status': '8', 'grpc-status-details-bin': details }),
      'grpc_8',
      9000,
    ],
    [
      'a proxy that answers 503',
      stream => stream.respond({ ':status': 503, 'retry-after': '3' }, { endStream: true }),
      'http_503',
      3000,
    ],
    [
      'no status at all',
      stream => stream.respond({ ':status': 200 }, { endStream: true }),
      'connection',
      undefined,
    ],
    [
      'a cancelled stream',
      stream => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR),
      'protocol',
      undefined,
    ],
    ['a broken connection', stream => stream.session?.destroy(), 'connection', undefined],
    ['silence', () => {}, 'timeout', undefined],
  ];
  it.each(later)('comes again after %s', async (_, answer, reason, afterMs) => {
    let first = true;
    const { url, calls } = await serve(stream => {
      if (first) answer(stream);
      else reply({ 'grpc-status': '0' })(stream);
      first = false;
    });
    const client = sender(url, 'none', 300);
    const error = await client.send(REQUEST, never).catch(caught => caught);
    expect(error).toBeInstanceOf(RetryLater);
    expect(error.reason).toBe(reason);
    expect(error.afterMs).toBe(afterMs);
    expect(await client.send(REQUEST, never)).toMatchObject({ outcome: 'accepted' });
    expect(calls).toHaveLength(2);
  });

  it('breaks off when the agent stops', async () => {
    const stop = new AbortController();
    const { url, calls } = await serve(() => stop.abort());
    const client = sender(url, 'none', 3_600_000);
    const attempt = () => client.send(REQUEST, stop.signal).catch(caught => caught);
    expect(await attempt()).toMatchObject({ name: 'RetryLater', reason: 'stopped' });
    expect(await attempt()).toMatchObject({ name: 'RetryLater', reason: 'stopped' });
    expect(calls).toHaveLength(1);
  });

  it('comes again where nobody listens', async () => {
    const { url } = await serve(() => {});
    // The port is free again.
    for (const close of closers.splice(0)) await close();
    const error = await sender(url, 'none', 2000)
      .send(REQUEST, never)
      .catch(caught => caught);
    expect(error).toMatchObject({ name: 'RetryLater', reason: 'refused' });
  });
});
