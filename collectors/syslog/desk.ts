// What the two kinds of receivers share: where messages go, and what is known about their senders.

import type { RecordSink, StreamRoom } from '../../agent/core/collector.ts';
import type { SyslogOptions } from './options.ts';
import type { Sender, Senders } from './sender.ts';
import type { Suppressed } from './suppressed.ts';

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

export interface Desk {
  readonly room: StreamRoom;
  readonly options: SyslogOptions;
  readonly senders: Senders;
  readonly suppressed: Suppressed;
  readonly out: RecordSink;
  readonly take: Take;
  /** Whether the sink wants no more now. */
  full(): boolean;
  /** Receiving has ended for this reason. */
  failed(fault: string): void;
}
