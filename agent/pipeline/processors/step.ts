// What a step is, and what all steps of a chain share.

import type { EventSink } from '../../core/collector.ts';
import type { MeterTable } from '../../core/meter.ts';
import type { Patterns } from '../../core/pattern.ts';
import type { LogRecord, Origins } from '../../core/record.ts';
import type { Body, Unpacker } from './text.ts';

export interface Step {
  /** Why the record goes no further; empty when it goes on. It may change the record. */
  run(record: LogRecord): string;
  /** Tells what is due; `isLast`: there will be no other time. */
  tick?(now: number, isLast: boolean): void;
}

export interface StepRoom {
  readonly patterns: Patterns;
  readonly origins: Origins;
  readonly events: EventSink;
  readonly body: Body;
  readonly unpacker: Unpacker;
  /** The meter of one user's metric. */
  readonly meterOf: (key: string) => MeterTable;
}
