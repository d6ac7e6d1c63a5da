// The OpenTelemetry project's own generated codec, as a judge: it decodes what we encode, and its encoder must give
// back the very same bytes, which proves that nothing is unknown to it, doubled, misplaced or needlessly long.

import { isDeepStrictEqual } from 'node:util';
import root from 'otlp-official/build/src/generated/root.js';

interface Codec {
  decode(bytes: Uint8Array): object;
  encode(message: object): { finish(): Uint8Array };
  toObject(message: object, options: object): Record<string, unknown>;
  fromObject(object: object): object;
}

const codecs = (root as unknown as { opentelemetry: { proto: { collector: Record<string, unknown> } } })
  .opentelemetry.proto.collector as {
  logs: { v1: { ExportLogsServiceRequest: Codec; ExportLogsServiceResponse: Codec } };
  metrics: { v1: { ExportMetricsServiceRequest: Codec; ExportMetricsServiceResponse: Codec } };
};

export type OfficialValue =
  | { stringValue: string }
  | { boolValue: boolean }
  | { intValue: string }
  | { doubleValue: number }
  | { bytesValue: string }
  | { arrayValue: { values?: OfficialValue[] } }
  | { kvlistValue: { values?: OfficialPair[] } };
export type OfficialPair = { key: string; value?: OfficialValue };
export interface OfficialScope {
  name?: string;
  version?: string;
}
export interface OfficialLogRecord {
  timeUnixNano?: string;
  observedTimeUnixNano?: string;
  severityNumber?: number;
  severityText?: string;
  body?: OfficialValue;
  attributes?: OfficialPair[];
  eventName?: string;
  flags?: number;
  traceId?: string;
  spanId?: string;
}
export interface OfficialLogs {
  resourceLogs?: {
    resource?: { attributes?: OfficialPair[] };
    scopeLogs?: { scope?: OfficialScope; logRecords?: OfficialLogRecord[] }[];
  }[];
}
export interface OfficialPoint {
  attributes?: OfficialPair[];
  startTimeUnixNano?: string;
  timeUnixNano?: string;
  asDouble?: number;
  asInt?: string;
  count?: string;
  sum?: number;
  bucketCounts?: string[];
  explicitBounds?: number[];
}
export interface OfficialMetric {
  name: string;
  description?: string;
  unit?: string;
  gauge?: { dataPoints: OfficialPoint[] };
  sum?: { dataPoints: OfficialPoint[]; aggregationTemporality: number; isMonotonic: boolean };
  histogram?: { dataPoints: OfficialPoint[]; aggregationTemporality: number };
}
export interface OfficialMetrics {
  resourceMetrics?: {
    resource?: { attributes?: OfficialPair[] };
    scopeMetrics?: { scope?: OfficialScope; metrics?: OfficialMetric[] }[];
  }[];
}

export type Signal = 'logs' | 'metrics';
type Request<S extends Signal> = S extends 'logs' ? OfficialLogs : OfficialMetrics;

const request = (signal: Signal): Codec =>
  signal === 'logs' ? codecs.logs.v1.ExportLogsServiceRequest : codecs.metrics.v1.ExportMetricsServiceRequest;

/** Decodes a request; throws when it is not exactly what the official encoder would have written. */
export function decodeOfficial<S extends Signal>(signal: S, bytes: Uint8Array): Request<S> {
  const codec = request(signal);
  const message = codec.decode(bytes);
  const again = codec.encode(message).finish();
  if (Buffer.compare(again, bytes) !== 0)
    throw new Error(`not canonical OTLP: ${bytes.length} bytes came, ${again.length} would be right`);
  return codec.toObject(message, { longs: String, bytes: String }) as Request<S>;
}

/** Reads OTLP/JSON; throws when a name or a form is not the one the protobuf definition has. */
export function parseOfficial<S extends Signal>(signal: S, text: string): Request<S> {
  const codec = request(signal);
  const given = JSON.parse(text) as object;
  const understood = codec.toObject(codec.fromObject(given), { longs: String, bytes: String, json: true });
  if (!isDeepStrictEqual(understood, given))
    throw new Error(`not OTLP/JSON: ${text}\nunderstood as: ${JSON.stringify(understood)}`);
  return understood as Request<S>;
}

/** An ExportLogsServiceResponse or ExportMetricsServiceResponse. */
export function encodeOfficialResponse(signal: Signal, rejected: number, errorMessage: string): Uint8Array {
  const codec =
    signal === 'logs'
      ? codecs.logs.v1.ExportLogsServiceResponse
      : codecs.metrics.v1.ExportMetricsServiceResponse;
  const partialSuccess =
    signal === 'logs'
      ? { rejectedLogRecords: rejected, errorMessage }
      : { rejectedDataPoints: rejected, errorMessage };
  return codec.encode(codec.fromObject(rejected || errorMessage ? { partialSuccess } : {})).finish();
}

/** A request as the official encoder writes it, from its JSON form. */
export function encodeOfficial<S extends Signal>(signal: S, object: Request<S>): Uint8Array {
  const codec = request(signal);
  return Uint8Array.from(codec.encode(codec.fromObject(object)).finish());
}

/** Attributes as plain values; integers as numbers, bytes in base64. Throws where a key stands twice, which OTLP forbids. */
export function plain(pairs: OfficialPair[] = []): Record<string, unknown> {
  const values = Object.fromEntries(pairs.map(pair => [pair.key, plainValue(pair.value)]));
  if (Object.keys(values).length < pairs.length)
    throw new Error(`a key stands twice among ${pairs.map(pair => pair.key).join(', ')}`);
  return values;
}

export function plainValue(value: OfficialValue | undefined): unknown {
  if (!value) return null;
  if ('intValue' in value) return Number(value.intValue);
  if ('arrayValue' in value) return (value.arrayValue.values ?? []).map(plainValue);
  if ('kvlistValue' in value) return plain(value.kvlistValue.values);
  return Object.values(value)[0] ?? null;
}
