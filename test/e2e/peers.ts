// Receivers of OTLP that other people wrote, each with what arrived there, read back from what it writes.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { FIRST, SERVER } from '../certificates.ts';
import { type OfficialLogs, type OfficialMetrics, type OfficialPoint, plain } from '../official.ts';
import {
  metricsOf,
  type ReceivedMetric,
  type ReceivedRecord,
  recordsOf,
  startReceiver,
} from '../receiver.ts';
import { freePort, tempDir } from './program.ts';
import { until } from './until.ts';

/** A point of a metric; what the receiver does not show is absent. */
export interface Figure {
  readonly name: string;
  readonly attributes: Record<string, unknown>;
  /** Of a histogram: how many were observed. */
  readonly value: number;
  readonly service?: unknown;
  readonly unit?: string;
  readonly kind?: string;
  readonly bounds?: readonly number[];
}

/** What a receiver makes of what it was given. */
export interface Quirks {
  /** What of a figure it does not print. */
  readonly hides?: readonly string[];
  /** It prints times to the microsecond. */
  readonly roundsTime?: boolean;
  /** Integers of attributes beyond 32 bits come out as others. */
  readonly cutsIntegers?: boolean;
  /** It takes a request with bytes in it, and loses the record and those behind it. */
  readonly losesBytes?: boolean;
}

export interface Peer {
  /** `exporters.otlp.endpoint` for HTTP and for gRPC. */
  readonly http: string;
  readonly grpc: string;
  readonly quirks?: Quirks;
  /** What it has printed, for the error message. */
  output(): string;
  records(): ReceivedRecord[];
  figures(): Figure[];
}

/** The receiver of these tests, which is strict. */
export async function startStrict(): Promise<Peer> {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.close());
  return {
    http: receiver.url,
    grpc: '',
    output: () => `${receiver.requests.length} requests`,
    records: () => receiver.records,
    figures: () => receiver.metrics.flatMap(figuresOf),
  };
}

function figuresOf({ name, unit = '', resource, gauge, sum, histogram }: ReceivedMetric): Figure[] {
  const kind = histogram ? 'histogram' : sum?.isMonotonic ? 'counter' : 'gauge';
  const cumulative = (sum ?? histogram)?.aggregationTemporality ?? CUMULATIVE;
  if (cumulative !== CUMULATIVE) throw new Error(`${name} is not cumulative`);
  return (gauge ?? sum ?? histogram)!.dataPoints.map(point => ({
    name,
    unit,
    kind,
    service: resource['service.name'],
    attributes: plain(point.attributes),
    value: observations(point),
    ...(histogram ? { bounds: point.explicitBounds ?? [] } : {}),
  }));
}

const CUMULATIVE = 2;

function observations({ count, bucketCounts = [], asDouble, asInt }: OfficialPoint): number {
  if (count === undefined) return asDouble ?? Number(asInt ?? 0);
  const sum = bucketCounts.reduce((all, each) => all + Number(each), 0);
  if (sum !== Number(count)) throw new Error(`${count} observed, ${sum} in buckets`);
  return sum;
}

/** What runs until the test ends. */
function run(program: string, args: readonly string[]): () => string {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', chunk => {
      output += chunk;
    });
  onTestFinished(async () => {
    const ended = new Promise(end => child.once('close', end));
    child.kill('SIGKILL');
    await ended;
  });
  return () => output;
}

const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];

