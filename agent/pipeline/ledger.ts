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

const GAP: Desc = {
  name: 'eudaemon.ledger.gap_records',
  type: 'gauge',
  unit: '{record}',
  help: 'What the ledger of an exporter lacked when it was last checked: received - delivered - dropped - in the spool.',
  labels: ['exporter'],
};

export interface Ledger {
  received(source: string, records: number): void;
  delivered(exporter: string, records: number): void;
  /** `exporter` is `''` before the spool. */
  dropped(reason: string, exporter: string, records: number): void;
  lost(source: string, reason: string, estimate: number): void;
  spooled(exporter: string, records: number): void;
  /** Records received so far that are neither delivered, dropped nor in the spool of this exporter: 0, always. */
  gap(exporter: string): number;
  /** Sets the figure of each exporter's gap; returns those that have changed and are not 0. */
  check(): { exporter: string; gap: number }[];
  forget(exporter: string): void;
}

export function createLedger(meter: Meter): Ledger {
  const received = meter.instrument(RECEIVED);
  const delivered = meter.instrument(DELIVERED);
  const dropped = meter.instrument(DROPPED);
  const inSpool = meter.instrument(IN_SPOOL);
  const lost = meter.instrument(LOST);
  const gaps = meter.instrument(GAP);
  /** Received and not dropped before the spool. */
  let due = 0;
  /** Delivered and dropped, also in claims given up since. */
  const settled = new Map<string, number>();
  const waiting = new Map<string, number>();
  const told = new Map<string, number>();

  const settle = (exporter: string, records: number) =>
    settled.set(exporter, (settled.get(exporter) ?? 0) + records);
  const gap = (exporter: string) => due - (settled.get(exporter) ?? 0) - (waiting.get(exporter) ?? 0);

  return {
    received(source, records) {
      due += records;
      received.with(source).add(records);
    },
    delivered(exporter, records) {
      settle(exporter, records);
      delivered.with(exporter).add(records);
    },
    dropped(reason, exporter, records) {
      if (exporter === '') due -= records;
      else settle(exporter, records);
      dropped.with(reason, exporter).add(records);
    },
    lost: (source, reason, estimate) => lost.with(source, reason).add(estimate),
    spooled(exporter, records) {
      waiting.set(exporter, records);
      inSpool.with(exporter).set(records);
    },
    gap,
    check() {
      const found = [...waiting.keys()].map(exporter => ({ exporter, gap: gap(exporter) }));
      for (const { exporter, gap: records } of found) gaps.with(exporter).set(records);
      const news = found.filter(each => each.gap !== (told.get(each.exporter) ?? 0));
      for (const each of news) told.set(each.exporter, each.gap);
      return news.filter(each => each.gap !== 0);
    },
    forget(exporter) {
      waiting.delete(exporter);
      inSpool.remove(exporter);
      gaps.remove(exporter);
    },
  };
}
