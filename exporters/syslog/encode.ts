// A record as an RFC 5424 message. Pure. What came by syslog goes out as it came: facility, severity, header fields,
// structured data. What else is known of a record stands in a structured data element of our own.

import type { DecodedRecord, Value } from '../../agent/core/decode.ts';
import { isoTime } from '../../agent/core/line.ts';

export interface Form {
  /** Facility number of records without one. */
  readonly facility: number;
  /** SD-ID of our own element. */
  readonly sdId: string;
  /** Bytes of one message at most. */
  readonly maxBytes: number;
  /** host.name of this host, for records that name none. */
  readonly hostname: string;
  /** Names this host among the relays of a message. */
  readonly mark: string;
  /** Resource attributes of this host, which are not repeated in each message. */
  readonly host: ReadonlyArray<readonly [string, string]>;
}

type Params = Map<string, string>;

const encoder = new TextEncoder();
const NILVALUE = '-';
const TRACE_SD_ID = 'opentelemetry';
/** Room for ` part="999/999"`, which stands in the element of each part. */
const PART_BYTES = 16;
/** At least so much of a message is text, however much is known about it. */
const LEAST_TEXT = 4;

/** One message, or several where it is too long for one. */
export function encodeMessage(record: DecodedRecord, form: Form): Uint8Array[] {
  const { attributes } = record;
  const pri = facilityOf(attributes, form) * 8 + severityOf(record.severity);
  const time = `${isoTime(record.time === 0n ? record.observed : record.time).slice(0, 26)}Z`;
  const procid = attributes['syslog.procid'] ?? attributes['process.pid'];
  const header = [
    `<${pri}>1`,
    time,
    field(attributes['syslog.hostname'] ?? record.resource['host.name'] ?? form.hostname, 255),
    field(attributes['syslog.appname'] ?? record.resource['service.name'], 48),
    field(procid, 128),
    field(attributes['syslog.msgid'] ?? (record.eventName || undefined), 32),
  ].join(' ');
  const text = textOf(record);
  const room = form.maxBytes - encoder.encode(header).length - PART_BYTES - 4;
  const { own, others } = elements(record, form, procid, room - Math.ceil(form.maxBytes / LEAST_TEXT));
  const start = (part: string) => encoder.encode(`${header} [${form.sdId}${own}${part}]${others}`);
  const whole = start('');
  if (whole.length + 1 + text.length <= form.maxBytes) return [message(whole, text)];

  const pieces = cut(text, Math.max(1, form.maxBytes - whole.length - PART_BYTES - 1));
  return pieces.map((piece, i) => message(start(` part="${i + 1}/${pieces.length}"`), piece));
}

/** Whether the message has been forwarded by this host before. */
export function isRelayed(record: DecodedRecord, { sdId, mark }: Form): boolean {
  const via = asMap(asMap(record.attributes['syslog.structured_data'])?.[sdId])?.['via'];
  return typeof via === 'string' && via.split(' ').includes(mark);
}

function message(start: Uint8Array, text: Uint8Array): Uint8Array {
  const whole = new Uint8Array(start.length + (text.length > 0 ? 1 + text.length : 0));
  whole.set(start);
  if (text.length > 0) {
    whole[start.length] = 0x20;
    whole.set(text, start.length + 1);
  }
  return whole;
}

function facilityOf(attributes: DecodedRecord['attributes'], form: Form): number {
  const given = attributes['syslog.facility'];
  return typeof given === 'number' && Number.isInteger(given) && given >= 0 && given < 24
    ? given
    : form.facility;
}

/** Of OpenTelemetry's SeverityNumber; `notice` where nothing is known, as RFC 3164 has it. */
function severityOf(severity: number): number {
  if (severity >= 21) return 0;
  if (severity >= 19) return 1;
  if (severity >= 18) return 2;
  if (severity >= 17) return 3;
  if (severity >= 13) return 4;
  if (severity >= 10 || severity === 0) return 5;
  return severity >= 9 ? 6 : 7;
}

/** Printable ASCII without spaces, of a length; anything else becomes `_`. */
function field(value: Value | undefined, length: number): string {
  const text = value === undefined || value === null ? '' : String(value);
  return text.slice(0, length).replace(/[^!-~]/g, '_') || NILVALUE;
}

