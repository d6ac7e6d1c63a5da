// What a source of messages hands over to the collector.

import type { Sender } from './sender.ts';

/**
 * Makes a record of message `start..end` and pushes it. `at` in Unix ms; the rest names the message: source and
 * position of `log.record.uid`. The bytes are borrowed for the call.
 */
export type Take = (
  buf: Uint8Array,
  start: number,
  end: number,
  sender: Sender,
  at: number,
  truncated: boolean,
  sourceHigh: number,
  sourceLow: number,
  position: number,
) => void;
