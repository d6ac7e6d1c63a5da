// A journal entry becomes a log record. What begins with `_` journald took from the kernel; the rest is the sender's word.

import { hostname } from 'node:os';
import { writeAttribute } from '../../agent/core/attribute.ts';
import type { StreamRoom } from '../../agent/core/collector.ts';
import { ProtoWriter } from '../../agent/core/protobuf.ts';
import { LogRecord, type Origin, SYSLOG_SEVERITY, utf8 } from '../../agent/core/record.ts';
import { bytesOf, type Entry, hashCursor, numberOf, parseEntry, textOf } from './parse.ts';

const FACILITY = utf8('syslog.facility');
const PID = utf8('process.pid');
const PARSE_ERROR = utf8('eudaemon.parse_error');
const NO_JSON = utf8('not a JSON object');
const NOTHING = new Uint8Array(0);
/** `LogRecord.attributes` in opentelemetry/proto/logs/v1/logs.proto. */
const ATTRIBUTES = 6;

/** A pid may belong to another process once its message is older than this. */
const FRESH_MS = 10_000;

/** Fields of the sender that are told in words of their own. */
const TOLD = new Set([
  'MESSAGE',
  'PRIORITY',
  'SYSLOG_FACILITY',
  'SYSLOG_IDENTIFIER',
  'SYSLOG_PID',
  'SYSLOG_RAW',
  'SYSLOG_TIMESTAMP',
]);

export interface Recorder {
  /** Filled by `fill()`, valid until the next. */
  readonly record: LogRecord;
  /** Makes the record of line `start..end`; returns the entry's cursor, undefined when it has none. */
  fill(buf: Uint8Array, start: number, end: number): string | undefined;
}

/** With `foreign` the entries may come from other hosts, told by `_HOSTNAME`. */
export function createRecorder(
  room: Pick<StreamRoom, 'daemons' | 'origins' | 'now'>,
  foreign: boolean,
  own = hostname(),
): Recorder {
  const { daemons, origins } = room;
  const record = new LogRecord();
  const attributes = new ProtoWriter(1024);
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const units = new Map<string, string | undefined>();
  let declared: typeof daemons.declared | undefined;

  const ofUnit = (unit: string): string | undefined => {
    if (declared !== daemons.declared) {
      ({ declared } = daemons);
      units.clear();
      for (const { name, match } of declared) {
        const own = match.systemd_unit;
        // A unit that two daemons share says nothing.
        if (own !== undefined) units.set(own, units.has(own) ? undefined : name);
      }
    }
    return units.get(unit);
  };

  const originOf = (entry: Entry, pid: number | undefined, ageMs: number): Origin => {
    const unit = textOf(entry['_SYSTEMD_UNIT']);
    const tag = textOf(entry['SYSLOG_IDENTIFIER']);
    const host = foreign ? textOf(entry['_HOSTNAME']) : undefined;
    const about = unit === undefined ? [] : ([['systemd.unit.name', unit]] as const);
    const service = tag || unit || textOf(entry['_COMM']) || 'journal';
    if (host !== undefined && host !== own)
      return origins.of((tag && daemons.ofIdentifier(tag)) || service, undefined, host, about);
    const daemon =
      (unit === undefined ? undefined : ofUnit(unit)) ??
      (pid !== undefined && ageMs < FRESH_MS ? daemons.ofPid(pid) : undefined) ??
      (tag ? daemons.ofIdentifier(tag) : undefined);
    return origins.of(daemon ?? service, daemon, undefined, about);
  };

  const tell = (key: string, value: string | undefined) => {
    if (value !== undefined && value !== '') writeAttribute(attributes, ATTRIBUTES, key, value);
  };

  const fillRaw = (buf: Uint8Array, start: number, end: number) => {
    record.origin = origins.of('journal', undefined);
    record.buf = buf;
    record.bodyStart = start;
    record.bodyEnd = end;
    record.attributes.text(PARSE_ERROR, NO_JSON);
  };

  const fillEntry = (entry: Entry, at: number) => {
    const micros = numberOf(entry['__REALTIME_TIMESTAMP']) ?? 0;
    record.seconds = Math.floor(micros / 1e6);
    record.nanos = (micros % 1e6) * 1000;
    const severity = SYSLOG_SEVERITY[numberOf(entry['PRIORITY']) ?? -1];
    if (severity) {
      record.severity = severity.number;
      record.severityText = severity.bytes;
    }
    record.buf = bytesOf(entry['MESSAGE']) ?? NOTHING;
    record.bodyStart = 0;
    record.bodyEnd = record.buf.length;
    const pid = numberOf(entry['_PID']);
    record.origin = originOf(entry, pid, at - micros / 1000);
    const facility = numberOf(entry['SYSLOG_FACILITY']);
    if (facility !== undefined) record.attributes.int(FACILITY, facility);
    if (pid !== undefined) record.attributes.int(PID, pid);
    attributes.reset();
    tell('syslog.hostname', foreign ? textOf(entry['_HOSTNAME']) : undefined);
    tell('syslog.appname', textOf(entry['SYSLOG_IDENTIFIER']));
    tell('syslog.procid', textOf(entry['SYSLOG_PID']));
    const executable = textOf(entry['_EXE']);
    tell(
      'process.executable.name',
      executable?.slice(executable.lastIndexOf('/') + 1) ?? textOf(entry['_COMM']),
    );
    tell('user.id', textOf(entry['_UID']));
    for (const name in entry)
      if (!name.startsWith('_') && !TOLD.has(name))
        tell(`journald.${name.toLowerCase()}`, textOf(entry[name]));
    if (attributes.pos > 0) record.attributes.fields(attributes.buf, 0, attributes.pos);
  };

  return {
    record,
    fill(buf, start, end) {
      const at = room.now();
      record.clear();
      record.observedSeconds = Math.floor(at / 1000);
      record.observedNanos = (at % 1000) * 1e6;
      record.sourceBytes = end - start;
      const entry = parseEntry(decoder.decode(buf.subarray(start, end)));
      if (!entry) {
        fillRaw(buf, start, end);
        return undefined;
      }
      fillEntry(entry, at);
      const cursor = textOf(entry['__CURSOR']);
      if (cursor !== undefined) {
        record.sourceHigh = hashCursor(cursor, 1);
        record.sourceLow = hashCursor(cursor, 2);
        record.position = hashCursor(cursor, 3);
      }
      return cursor;
    },
  };
}
