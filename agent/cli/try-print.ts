// A record as a page for people: what it is, then its attributes by name. Pure.

import type { DecodedRecord, Value } from '../core/decode.ts';
import { isoTime } from '../core/line.ts';
import { severityLabel } from '../core/record.ts';
import { columns } from './format.ts';
import { visible } from './record.ts';

const INDENT = '  ';

/** Without a newline at its end. */
export function describeRecord(record: DecodedRecord): string {
  const { resource, severity, severityText, time, observed, body, eventName, attributes } = record;
  const { traceId, spanId, traceFlags } = record;
  const rows: string[][] = [
    ['service.name', show(resource['service.name'] ?? '')],
    ...(resource['host.name'] === undefined ? [] : [['host.name', show(resource['host.name'])]]),
    ['time', time === 0n ? `${isoTime(observed)} (when it came)` : isoTime(time)],
    ['severity', severity === 0 ? 'none' : `${severityText || severityLabel(severity)} (${severity})`],
    ...(eventName === '' ? [] : [['event', eventName]]),
    ...(traceId === '' ? [] : [['trace_id', traceId]]),
    ...(spanId === '' ? [] : [['span_id', spanId]]),
    ...(traceFlags === '' ? [] : [['trace_flags', traceFlags]]),
    ['body', show(body)],
    ...Object.keys(attributes)
      .sort()
      .map(key => [`${INDENT}${visible(key)}`, show(attributes[key]!)]),
  ];
  return columns(rows).trimEnd();
}

function show(value: Value): string {
  if (typeof value === 'string') return visible(value).replaceAll('\n', '\\n');
  if (value instanceof Uint8Array) return `${value.toBase64()} (bytes, base64)`;
  return visible(
    JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? String(each) : each)) ?? 'null',
  );
}
