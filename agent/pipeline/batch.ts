// The batch being filled: records are encoded once, into one buffer an origin, and sealed into one OTLP request.

import { encodeRecord, encodeResource, sealRequest } from '../core/encode.ts';
import type { SealedBatch } from '../core/exporter.ts';
import { ProtoWriter } from '../core/protobuf.ts';
import type { LogRecord, Origin } from '../core/record.ts';
import { NOTED, type Noted } from './last-words.ts';
import { createRooms, type Room } from './spool/room.ts';

/** What one origin put into the batch; its figures are read at the seal and start again at zero. */
export interface Group extends Noted {
  readonly origin: Origin;
  /** Records by SeverityNumber 0..24. */
  readonly severities: Uint32Array;
  /** Source bytes by SeverityNumber. */
  readonly bytes: Float64Array;
  /** Unix seconds of the latest record. */
  last: number;
  /** Its own until the seal. */
  writer: ProtoWriter;
  noted: number;
}

interface Filling extends Group {
  readonly resource: Uint8Array;
}

/** Origins remembered from batch to batch. */
const KEPT_GROUPS = 2048;
/** Of the buffers of groups: a batch's bytes twice over, for buffers double. */
const KEPT_BYTES = 4 * 2 ** 20;

export interface Batch {
  readonly records: number;
  /** Encoded bytes so far, without the envelopes. */
  readonly bytes: number;
  add(record: LogRecord): void;
  /** What it holds may not wait. */
  hurry(): void;
  /** Origins with records in it. */
  groups(): Iterable<Group>;
  /** The request; the batch is empty afterwards. */
  seal(): StandingBatch;
}

/** A sealed batch where it stands, until its room is released. */
export interface StandingBatch extends SealedBatch {
  readonly room: Room;
}

export function createBatch(host: ReadonlyArray<readonly [string, string]>, takeRoom = createRooms()): Batch {
  const groups = new Map<Origin, Filling>();
  /** Whose group has no records. */
  const none = new ProtoWriter(0);
  /** Without a group. */
  const writers: ProtoWriter[] = [];
  let used: Filling[] = [];
  let mayWait = true;
  let latest: Filling | undefined;

  const open = (origin: Origin): Filling => {
    let group = groups.get(origin);
    if (!group) {
      group = {
        origin,
        severities: new Uint32Array(25),
        bytes: new Float64Array(25),
        last: 0,
        resource: encodeResource(origin, host),
        writer: none,
        starts: new Int32Array(NOTED),
        noted: 0,
      };
      groups.set(origin, group);
    }
    if (group.writer === none) {
      group.writer = writers.pop() ?? new ProtoWriter();
      used.push(group);
    }
    return group;
  };

  // Its figures are fields: an object with getters of its own is a dictionary to V8, slow to ask at every record.
  const batch = {
    records: 0,
    bytes: 0,
    add(record: LogRecord) {
      const group = latest?.origin === record.origin ? latest : open(record.origin);
      latest = group;
      const { writer } = group;
      const before = writer.pos;
      encodeRecord(writer, record);
      group.starts[group.noted++ % NOTED] = before;
      batch.bytes += writer.pos - before;
      batch.records++;
      mayWait &&= record.mayWait;
      // What the agent says of a daemon is not what the daemon says.
      if (record.eventName.length > 0) return;
      group.severities[record.severity]!++;
      group.bytes[record.severity]! += record.sourceBytes;
      group.last = record.observedSeconds;
    },
    hurry() {
      mayWait = false;
    },
    groups: () => used,
    seal() {
      const room = takeRoom();
      const bytes = sealRequest(
        used.map(({ resource, writer }) => ({ resource, records: writer.buf, start: 0, end: writer.pos })),
        size => room.next(size),
      );
      room.keep(bytes.length);
      const sealed = { bytes, room, records: batch.records, mayWait };
      let kept = writers.reduce((sum, { buf }) => sum + buf.length, 0);
      for (const group of used) {
        kept += group.writer.buf.length;
        if (kept <= KEPT_BYTES) {
          group.writer.reset();
          writers.push(group.writer);
        }
        group.writer = none;
        group.severities.fill(0);
        group.bytes.fill(0);
        group.noted = 0;
      }
      for (const origin of groups.keys()) {
        if (groups.size <= KEPT_GROUPS) break;
        groups.delete(origin);
      }
      used = [];
      latest = undefined;
      batch.records = 0;
      batch.bytes = 0;
      mayWait = true;
      return sealed;
    },
  };
  return batch;
}
