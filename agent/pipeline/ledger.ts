// The ledger: for every exporter, received = delivered + dropped + in the spool. Counted a batch, never a record.

import type { Meter } from '../core/meter.ts';
import type { Desc } from '../core/metric.ts';

const RECEIVED: Desc = {
  name: 'eudaemon.records.received',
  type: 'counter',
  unit: '{record}',
  help: 'Log records accepted from a source; `recovered` were in the spool when the agent started.',
  labels: ['source'],
};
const DELIVERED: Desc = {
  name: 'eudaemon.records.delivered',
  type: 'counter',
  unit: '{record}',
  help: 'Log records an exporter has delivered.',
  labels: ['exporter'],
};
const DROPPED: Desc = {
  name: 'eudaemon.records.dropped',
  type: 'counter',
  unit: '{record}',
  help: 'Log records given up, by reason; `exporter` is empty where they were given up before the spool.',
  labels: ['reason', 'exporter'],
};
const IN_SPOOL: Desc = {
  name: 'eudaemon.spool.records',
  type: 'gauge',
  unit: '{record}',
  help: 'Log records in the spool that an exporter has not finished with.',
  labels: ['exporter'],
};
const LOST: Desc = {
  name: 'eudaemon.records.lost_estimate',
  type: 'counter',
  unit: '{record}',
  help: 'Estimate of log records lost outside the agent, before it received them.',
  labels: ['source', 'reason'],
};

export interface Ledger {
  received(source: string, records: number): void;
  delivered(exporter: string, records: number): void;
  /** `exporter` is `''` before the spool. */
  dropped(reason: string, exporter: string, records: number): void;
  lost(source: string, reason: string, estimate: number): void;
  spooled(exporter: string, records: number): void;
  forget(exporter: string): void;
}

export function createLedger(meter: Meter): Ledger {
  const received = meter.instrument(RECEIVED);
  const delivered = meter.instrument(DELIVERED);
  const dropped = meter.instrument(DROPPED);
  const inSpool = meter.instrument(IN_SPOOL);
  const lost = meter.instrument(LOST);
  return {
    received: (source, records) => received.with(source).add(records),
    delivered: (exporter, records) => delivered.with(exporter).add(records),
    dropped: (reason, exporter, records) => dropped.with(reason, exporter).add(records),
    lost: (source, reason, estimate) => lost.with(source, reason).add(estimate),
    spooled: (exporter, records) => inSpool.with(exporter).set(records),
    forget: exporter => inSpool.remove(exporter),
  };
}
