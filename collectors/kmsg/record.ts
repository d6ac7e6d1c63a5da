// A record of the kernel becomes a log record. What programs write to the kernel's log (facility other than 0) begins with
// a tag, as for syslog.

import { writeAttribute } from '../../agent/core/attribute.ts';
import type { StreamRoom } from '../../agent/core/collector.ts';
import { ProtoWriter } from '../../agent/core/protobuf.ts';
import { LogRecord, SYSLOG_SEVERITY, utf8 } from '../../agent/core/record.ts';
import { KernelRecord } from './parse.ts';

const FACILITY = utf8('syslog.facility');
const SEQUENCE = utf8('kmsg.sequence');
const PARTIAL = utf8('eudaemon.partial');
const PARSE_ERROR = utf8('eudaemon.parse_error');
const NO_RECORD = utf8('not a record of /dev/kmsg');
/** `LogRecord.attributes` in opentelemetry/proto/logs/v1/logs.proto. */
const ATTRIBUTES = 6;
/** Whom the kernel's own records are of. */
const KERNEL = 'kernel';
const TAG = /^([\w./-]{1,64})(?:\[(\d{1,10})\])?: /;
/** More of a message is not searched for a tag. */
const MAX_TAG = 96;

export interface Recorder {
  /** Filled by `fill()`, valid until the next. */
  readonly record: LogRecord;
  /** Makes the record of bytes `start..end`; returns its sequence number, -1 for what is no record of the kernel. */
  fill(buf: Uint8Array, start: number, end: number, now: number, bootedMs: number): number;
}

/** `boot` names the boot that sequence numbers are of. */
export function createRecorder({ daemons, origins }: StreamRoom, boot: string): Recorder {
  const kernel = new KernelRecord();
  const record = new LogRecord();
  const attributes = new ProtoWriter(256);
  const decoder = new TextDecoder();
  const high = hashOf(boot, 1);
  const low = hashOf(boot, 2);

  const tell = (key: string, value: string) => writeAttribute(attributes, ATTRIBUTES, key, value);

  /** Who wrote it; takes the tag off. */
  const senderOf = (): string => {
    if (kernel.facility === 0) return KERNEL;
    const { text, start, end } = kernel;
    const head = decoder.decode(text.subarray(start, Math.min(end, start + MAX_TAG)));
    const [whole, tag, pid] = TAG.exec(head) ?? [];
    if (whole === undefined) return KERNEL;
    tell('syslog.appname', tag!);
    if (pid !== undefined) tell('syslog.procid', pid);
    record.bodyStart = start + whole.length;
    return tag!;
  };

  return {
    record,
    fill(buf, start, end, now, bootedMs) {
      record.clear();
      record.observedSeconds = Math.floor(now / 1000);
      record.observedNanos = Math.floor(now % 1000) * 1e6;
      record.sourceBytes = end - start;
      if (!kernel.parse(buf, start, end)) {
        record.origin = origins.of(KERNEL, daemons.ofIdentifier(KERNEL));
        record.buf = buf;
        record.bodyStart = start;
        record.bodyEnd = buf[end - 1] === 10 ? end - 1 : end;
        record.attributes.text(PARSE_ERROR, NO_RECORD);
        return -1;
      }
      record.buf = kernel.text;
      record.bodyStart = kernel.start;
      record.bodyEnd = kernel.end;
      attributes.reset();
      const sender = senderOf();
      const daemon = daemons.ofIdentifier(sender);
      record.origin = origins.of(daemon ?? sender, daemon);
      const severity = SYSLOG_SEVERITY[kernel.severity]!;
      record.severity = severity.number;
      record.severityText = severity.bytes;
      const micros = Math.round(bootedMs * 1000) + kernel.micros;
      record.seconds = Math.floor(micros / 1e6);
      record.nanos = (micros % 1e6) * 1000;
      record.attributes.int(FACILITY, kernel.facility);
      record.attributes.int(SEQUENCE, kernel.sequence);
      if (kernel.isFragment) record.attributes.bool(PARTIAL, true);
      if (kernel.caller !== '') tell('kmsg.caller', kernel.caller);
      for (const [key, value] of kernel.properties) tell(`kmsg.${key.toLowerCase()}`, value);
      if (attributes.pos > 0) record.attributes.fields(attributes.buf, 0, attributes.pos);
      record.sourceHigh = high;
      record.sourceLow = low;
      record.position = kernel.sequence;
      return kernel.sequence;
    },
  };
}

/** FNV-1a, 32 bits. */
function hashOf(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1);
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
