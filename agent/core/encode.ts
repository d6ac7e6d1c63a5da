// Log records as OTLP bytes: each record is encoded once, when it is pushed, and never looked at again on its way
// out. Pure; encoding a record allocates nothing. Field numbers: opentelemetry/proto/logs/v1/logs.proto.

import { writeAttribute } from './attribute.ts';
import { writeBool, writeKey, writeNumber, writeText } from './key-value.ts';
import { isTime, ProtoWriter, putVarint, TIME_BYTES, varintSize, Wire } from './protobuf.ts';
import {
  type Attributes,
  hexDigit,
  Kind,
  type LogRecord,
  type Origin,
  type Outline,
  traceDigits,
  utf8,
} from './record.ts';
import { VERSION } from './version.ts';

/** The bytes of what had to be repaired to be text. */
export const ORIGINAL = utf8('log.record.original');
const UPPER_FLAGS = new Uint8Array(3);
const UID_DIGITS = 32;
/** The two digits of a byte. */
const HEX = Uint16Array.from({ length: 256 }, (_, byte) => {
  const digits = byte.toString(16).padStart(2, '0');
  return (digits.charCodeAt(0) << 8) | digits.charCodeAt(1);
});
/** The attribute `log.record.uid` up to its digits; all its lengths are constant. */
const UID_PREFIX = utf8('\x32\x34\x0a\x0elog.record.uid\x12\x22\x0a\x20');

/** Appends one `ScopeLogs.log_records` entry, tag included. Borrows nothing. */
export function encodeRecord(w: ProtoWriter, r: LogRecord): void {
  if (r.outline !== undefined && r.position >= 0 && fillOutline(w, r, r.outline)) return;
  const size = r.bodyEnd - r.bodyStart;
  w.tag(2, Wire.Bytes);
  const entry = w.begin(size + 128);
  timeAndSeverity(w, r);
  w.tag(5, Wire.Bytes);
  const body = w.begin(size + 2);
  w.tag(1, Wire.Bytes);
  const repaired = w.text(r.buf, r.bodyStart, r.bodyEnd);
  w.end(body);
  const hasTrace = attributes(w, r.attributes);
  if (r.position >= 0) {
    w.raw(UID_PREFIX);
    uid(w, r);
  }
  if (repaired && r.attributes.find(ORIGINAL) < 0) original(w, r);
  if (hasTrace) trace(w, r.attributes);
  w.time(11, r.observedSeconds, r.observedNanos);
  if (r.eventName.length > 0) {
    w.tag(12, Wire.Bytes);
    w.bytes(r.eventName);
  }
  w.end(entry);
}

/** For `LogRecord.outline`: with it a record costs half of what it costs with cached attributes (bench/encode.ts). */
export function encodeOutline(r: LogRecord): Outline {
  const w = new ProtoWriter(512);
  timeAndSeverity(w, r);
  const beforeBody = w.pos;
  const words = new DataView(w.buf.slice(0, (beforeBody + 7) & ~7).buffer);
  w.reset();
  attributes(w, r.attributes);
  w.raw(UID_PREFIX);
  return { words, beforeBody, behindBody: w.copy() };
}

/**
 * Every length is known beforehand, so nothing is moved, and nobody asks for room again; but not that of a body to be repaired:
 * then false, and nothing is written.
 */
