// The flow: streams push records in, batches are sealed on bytes, count or age, and handed to the spool. Bounded:
// while the spool has no room, one sealed batch waits and the streams are told to stop.

import type { RecordSink, Stream } from '../core/collector.ts';
import type { SealedBatch } from '../core/exporter.ts';
import type { Meter } from '../core/meter.ts';
import type { Desc } from '../core/metric.ts';
import { type LogRecord, severityLabel } from '../core/record.ts';
import { createBatch, type StandingBatch } from './batch.ts';
import type { LastWords } from './last-words.ts';
import type { Ledger } from './ledger.ts';
import { createRooms, type Room } from './spool/room.ts';

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

const SEVERITY_LABELS = new Set(Array.from({ length: 25 }, (_, severity) => severityLabel(severity)));

/** What records go through first. */
export interface Processing {
  /** Why the record goes no further; empty when it is to be kept. It may change it. */
  run(record: LogRecord, source: string): string;
}

/** Where sealed batches go. */
export interface Outlet {
  /** Keeps the batch, or a copy, and returns its sequence number; undefined when there is no room now. */
  append(batch: StandingBatch): number | undefined;
  /** Writes what it was given and has not written yet. */
  settle?(): void;
  /** Whether so much waits in it that who can wait should; never without it. */
  isCrowded?(): boolean;
}

export interface Flow {
  /** The sink of a stream; `source` is its label in the ledger. */
  attach(source: string, stream: Giver): RecordSink;
  detach(source: string): void;
  /** Declared daemons have their series before they say anything: a rate sees only what follows a first figure. */
  declare(daemons: ReadonlySet<string>): void;
  /** From the next record on; undefined for none. */
  process(processing: Processing | undefined): void;
  /** Batches up to these sequence numbers outlive kill -9, and power loss. */
  committed(written: number, synced: number): void;
  /** The outlet has room again. */
  resume(): void;
  /** Seals what is open now. */
  flush(): void;
  /** Memory as batches stand in, so that there is no more of it than one needs. */
  takeRoom(): Room;
  /** Records of the sealed batch for which there is no room. */
  readonly waiting: number;
}

type Giver = Pick<Stream, 'resume' | 'committed' | 'waits'>;

interface Inlet extends RecordSink {
  pushed: number;
  /** What of `pushed` has been counted as received. */
  counted: number;
  readonly source: string;
  readonly stream: Giver;
}

/** How far each inlet had pushed when a batch was sealed. */
interface Mark {
  readonly seq: number;
  readonly pushed: ReadonlyMap<Inlet, number>;
}

