// Collector `kmsg`: the kernel's log. Every record once, by its sequence number; which one was last is remembered only once
// it is safe. What the kernel has overwritten before it was read is counted.

import { join } from 'node:path';
import type { RecordSink, Stream, StreamRoom } from '../../agent/core/collector.ts';
import { causeOf, codeOf } from '../../agent/core/errors.ts';
import { bootId } from '../../agent/native/boot.ts';
import { createCheckpoint, type Place } from './checkpoint.ts';
import { type Device, openDevice } from './device.ts';
import type { KmsgOptions } from './options.ts';
import { createRecorder, type Recorder } from './record.ts';

const LOOK_MS = 250;
const RETRY_MS = 5000;
/** Records of one turn. */
const TURN_RECORDS = 1000;
/** Places that wait for their records to be safe; of more the older are forgotten, which only repeats more. */
const MAX_MARKS = 4096;

interface Mark {
  readonly sequence: number;
  readonly pushed: number;
}

/** ms since boot without those it was suspended, as the kernel stamps its records. */
const monotonicMs = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;

export function create(
  options: KmsgOptions,
  room: StreamRoom,
  clock: { readonly sinceBoot: () => number } = { sinceBoot: monotonicMs },
): Stream {
  const { log } = room;
  const path = join(room.root, options.path);
  const checkpoint = createCheckpoint(room.stateDir);
  const marks: Mark[] = [];
  let sink: RecordSink | undefined;
  let recorder: Recorder | undefined;
  let device: Device | undefined;
  let place: Place = { boot: '', sequence: -1 };
  /** No record was ever read: which one comes first says nothing of loss. */
  let isFirst = true;
  /** Nothing is given of what was there before. */
  let passing = false;
  let timer: NodeJS.Timeout | undefined;
  let fault: string | undefined;
  let full = false;
  let closed = false;

  function save(sequence: number): void {
    try {
      checkpoint.save({ boot: place.boot, sequence });
    } catch (error) {
      log.error(`cannot write checkpoint below "${room.stateDir}": ${causeOf(error)}`);
    }
  }

  function begin(): void {
    // Sequence numbers begin anew with every boot.
    const boot = bootId(room.root);
    place = { boot, sequence: -1 };
    let saved: Place | undefined;
    try {
      saved = checkpoint.load();
    } catch (error) {
      log.error(
        `cannot read checkpoint below "${room.stateDir}": ${causeOf(error)}; beginning at the ${options.start_at}`,
      );
    }
    if (saved?.boot === boot) place = saved;
    isFirst = saved === undefined;
    passing = isFirst && options.start_at === 'end';
    recorder = createRecorder(room, boot);
  }

  /** Opens it if it is not; false when that cannot be. */
  function reach(): boolean {
    if (device !== undefined) return true;
    try {
      device = openDevice(path);
      fault = undefined;
      return true;
    } catch (error) {
      fail(`cannot open "${path}": ${causeOf(error)}${fixOf(error)}`);
      return false;
    }
  }

  function fail(message: string): void {
    if (fault !== message) log.error(message);
    fault = message;
  }

  /** Hands records over; returns whether there may be more at once. */
  function read(from: Device, out: RecordSink): boolean {
    const now = room.now();
    const booted = now - clock.sinceBoot();
    const { record } = recorder!;
    const before = place.sequence;
    let left = TURN_RECORDS;
    for (; left > 0 && !full && from.next(); left--) {
      const sequence = recorder!.fill(from.buf, from.start, from.end, now, booted);
      if (sequence >= 0) {
        if (sequence <= place.sequence) continue;
        const missing = isFirst ? 0 : sequence - place.sequence - 1;
        isFirst = false;
        if (missing > 0) {
          out.lost('overwritten', missing);
          log.warn(`${missing} records of "${path}" were overwritten before they were read`);
        }
        place = { boot: place.boot, sequence };
      }
      if (!passing && !out.push(record)) full = true;
    }
    if (place.sequence !== before && !passing) {
      if (marks.length >= MAX_MARKS) marks.splice(0, MAX_MARKS / 2);
      marks.push({ sequence: place.sequence, pushed: out.pushed });
    }
    return left === 0;
  }

  function turn(): void {
    if (closed || full || sink === undefined) return;
    let wait = RETRY_MS;
    if (reach()) {
      try {
        wait = read(device!, sink) ? 0 : LOOK_MS;
        if (wait > 0 && passing) {
          passing = false;
          save(place.sequence);
        }
      } catch (error) {
        fail(`cannot read "${path}": ${causeOf(error)}`);
        release();
      }
    }
    clearTimeout(timer);
    if (!full) timer = setTimeout(turn, wait);
  }

  function release(): void {
    device?.close();
    device = undefined;
  }

  return {
    async open(out) {
      sink = out;
      begin();
      turn();
    },
    resume() {
      full = false;
      clearTimeout(timer);
      timer = setTimeout(turn, 0);
    },
    committed(_written, synced) {
      const safe = marks.findLast(({ pushed }) => pushed <= synced);
      if (!safe) return;
      marks.splice(0, marks.indexOf(safe) + 1);
      save(safe.sequence);
    },
    faults: () => (fault === undefined ? [] : [fault]),
    async close() {
      closed = true;
      clearTimeout(timer);
      release();
    },
  };
}

const fixOf = (error: unknown): string =>
  codeOf(error) === 'EPERM' || codeOf(error) === 'EACCES'
    ? '; it takes CAP_SYSLOG, and under systemd ProtectKernelLogs=no'
    : '';
