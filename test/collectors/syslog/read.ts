// Syslog messages as plain objects, for tables of input and expectation.
import { Message, PARSE_ERRORS } from '../../../collectors/syslog/message.ts';
import { Parser } from '../../../collectors/syslog/parse.ts';

const FORMATS = ['raw', 'rfc5424', 'rfc3164', 'local'] as const;

export interface Read {
  format: (typeof FORMATS)[number];
  error: string;
  facility: number;
  severity: number;
  version: number;
  /** ISO 8601 in UTC; empty when the sender gave no time. */
  time: string;
  nanos: number;
  host: string;
  app: string;
  proc: string;
  msgId: string;
  /** As it was sent. */
  structure: string;
  body: string;
}

/** Other bytes stand around the message, as in a ring, so that reading past its ends shows. */
const BEFORE = Buffer.from('<13>1 ');
const AFTER = Buffer.from('9"] :]tag[1]: x');

/** Reads with a parser of its own; `now` in Unix ms. Bytes come back as latin1. */
export function read(input: string | Uint8Array, now = Date.parse('2026-11-22T12:00:00Z')): Read {
  const bytes = typeof input === 'string' ? Buffer.from(input) : input;
  const buf = Buffer.concat([BEFORE, bytes, AFTER]);
  const m = new Message();
  new Parser().parse(m, buf, BEFORE.length, BEFORE.length + bytes.length, now);
  const text = (start: number, end: number) => buf.toString('latin1', start, end);
  return {
    format: FORMATS[m.format]!,
    error: PARSE_ERRORS[m.fault]!,
    facility: m.facility,
    severity: m.severity,
    version: m.version,
    time: m.seconds === 0 ? '' : new Date(m.seconds * 1000).toISOString(),
    nanos: m.nanos,
    host: text(m.hostStart, m.hostEnd),
    app: text(m.appStart, m.appEnd),
    proc: text(m.procStart, m.procEnd),
    msgId: text(m.msgIdStart, m.msgIdEnd),
    structure: text(m.structureStart, m.structureEnd),
    body: text(m.bodyStart, m.bodyEnd),
  };
}