export function createFlow(room: {
  host: ReadonlyArray<readonly [string, string]>;
  meter: Meter;
  ledger: Pick<Ledger, 'received' | 'dropped' | 'lost'>;
  outlet: Outlet;
  /** Called after each batch the outlet took. */
  sealed(batch: SealedBatch): void;
  lastWords?: Pick<LastWords, 'declare' | 'keep'>;
}): Flow {
  const { ledger, outlet } = room;
  const records = room.meter.instrument(RECORDS);
  const bytes = room.meter.instrument(BYTES);
  const last = room.meter.instrument(LAST);
  const takeRoom = createRooms();
  const batch = createBatch(room.host, takeRoom);
  const inlets = new Map<string, Inlet>();
  const marks: Mark[] = [];
  let writtenTo = new Map<Inlet, number>();
  let reached = { written: 0, synced: 0 };
  let waiting: { batch: StandingBatch; pushed: Map<Inlet, number> } | undefined;
  /** Streams that can wait have been told to. */
  let crowded = false;
  let timer: NodeJS.Timeout | undefined;
  let processing: Processing | undefined;
  /** Records that went no further since the last seal, by reason, and all of them. */
  const stopped = new Map<string, number>();
  let stops = 0;
  /** When they came, by declared daemon. */
  const heard = new Map<string, number>();
  let lastSeq = 0;

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
      if (group.last > 0) last.with(daemon).set(group.last);
      if (group.origin.daemon !== undefined && group.noted > 0)
        room.lastWords?.keep(group.origin.daemon, group);
    }
    for (const inlet of inlets.values()) countInlet(inlet);
    for (const [reason, n] of stopped) ledger.dropped(reason, '', n);
    for (const [daemon, at] of heard) last.with(daemon).set(at);
    stopped.clear();
    heard.clear();
    stops = 0;
  };

  const stop = (reason: string, { origin, observedSeconds }: LogRecord) => {
    stopped.set(reason, (stopped.get(reason) ?? 0) + 1);
    stops++;
    // A daemon is not silent because nobody keeps what it says.
    if (origin.daemon !== undefined) heard.set(origin.daemon, observedSeconds);
  };

  const countInlet = (inlet: Inlet) => {
    if (inlet.pushed > inlet.counted) ledger.received(inlet.source, inlet.pushed - inlet.counted);
    inlet.counted = inlet.pushed;
  };

  const hand = (sealed: StandingBatch, pushed: Map<Inlet, number>): boolean => {
    const seq = outlet.append(sealed);
    if (seq === undefined) {
      waiting = { batch: sealed, pushed };
      return false;
    }
    sealed.room.release();
    lastSeq = seq;
    crowded = outlet.isCrowded?.() === true;
    mark(pushed);
    room.sealed(sealed);
    return true;
  };

  /** What was pushed so far is as safe as the last batch. */
  const mark = (pushed: Map<Inlet, number>) => {
    marks.push({ seq: lastSeq, pushed });
    // The outlet may have told of this batch before it had a mark.
    if (lastSeq <= reached.written) tellCommitted();
  };

  const seal = () => {
    clearTimeout(timer);
    timer = undefined;
    if ((batch.records === 0 && stops === 0) || waiting) return;
    count();
    const pushed = new Map([...inlets.values()].map(inlet => [inlet, inlet.pushed]));
    if (batch.records === 0) mark(pushed);
    else hand(batch.seal(), pushed);
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
      const waits = stream.waits === true;
      const inlet: Inlet = {
        source,
        stream,
        pushed: 0,
        counted: 0,
        push(record: LogRecord) {
          const reason = processing === undefined ? '' : processing.run(record, source);
          if (reason === '') batch.add(record);
          else stop(reason, record);
          inlet.pushed++;
          if (batch.bytes >= SEAL_BYTES || batch.records + stops >= SEAL_RECORDS) seal();
          else if (timer === undefined && !waiting) timer = setTimeout(seal, SEAL_AGE_MS);
          return waiting === undefined && !(waits && crowded);
        },
        drop(reason, n) {
          ledger.received(source, n);
          ledger.dropped(reason, '', n);
        },
        lost: (reason, estimate) => ledger.lost(source, reason, estimate),
        settle() {
          batch.hurry();
          outlet.settle?.();
        },
      };
      inlets.set(source, inlet);
      ledger.received(source, 0);
      return inlet;
    },
    declare(daemons) {
      room.lastWords?.declare(daemons);
      for (const daemon of daemons)
        for (const label of SEVERITY_LABELS) {
          records.with(daemon, label).add(0);
          bytes.with(daemon, label).add(0);
        }
    },
    detach(source) {
      seal();
      const inlet = inlets.get(source);
      if (inlet) countInlet(inlet);
      inlets.delete(source);
    },
    process(next) {
      processing = next;
    },
    committed(written, synced) {
      reached = { written, synced };
      tellCommitted();
    },
    resume() {
      const wasWaiting = waiting !== undefined;
      if (waiting) {
        const { batch: sealed, pushed } = waiting;
        waiting = undefined;
        if (!hand(sealed, pushed)) return;
        seal();
        if (waiting) return;
      }
      const wasCrowded = crowded;
      crowded &&= outlet.isCrowded?.() === true;
      for (const { stream } of inlets.values())
        if (stream.waits ? !crowded && (wasWaiting || wasCrowded) : wasWaiting) stream.resume();
    },
    flush: seal,
    takeRoom,
    get waiting() {
      return waiting?.batch.records ?? 0;
    },
  };
}