/** The original of a body that was repaired; one of a header alone is not its text. */
const textOf = ({ body, attributes }: DecodedRecord): Uint8Array => {
  const text = typeof body === 'string' ? body : plainText(body);
  const original = attributes['log.record.original'];
  return original instanceof Uint8Array && text.includes('\ufffd') ? original : encoder.encode(text);
};

/** The content of our element and, behind it, those the message came with, as far as there is room. */
function elements(
  record: DecodedRecord,
  form: Form,
  procid: Value | undefined,
  room: number,
): { own: string; others: string } {
  let left = room - form.sdId.length;
  const take = (text: string): string => {
    const size = encoder.encode(text).length;
    if (size > left) return '';
    left -= size;
    return text;
  };
  const given = asMap(record.attributes['syslog.structured_data']) ?? {};
  let own = '';
  for (const [name, value] of ownParams(record, form, procid, asMap(given[form.sdId])))
    own += take(param(name, value));
  let others = take(traceElement(record, given));
  for (const [id, params] of Object.entries(given)) {
    if (id === form.sdId) continue;
    const content = Object.entries(asMap(params) ?? {}).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map(each => param(name, plainText(each))),
    );
    others += take(`[${sdName(id)}${content.join('')}]`);
  }
  return { own, others };
}

/** Trace context as OpenTelemetry has it in RFC 5424 messages; one that the message came with stays. */
function traceElement({ traceId, spanId, traceFlags }: DecodedRecord, given: Record<string, Value>): string {
  const parts = Object.entries({ trace_id: traceId, span_id: spanId, trace_flags: traceFlags });
  const content = parts.map(([name, value]) => (value === '' ? '' : param(name, value))).join('');
  return content === '' || TRACE_SD_ID in given ? '' : `[${TRACE_SD_ID}${content}]`;
}

const param = (name: string, value: string): string =>
  ` ${sdName(name)}="${value.replace(/["\\\]]/g, found => `\\${found}`)}"`;
const sdName = (name: string): string => name.slice(0, 32).replace(/[^!#-<>-\\^-~]/g, '_') || '_';

/** Params that are ours alone. */
const RESERVED: readonly string[] = ['via', 'part', 'service.name'];

/** The most useful first: what does not fit is left out. */
function ownParams(
  { resource, attributes }: DecodedRecord,
  form: Form,
  procid: Value | undefined,
  earlier: Record<string, Value> | undefined,
): Params {
  const params: Params = new Map();
  const before = earlier?.['via'];
  params.set('via', typeof before === 'string' ? `${before} ${form.mark}` : form.mark);
  for (const [name, value] of Object.entries(earlier ?? {}))
    if (!RESERVED.includes(name)) params.set(name, plainText(value));
  if (resource['service.name'] !== undefined) params.set('service.name', plainText(resource['service.name']));
  for (const [name, value] of Object.entries(attributes))
    if (
      !RESERVED.includes(name) &&
      !/^syslog\.|^log\.record\.original$/.test(name) &&
      !(name === 'process.pid' && value === procid)
    )
      params.set(name, plainText(value));
  const own = new Map(form.host);
  for (const [name, value] of Object.entries(resource))
    if (name !== 'service.name' && name !== 'host.name' && own.get(name) !== value)
      params.set(name, plainText(value));
  return params;
}

const asMap = (value: Value | undefined): Record<string, Value> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
    ? value
    : undefined;

function plainText(value: Value): string {
  if (value === null) return '';
  if (value instanceof Uint8Array) return value.toBase64();
  if (typeof value !== 'object') return String(value);
  return JSON.stringify(value, (_, each) =>
    typeof each === 'bigint' ? String(each) : each instanceof Uint8Array ? each.toBase64() : each,
  );
}

/** Pieces of at most so many bytes that end between characters where there are any. */
function cut(text: Uint8Array, length: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < text.length; ) {
    let end = Math.min(at + length, text.length);
    for (let back = 0; end < text.length && back < 3 && end - 1 > at && (text[end]! & 0xc0) === 0x80; back++)
      end--;
    pieces.push(text.subarray(at, end));
    at = end;
  }
  return pieces;
}
