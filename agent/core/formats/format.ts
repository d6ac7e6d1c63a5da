// What a line format is: a function that fills the record from a line's bytes. Pure.

import type { LogRecord } from '../record.ts';

/**
 * Reads `record.buf[bodyStart..bodyEnd]` and fills time, severity, body and attributes. `false`: the line is not of this
 * format; what was filled is undone by `applyFormat()`. What it borrows lives until its next call.
 */
export type Format = (record: LogRecord) => boolean;

/**
 * Reads the body of a record that has neither time nor severity yet. Where it is not of the format the record stays as
 * it was, and gets `parseError`, an encoded attribute, if there is one.
 */
export function applyFormat(record: LogRecord, format: Format, parseError: Uint8Array | undefined): boolean {
  const { buf, bodyStart, bodyEnd, attributes } = record;
  const { size } = attributes;
  if (format(record)) return true;
  record.buf = buf;
  record.bodyStart = bodyStart;
  record.bodyEnd = bodyEnd;
  record.seconds = 0;
  record.severity = 0;
  record.severityText = NONE;
  attributes.size = size;
  if (parseError !== undefined) attributes.fields(parseError);
  return false;
}

const NONE = new Uint8Array(0);
