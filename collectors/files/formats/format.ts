// What a line format is: a function that fills the record from a line's bytes.

import type { LogRecord } from '../../../agent/core/record.ts';

/**
 * Reads `record.buf[bodyStart..bodyEnd]` and fills time, severity, body and attributes. `false`: the line is not of this
 * format; what was filled is undone by the caller. What it borrows lives until its next call.
 */
export type Format = (record: LogRecord) => boolean;
