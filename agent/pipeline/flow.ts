// The flow: streams push records in, batches are sealed on bytes, count or age, and handed to the spool. Bounded:
// while the spool has no room, one sealed batch waits and the streams are told to stop.

import type { RecordSink, Stream } from '../core/collector.ts';
import type { SealedBatch } from '../core/exporter.ts';
import type { Meter } from '../core/meter.ts';
import type { Desc } from '../core/metric.ts';
import { type LogRecord, severityLabel } from '../core/record.ts';
import { createBatch } from './batch.ts';
import type { Ledger } from './ledger.ts';

const SEAL_BYTES = 1 * 2 ** 20;
const SEAL_RECORDS = 8192;
const SEAL_AGE_MS = 200;
/** Label of records that no declared daemon owns. */
const OTHER = 'other';

const RECORDS: Desc = {
  name: 'eudaemon.log.records',
  type: 'counter',
  unit: '{record}',
  help: 'Log records of a daemon; `other` is what no declared daemon owns.',
  labels: ['daemon', 'severity'],
};
const BYTES: Desc = {
  name: 'eudaemon.log.bytes',
  type: 'counter',
  unit: 'By',
  help: 'Bytes of log records of a daemon as they came from their source.',
  labels: ['daemon', 'severity'],
};
const LAST: Desc = {
  name: 'eudaemon.log.last_timestamp',
  type: 'gauge',
  unit: 's',
  help: 'When the last log record of a daemon was received, in Unix seconds.',
  labels: ['daemon'],
};

/** Where sealed batches go. */
export interface Outlet {
  /** Keeps the batch and returns its sequence number; undefined when there is no room now. */
  append(batch: SealedBatch): number | undefined;
}

export interface Flow {
  /** The sink of a stream; `source` is its label in the ledger. */
  attach(source: string, stream: Pick<Stream, 'resume' | 'committed'>): RecordSink;
  detach(source: string): void;
  /** Batches up to these sequence numbers outlive kill -9, and power loss. */
  committed(written: number, synced: number): void;
  /** The outlet has room again. */
  resume(): void;
  /** Seals what is open now. */
  flush(): void;
}

interface Inlet extends RecordSink {
  pushed: number;
  /** What of `pushed` has been counted as received. */
  counted: number;
  readonly source: string;
  readonly stream: Pick<Stream, 'resume' | 'committed'>;
}

/** How far each inlet had pushed when a batch was sealed. */
interface Mark {
  readonly seq: number;
  readonly pushed: ReadonlyMap<Inlet, number>;
}

export function createFlow(room: {
  host: ReadonlyArray<readonly [string, string]>;
  meter: Meter;
  ledger: Ledger;
  outlet: Outlet;
  /** Called after each batch the outlet took. */
  sealed(): void;
}): Flow {
  const { ledger, outlet } = room;
  const records = room.meter.instrument(RECORDS);
  const bytes = room.meter.instrument(BYTES);
  const last = room.meter.instrument(LAST);
  const batch = createBatch(room.host);
  const inlets = new Map<string, Inlet>();
  const marks: Mark[] = [];
  let writtenTo = new Map<Inlet, number>();
  let reached = { written: 0, synced: 0 };
  let waiting: { batch: SealedBatch; pushed: Map<Inlet, number> } | undefined;
  let timer: NodeJS.Timeout | undefined;

  /** Counts what the batch holds, a family cell at most once an origin and severity. */
  const count = () => {
    for (const group of batch.groups()) {
      const daemon = group.origin.daemon ?? OTHER;
      for (let severity = 0; severity < group.severities.length; severity++) {
        if (group.severities[severity] === 0) continue;
        const label = severityLabel(severity);
        records.with(daemon, label).add(group.severities[severity]!);
        bytes.with(daemon, label).add(group.bytes[severity]!);
      }
      last.with(daemon).set(group.last);
    }
    for (const inlet of inlets.values()) countInlet(inlet);
  };

  const countInlet = (inlet: Inlet) => {
    if (inlet.pushed > inlet.counted) ledger.received(inlet.source, inlet.pushed - inlet.counted);
    inlet.counted = inlet.pushed;
  };

  const hand = (sealed: SealedBatch, pushed: Map<Inlet, number>): boolean => {
    const seq = outlet.append(sealed);
    if (seq === undefined) {
      waiting = { batch: sealed, pushed };
      return false;
    }
    marks.push({ seq, pushed });
    // The outlet may have told of this batch before it had a mark.
    if (seq <= reached.written) tellCommitted();
    room.sealed();
    return true;
  };

  const seal = () => {
    clearTimeout(timer);
    timer = undefined;
    if (batch.records === 0 || waiting) return;
    count();
    hand(batch.seal(), new Map([...inlets.values()].map(inlet => [inlet, inlet.pushed])));
  };

  /** The latest mark at or before `seq`, and the marks behind it. */
  const upTo = (seq: number): ReadonlyMap<Inlet, number> | undefined =>
    marks.findLast(mark => mark.seq <= seq)?.pushed;

  const tellCommitted = () => {
    const soft = upTo(reached.written);
    const hard = upTo(reached.synced);
    if (soft) writtenTo = new Map([...writtenTo, ...soft]);
    for (const inlet of inlets.values())
      inlet.stream.committed(writtenTo.get(inlet) ?? 0, hard?.get(inlet) ?? 0);
    const done = marks.findLastIndex(mark => mark.seq <= Math.min(reached.written, reached.synced));
    if (done > 0) marks.splice(0, done);
  };

  return {
    attach(source, stream) {
      const inlet: Inlet = {
        source,
        stream,
        pushed: 0,
        counted: 0,
        push(record: LogRecord) {
          batch.add(record);
          inlet.pushed++;
          if (batch.bytes >= SEAL_BYTES || batch.records >= SEAL_RECORDS) seal();
          else if (timer === undefined && !waiting) timer = setTimeout(seal, SEAL_AGE_MS);
          return waiting === undefined;
        },
        drop(reason, n) {
          ledger.received(source, n);
          ledger.dropped(reason, '', n);
        },
        lost: (reason, estimate) => ledger.lost(source, reason, estimate),
      };
      inlets.set(source, inlet);
      ledger.received(source, 0);
      return inlet;
    },
    detach(source) {
      seal();
      const inlet = inlets.get(source);
      if (inlet) countInlet(inlet);
      inlets.delete(source);
    },
    committed(written, synced) {
      reached = { written, synced };
      tellCommitted();
    },
    resume() {
      if (!waiting) return;
      const { batch: sealed, pushed } = waiting;
      waiting = undefined;
      if (!hand(sealed, pushed)) return;
      seal();
      if (waiting) return;
      for (const inlet of inlets.values()) inlet.stream.resume();
    },
    flush: seal,
  };
}
