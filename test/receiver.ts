// A strict OTLP/HTTP receiver for tests: takes what a real one takes, refuses what is not exactly OTLP, and fails on
// demand. Records of requests that it did not accept are not counted.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import {
  decodeOfficial,
  encodeOfficialResponse,
  type OfficialLogs,
  type OfficialMetric,
  type OfficialMetrics,
  parseOfficial,
  plain,
  plainValue,
  type Signal,
} from './official.ts';

export interface ReceivedRecord {
  /** Resource attributes. */
  readonly resource: Record<string, unknown>;
  /** Unix nanoseconds. */
  readonly time: bigint;
  readonly observed: bigint;
  readonly severity: number;
  readonly severityText: string;
  readonly body: unknown;
  readonly eventName: string;
  readonly attributes: Record<string, unknown>;
}

export interface ReceivedMetric extends OfficialMetric {
  readonly resource: Record<string, unknown>;
}

export interface ReceivedRequest {
  readonly signal: Signal;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** The body after decompression. */
  readonly bytes: Buffer;
  readonly records: readonly ReceivedRecord[];
  readonly metrics: readonly ReceivedMetric[];
  readonly accepted: boolean;
  /** Of the TCP connection it came on. */
  readonly remotePort: number;
}

/** How a request is answered; the default is to accept it. */
export interface Behaviour {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** Says so in a partial success. */
  readonly rejected?: number;
  readonly message?: string;
  /** The answer waits for it. */
  readonly after?: Promise<void>;
  /** `silent`: never answers; `reset`: breaks the connection; `stall`: sends the status, then nothing. */
  readonly fault?: 'silent' | 'reset' | 'stall';
}

export interface Receiver {
  readonly url: string;
  readonly port: number;
  /** Of accepted requests, in order of arrival. */
  readonly records: ReceivedRecord[];
  readonly metrics: ReceivedMetric[];
  readonly requests: ReceivedRequest[];
  /** Decides from now on how requests are answered; `undefined` accepts. */
  behave(decide: (request: Omit<ReceivedRequest, 'accepted'>) => Behaviour | undefined): void;
  /** Resolves when the predicate holds; looked at after every request. Rejects after `timeoutMs`, or for bad OTLP. */
  waitFor(predicate: (receiver: Receiver) => boolean, timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

/** Listens on 127.0.0.1; on a free port unless one is given. */
export async function startReceiver(port = 0): Promise<Receiver> {
  let decide: Parameters<Receiver['behave']>[0] = () => undefined;
  const problems: string[] = [];
  const sockets = new Set<Socket>();
  let changed = () => {};

  const answer = (request: IncomingMessage, response: ServerResponse, raw: Buffer): void => {
    let received: Omit<ReceivedRequest, 'accepted'>;
    try {
      received = read(request, raw);
    } catch (error) {
      problems.push(String(error));
      response.writeHead(400, { 'content-type': 'text/plain' }).end(String(error));
      changed();
      return;
    }
    const { status = 200, rejected = 0, message = '', ...how } = decide(received) ?? {};
    const accepted = status < 300 && how.fault !== 'silent' && how.fault !== 'reset';
    receiver.requests.push({ ...received, accepted });
    if (accepted) {
      receiver.records.push(...received.records);
      receiver.metrics.push(...received.metrics);
    }
    const reply = () => {
      const json = request.headers['content-type'] === 'application/json';
      const partial = { rejectedLogRecords: String(rejected), errorMessage: message };
      const success = json
        ? JSON.stringify(rejected > 0 || message ? { partialSuccess: partial } : {})
        : encodeOfficialResponse(received.signal, rejected, message);
      const type = json ? 'application/json' : 'application/x-protobuf';
      response.writeHead(status, { 'content-type': type, ...how.headers });
      if (how.fault === 'stall') response.flushHeaders();
      else response.end(how.body ?? (status < 300 ? success : ''));
    };
    if (how.fault === 'reset') request.socket.resetAndDestroy();
    else if (how.fault !== 'silent') void Promise.resolve(how.after).then(reply);
    changed();
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', chunk => chunks.push(chunk));
    request.on('end', () => answer(request, response, Buffer.concat(chunks)));
  });
  server.on('connection', socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const bound = (server.address() as AddressInfo).port;

  const receiver: Receiver = {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    records: [],
    metrics: [],
    requests: [],
    behave(next) {
      decide = next;
    },
    waitFor: (predicate, timeoutMs = 10_000) =>
      new Promise((resolve, reject) => {
        const finish = (error?: Error) => {
          clearTimeout(timer);
          changed = () => {};
          if (error) reject(error);
          else resolve();
        };
        const timer = setTimeout(() => {
          const { records, metrics, requests } = receiver;
          const seen = `${requests.length} requests, ${records.length} records, ${metrics.length} metrics`;
          finish(new Error(`not within ${timeoutMs} ms; seen: ${seen}`));
        }, timeoutMs);
        changed = () => {
          if (problems.length > 0) finish(new Error(problems.join('\n')));
          else if (predicate(receiver)) finish();
        };
        changed();
      }),
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  return receiver;
}

function read(request: IncomingMessage, raw: Buffer): Omit<ReceivedRequest, 'accepted'> {
  const path = request.url ?? '';
  const signal = path.endsWith('/v1/logs') ? 'logs' : path.endsWith('/v1/metrics') ? 'metrics' : undefined;
  if (request.method !== 'POST' || !signal) throw new Error(`not an OTLP request: ${request.method} ${path}`);
  const encoding = request.headers['content-encoding'];
  const bytes = encoding === 'gzip' ? gunzipSync(raw) : encoding === 'zstd' ? zstdDecompressSync(raw) : raw;
  if (encoding !== undefined && bytes === raw) throw new Error(`unknown content-encoding ${encoding}`);
  const type = request.headers['content-type'];
  if (type !== 'application/json' && type !== 'application/x-protobuf')
    throw new Error(`content-type ${type}`);
  const decode = <S extends Signal>(of: S) =>
    type === 'application/json' ? parseOfficial(of, bytes.toString()) : decodeOfficial(of, bytes);
  return {
    signal,
    path,
    headers: request.headers,
    bytes,
    records: signal === 'logs' ? recordsOf(decode('logs')) : [],
    metrics: signal === 'metrics' ? metricsOf(decode('metrics')) : [],
    remotePort: request.socket.remotePort ?? 0,
  };
}

/** The records of a request, each with its resource. */
export function recordsOf(logs: OfficialLogs): ReceivedRecord[] {
  return (logs.resourceLogs ?? []).flatMap(({ resource, scopeLogs }) => {
    const attributes = plain(resource?.attributes);
    return (scopeLogs ?? []).flatMap(scope =>
      (scope.logRecords ?? []).map(record => ({
        resource: attributes,
        time: BigInt(record.timeUnixNano ?? 0),
        observed: BigInt(record.observedTimeUnixNano ?? 0),
        severity: record.severityNumber ?? 0,
        severityText: record.severityText ?? '',
        body: plainValue(record.body),
        eventName: record.eventName ?? '',
        attributes: plain(record.attributes),
      })),
    );
  });
}

/** The metrics of a request, each with its resource. */
export function metricsOf(metrics: OfficialMetrics): ReceivedMetric[] {
  return (metrics.resourceMetrics ?? []).flatMap(({ resource, scopeMetrics }) =>
    (scopeMetrics ?? []).flatMap(scope =>
      (scope.metrics ?? []).map(metric => ({ ...metric, resource: plain(resource?.attributes) })),
    ),
  );
}
