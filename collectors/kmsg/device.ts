// /dev/kmsg, or a file or FIFO of its format: whole records out of a descriptor that never makes us wait.

import { closeSync, constants, openSync, readSync } from 'node:fs';
import { codeOf } from '../../agent/core/errors.ts';
import { frameRecord } from './parse.ts';

/** The kernel's longest record with its properties is 8 KiB, and a read takes one whole or fails. */
const BUFFER_BYTES = 64 * 1024;

export interface Device {
  readonly buf: Uint8Array;
  /** After `next()` said true: the record is bytes `start..end` of `buf`, until the next call. */
  readonly start: number;
  readonly end: number;
  /** Whether there is another record now. Throws the system's errors. */
  next(): boolean;
  close(): void;
}

/** Throws the system's errors. */
export function openDevice(path: string): Device {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const buf = new Uint8Array(BUFFER_BYTES);
  let size = 0;
  let start = 0;
  let end = 0;

  /** Returns false when there is nothing now. */
  function fill(): boolean {
    buf.copyWithin(0, end, size);
    size -= end;
    start = end = 0;
    for (;;) {
      try {
        const read = readSync(fd, buf, size, buf.length - size, null);
        size += read;
        return read > 0;
      } catch (error) {
        // Records were overwritten before they were read: the next read gives what is left, and its number tells how many.
        if (codeOf(error) === 'EPIPE') continue;
        if (codeOf(error) === 'EAGAIN') return false;
        throw error;
      }
    }
  }

  return {
    buf,
    get start() {
      return start;
    },
    get end() {
      return end;
    },
    next() {
      for (;;) {
        const stop = frameRecord(buf, end, size);
        if (stop >= 0) {
          start = end;
          end = stop;
          return true;
        }
        // No record is so long: what is there goes out as it is.
        if (size - end === buf.length) {
          start = end;
          end = size;
          return true;
        }
        if (!fill()) return false;
      }
    },
    close: () => closeSync(fd),
  };
}