/** The OpenTelemetry Collector; `mutual`: it shows SERVER and lets in who shows FIRST. */
export async function startCollector(program: string, mutual = false): Promise<Peer> {
  const directory = tempDir('otelcol');
  const at = (name: string) => join(directory, name);
  writeFileSync(at('server.pem'), SERVER.cert);
  writeFileSync(at('server.key'), SERVER.key);
  writeFileSync(at('client.pem'), FIRST.cert);
  const tls = mutual
    ? { tls: { cert_file: at('server.pem'), key_file: at('server.key'), client_ca_file: at('client.pem') } }
    : {};
  const [http, grpc] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const pipeline = { receivers: ['otlp'], exporters: ['file'] };
  const config = {
    receivers: {
      otlp: { protocols: { http: { endpoint: http, ...tls }, grpc: { endpoint: grpc, ...tls } } },
    },
    exporters: { file: { path: at('out') } },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: { logs: pipeline, metrics: pipeline },
    },
  };
  writeFileSync(at('config.yaml'), stringify(config));
  const output = run(program, ['--config', at('config.yaml')]);
  await until('the Collector is ready', () => output().includes('Everything is ready'));
  const scheme = mutual ? 'https' : 'http';
  const requests = () => linesOf(at('out')).map(line => JSON.parse(line) as OfficialLogs & OfficialMetrics);
  return {
    http: `${scheme}://${http}`,
    grpc: `${scheme}://${grpc}`,
    output,
    records: () => requests().flatMap(recordsOf),
    figures: () => requests().flatMap(metricsOf).flatMap(figuresOf),
  };
}

/** Fluent Bit, which reads OTLP/JSON and protobuf with different errors of its own. */
export async function startFluentBit(program: string, protocol: string): Promise<Peer> {
  const port = await freePort();
  const service = { flush: 0.2, log_level: 'info' };
  const pipeline = {
    inputs: [{ name: 'opentelemetry', listen: '127.0.0.1', port }],
    outputs: [{ name: 'stdout', match: '*', format: 'json_lines' }],
  };
  const config = join(tempDir('fluent-bit'), 'config.yaml');
  writeFileSync(config, stringify({ service, pipeline }));
  const output = run(program, ['-c', config]);
  await until('Fluent Bit listens', () => output().includes(`listening on 127.0.0.1:${port}`));
  const lines = () => output().split('\n').slice(0, -1);
  const url = `http://127.0.0.1:${port}`;
  return {
    http: url,
    grpc: url,
    quirks: {
      hides: ['service', 'unit', 'kind'],
      roundsTime: protocol === 'http/json',
      cutsIntegers: protocol !== 'http/json',
      losesBytes: protocol === 'http/json',
    },
    output,
    records: () => lines().flatMap(readRecord),
    figures: () => lines().flatMap(readFigure),
  };
}

interface Printed {
  __internal__: {
    group_attributes: { resource: { attributes: Record<string, unknown> } };
    log_metadata: {
      otlp: {
        timestamp?: bigint;
        observed_timestamp: bigint;
        severity_number: number;
        severity_text: string;
        event_name?: string;
        attributes: Record<string, unknown>;
      };
    };
  };
  log: unknown;
  date: number;
}

function readRecord(line: string): ReceivedRecord[] {
  if (!line.startsWith('{')) return [];
  const { __internal__: internal, log, date } = JSON.parse(line, exact) as Printed;
  const { otlp } = internal.log_metadata;
  return [
    {
      resource: internal.group_attributes.resource.attributes,
      time: otlp.timestamp ?? BigInt(Math.round(date * 1e6)) * 1000n,
      observed: otlp.observed_timestamp,
      severity: otlp.severity_number,
      severityText: otlp.severity_text,
      body: log,
      eventName: otlp.event_name ?? '',
      attributes: otlp.attributes,
    },
  ];
}

/** Nanoseconds do not fit a double. */
const exact = (key: string, value: unknown, { source }: { source?: string } = {}) =>
  source !== undefined && /timestamp$/.test(key) ? BigInt(source) : value;

/** `2026-11-25T22:41:12.888Z name{label="value"} = 1`, a histogram `= { buckets = { … }, sum=1.5, count=3 }`. */
function readFigure(line: string): Figure[] {
  const found = /^\d{4}-[^ ]+Z ([\w.]+)(?:\{(.*?)\})? = (.*)$/.exec(line);
  if (!found) return [];
  const [, name = '', labels = '', value = ''] = found;
  const attributes = Object.fromEntries(
    Array.from(labels.matchAll(/([\w.]+)="((?:[^"\\]|\\.)*)"/g), ([, key, text]) => [key, text]),
  );
  return [{ name, attributes, value: Number(/count=(\d+)/.exec(value)?.[1] ?? value) }];
}
