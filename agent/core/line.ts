// The line of a stored record: one JSON object, readable by jq and by people. Pure.

import type { DecodedRecord, Value } from './decode.ts';
import { severityLabel } from './record.ts';

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** Keys without a value are absent. 64-bit integers beyond 2^53 are decimal text, bytes are base64. */
export interface StoredRecord {
  /** The sender's time, else ours; ISO 8601 in UTC with nine decimals, so that text order is time order. */
  readonly time: string;
  readonly observed: string;
  /** service.name: the daemon, else the syslog tag, else the file's name. */
  readonly service: string;
  /** host.name: this host, or the one a relayed message came from. */
  readonly host?: string;
  /** syslog keyword, or what the sender called it. */
  readonly severity?: string;
  /** OpenTelemetry SeverityNumber. */
  readonly severity_number?: number;
  readonly body: Json;
  /** EventName. */
  readonly event?: string;
  /** Trace context in hex, as OpenTelemetry names it in formats other than OTLP. */
  readonly trace_id?: string;
  readonly span_id?: string;
  readonly trace_flags?: string;
  readonly attributes?: { readonly [key: string]: Json };
  /** Resource attributes besides service.name, host.name and those of this host itself. */
  readonly resource?: { readonly [key: string]: Json };
  /** Which exporter was refused this record for good, when, and why. */
  readonly dead_letter?: {
    readonly exporter: string;
    readonly reason: string;
    readonly message: string;
    readonly at: string;
  };
}

/** `host` are the resource attributes of this host, which are not repeated in each line. Lines end in `\n`. */
export function createEncoder(
  host: ReadonlyArray<readonly [string, string]>,
): (record: DecodedRecord) => string {
  const own = new Map(host);
  let resource: DecodedRecord['resource'] | undefined;
  let lifted: Pick<StoredRecord, 'service' | 'host' | 'resource'>;

  const lift = (given: DecodedRecord['resource']): typeof lifted => {
    const { 'service.name': service, 'host.name': name, ...others } = given;
    const rest = Object.entries(others).filter(([key, value]) => own.get(key) !== value);
    return {
      service: String(service ?? ''),
      host: name === undefined ? undefined : String(name),
      resource: rest.length > 0 ? plainMap(Object.fromEntries(rest)) : undefined,
    };
  };

  return record => {
    if (record.resource !== resource) {
      resource = record.resource;
      lifted = lift(resource);
    }
    const observed = isoTime(record.observed);
    const { severity } = record;
    const line: StoredRecord = {
      time: record.time === 0n ? observed : isoTime(record.time),
      observed,
      service: lifted.service,
      host: lifted.host,
      severity: record.severityText || (severity > 0 ? severityLabel(severity) : undefined),
      severity_number: severity > 0 ? severity : undefined,
      body: plain(record.body),
      event: record.eventName || undefined,
      trace_id: record.traceId || undefined,
      span_id: record.spanId || undefined,
      trace_flags: record.traceFlags || undefined,
      attributes: Object.keys(record.attributes).length > 0 ? plainMap(record.attributes) : undefined,
      resource: lifted.resource,
    };
    return `${JSON.stringify(line)}\n`;
  };
}

/** Unix nanoseconds, at most 64 bits of them, as ISO 8601 in UTC with nine decimals. */
export function isoTime(nanos: bigint): string {
  const seconds = nanos / 1_000_000_000n;
  const date = new Date(Number(seconds) * 1000);
  return `${date.toISOString().slice(0, 19)}.${String(nanos % 1_000_000_000n).padStart(9, '0')}Z`;
}

function plain(value: Value): Json {
  switch (typeof value) {
    case 'bigint':
      return String(value);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'object':
      if (value === null) return null;
      if (Array.isArray(value)) return value.map(plain);
      return value instanceof Uint8Array ? value.toBase64() : plainMap(value);
    default:
      return value;
  }
}

function plainMap(map: { [key: string]: Value }): { [key: string]: Json } {
  // fromEntries defines its keys, so that `__proto__` is one like any other.
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, plain(value)]));
}