function fillOutline(w: ProtoWriter, r: LogRecord, { words, beforeBody, behindBody }: Outline): boolean {
  const { pos } = w;
  const size = r.bodyEnd - r.bodyStart;
  const any = 1 + varintSize(size) + size;
  const body = 1 + varintSize(any) + any;
  const length =
    beforeBody + body + behindBody.length + UID_DIGITS + (isTime(r.observedSeconds) ? TIME_BYTES : 0);
  w.ensure(length + 16);
  const { buf, view } = w;
  buf[pos] = (2 << 3) | Wire.Bytes;
  let at = putVarint(buf, pos + 1, length);
  for (let i = 0; i < beforeBody; i += 8) view.setBigInt64(at + i, words.getBigInt64(i, true), true);
  at += beforeBody;
  buf[at] = (5 << 3) | Wire.Bytes;
  at = putVarint(buf, at + 1, any);
  buf[at] = (1 << 3) | Wire.Bytes;
  w.pos = at + 1;
  if (!w.utf8(r.buf, r.bodyStart, r.bodyEnd)) {
    w.pos = pos;
    return false;
  }
  buf.set(behindBody, w.pos);
  w.pos += behindBody.length;
  uid(w, r);
  w.time(11, r.observedSeconds, r.observedNanos);
  return true;
}

function timeAndSeverity(w: ProtoWriter, r: LogRecord): void {
  w.time(1, r.seconds, r.nanos);
  if (r.severity > 0) {
    w.tag(2, Wire.Varint);
    w.varint(r.severity);
  }
  if (r.severityText.length > 0) {
    w.tag(3, Wire.Bytes);
    w.bytes(r.severityText);
  }
}

/** All attributes as `Attributes.fields()` takes them. */
export function encodeAttributes(given: Attributes): Uint8Array {
  const w = new ProtoWriter(256);
  attributes(w, given);
  return w.copy();
}

/** Whether there is trace context among them, which stands elsewhere. */
function attributes(w: ProtoWriter, a: Attributes): boolean {
  let hasTrace = false;
  for (let i = 0; i < a.size; i++)
    if (a.kinds[i]! >= Kind.TraceId) hasTrace = true;
    else attribute(w, a, i);
  return hasTrace;
}

function attribute(w: ProtoWriter, a: Attributes, i: number): void {
  const kind = a.kinds[i]!;
  const bytes = a.bytes[i]!;
  const start = a.starts[i]!;
  const end = a.ends[i]!;
  if (kind === Kind.Fields) {
    w.raw(bytes, start, end);
    return;
  }
  const key = a.keys[i]!;
  const n = a.numbers[i]!;
  if (kind === Kind.Text) writeText(w, 6, key, 0, key.length, bytes, start, end);
  else if (kind === Kind.Value) {
    writeKey(w, 6, key, 0, key.length, end - start);
    w.raw(bytes, start, end);
  } else if (kind === Kind.Bool) writeBool(w, 6, key, 0, key.length, n !== 0);
  // An integer a double cannot hold exactly goes out as the double it is.
  else writeNumber(w, 6, key, 0, key.length, n, kind === Kind.Int);
}

/** The W3C flags are the lowest byte of `flags`. */
function trace(w: ProtoWriter, a: Attributes): void {
  const flags = a.kinds.lastIndexOf(Kind.TraceFlags, a.size - 1);
  if (flags >= 0) {
    w.tag(8, Wire.Fixed32);
    hexBytes(w, a, flags);
    w.raw(UPPER_FLAGS);
  }
  for (const kind of [Kind.TraceId, Kind.SpanId]) {
    const i = a.kinds.lastIndexOf(kind, a.size - 1);
    if (i < 0) continue;
    w.tag(kind === Kind.TraceId ? 9 : 10, Wire.Bytes);
    w.varint(traceDigits(kind) / 2);
    hexBytes(w, a, i);
  }
}

/** The bytes that the hex digits of entry `i` mean. */
function hexBytes(w: ProtoWriter, a: Attributes, i: number): void {
  const digits = a.bytes[i]!;
  w.ensure(16);
  for (let at = a.starts[i]!; at < a.ends[i]!; at += 2)
    w.buf[w.pos++] = (hexDigit(digits[at]!) << 4) | hexDigit(digits[at + 1]!);
}

/** 8 + 8 digits name the source, 16 the position in it. */
function uid(w: ProtoWriter, r: LogRecord): void {
  w.ensure(UID_DIGITS);
  const { pos, view } = w;
  hex32(view, pos, r.sourceHigh);
  hex32(view, pos + 8, r.sourceLow);
  hex32(view, pos + 16, (r.position / 2 ** 32) | 0);
  hex32(view, pos + 24, r.position | 0);
  w.pos = pos + UID_DIGITS;
}

/** The 32 bits of a number as eight hexadecimal digits. */
function hex32(view: DataView, pos: number, word: number): void {
  view.setInt32(pos, (HEX[word >>> 24]! << 16) | HEX[(word >>> 16) & 0xff]!);
  view.setInt32(pos + 4, (HEX[(word >>> 8) & 0xff]! << 16) | HEX[word & 0xff]!);
}

/** The body as it came, where the string had to be repaired. */
function original(w: ProtoWriter, r: LogRecord): void {
  const size = r.bodyEnd - r.bodyStart;
  w.tag(6, Wire.Bytes);
  const entry = w.begin(size + ORIGINAL.length + 8);
  w.tag(1, Wire.Bytes);
  w.bytes(ORIGINAL);
  w.tag(2, Wire.Bytes);
  const any = w.begin(size + 2);
  w.tag(7, Wire.Bytes);
  w.bytes(r.buf, r.bodyStart, r.bodyEnd);
  w.end(any);
  w.end(entry);
}

/**
 * The content of a Resource message: `service.name`, the origin's attributes, then the host's. Of a relayed message
 * the sender's `host.name` is all that is known of its host.
 */
export function encodeResource(origin: Origin, host: ReadonlyArray<readonly [string, string]>): Uint8Array {
  const attributes = new Map([['service.name', origin.service], ...origin.attributes]);
  if (origin.host !== undefined) attributes.set('host.name', origin.host);
  for (const [key, value] of host) {
    if (attributes.has(key) || (origin.host !== undefined && /^(host|os|k8s\.node)\./.test(key))) continue;
    attributes.set(key, value);
  }
  const w = new ProtoWriter(512);
  for (const [key, value] of attributes) writeAttribute(w, 1, key, value);
  return w.copy();
}

/** Records of one resource. */
export interface RecordGroup {
  /** From `encodeResource()`. */
  readonly resource: Uint8Array;
  /** Entries from `encodeRecord()`: bytes `start..end` of `records`. */
  readonly records: Uint8Array;
  readonly start?: number;
  readonly end?: number;
}

function encodeScope(): Uint8Array {
  const w = new ProtoWriter(64);
  w.tag(1, Wire.Bytes);
  const scope = w.begin();
  w.tag(1, Wire.Bytes);
  w.string('eudaemon');
  w.tag(2, Wire.Bytes);
  w.string(VERSION);
  w.end(scope);
  return w.copy();
}

/** The InstrumentationScope of everything the agent sends, as field 1 of ScopeLogs and of ScopeMetrics. */
export const SCOPE = encodeScope();

/** An ExportLogsServiceRequest in `memory`, which gives room for it. */
export function sealRequest(
  groups: Iterable<RecordGroup>,
  memory = (bytes: number): Uint8Array => new Uint8Array(bytes),
): Uint8Array {
  const all = [...groups];
  let size = 0;
  for (const group of all) size += group.resource.length + lengthOf(group) + SCOPE.length + 32;
  const w = new ProtoWriter(memory(size));
  for (const group of all) {
    const length = lengthOf(group);
    w.tag(1, Wire.Bytes);
    const entry = w.begin(group.resource.length + length + SCOPE.length + 12);
    w.tag(1, Wire.Bytes);
    w.bytes(group.resource);
    w.tag(2, Wire.Bytes);
    w.varint(SCOPE.length + length);
    w.raw(SCOPE);
    w.raw(group.records, group.start ?? 0, group.end ?? group.records.length);
    w.end(entry);
  }
  return w.buf.subarray(0, w.pos);
}

const lengthOf = (group: RecordGroup): number => (group.end ?? group.records.length) - (group.start ?? 0);
