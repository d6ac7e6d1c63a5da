// Collector `journald`: the journal, read through journalctl, so that no library of systemd is needed. The cursor is
// remembered only once the records before it are safe.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { RecordSink, Stream, StreamRoom } from '../../agent/core/collector.ts';
import { causeOf } from '../../agent/core/errors.ts';
import { createCheckpoint, type Place } from './checkpoint.ts';
import { type Ended, type Follower, followJournal } from './follow.ts';
import { Lines } from './lines.ts';
import type { JournaldOptions } from './options.ts';
import { createRecorder } from './record.ts';

/** A longer line of JSON is given up and counted. */
const MAX_LINE = 8 * 2 ** 20;
const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 60_000;
/** A journalctl that has lived so long is fine, whether anybody logs or not. */
const SETTLE_MS = 10_000;
/** Places that wait for their records to be safe; of more the older are forgotten, which only repeats more. */
const MAX_MARKS = 4096;

interface Mark extends Place {
  readonly pushed: number;
}

export function create(options: JournaldOptions, room: StreamRoom): Stream {
  const { log } = room;
  const checkpoint = createCheckpoint(room.stateDir);
  const recorder = createRecorder(room, options.path !== undefined);
  const source = options.path === undefined ? undefined : join(room.root, options.path);
  const marks: Mark[] = [];
  let lines = new Lines(MAX_LINE);
  let follower: Follower | undefined;
  let sink: RecordSink | undefined;
  let place: Place | undefined;
  let fault: string | undefined;
  let missing: string | undefined;
  let full = false;
  let closing = false;

  const fail = (message: string) => {
    fault = message;
    log.error(message);
  };

  const save = (safe: Place) => {
    try {
      checkpoint.save(safe);
    } catch (error) {
      log.error(`cannot write checkpoint below "${room.stateDir}": ${causeOf(error)}`);
    }
  };

  const begin = (): Place | undefined => {
    try {
      const saved = checkpoint.load();
      if (saved) return saved;
    } catch (error) {
      log.error(
        `cannot read checkpoint below "${room.stateDir}": ${causeOf(error)}; beginning at the ${options.start_at}`,
      );
    }
    if (options.start_at === 'beginning') return undefined;
    const here = { since: room.now() };
    save(here);
    return here;
  };

  const args = (): string[] => [
    '--output=json',
    '--all',
    '--follow',
    '--no-tail',
    ...(room.root === '/' || source !== undefined ? [] : [`--root=${room.root}`]),
    ...(source === undefined ? [] : [`--${isDirectory(source) ? 'directory' : 'file'}=${source}`]),
    ...options.units.map(unit => `--unit=${unit}`),
    ...(place === undefined
      ? []
      : [
          place.cursor === undefined
            ? `--since=@${Math.floor(place.since / 1000)}`
            : `--after-cursor=${place.cursor}`,
        ]),
  ];

  /** Hands over whole lines; false when the sink was full before the last. */
  const drain = (out: RecordSink): boolean => {
    const { record } = recorder;
    const before = lines.skipped;
    let more = true;
    while (more && (!full || closing)) {
      more = lines.next();
      if (!more) break;
      const cursor = recorder.fill(lines.buf, lines.start, lines.end);
      if (!out.push(record)) full = true;
      if (cursor !== undefined) place = { cursor, since: record.seconds * 1000 };
    }
    if (lines.skipped > before) out.drop('too_long', lines.skipped - before);
    if (place?.cursor !== undefined && place.cursor !== marks.at(-1)?.cursor) {
      if (marks.length >= MAX_MARKS) marks.splice(0, MAX_MARKS / 2);
      marks.push({ ...place, pushed: out.pushed });
    }
    return !more;
  };

  const ended = ({ reason, absent }: Ended) => {
    if (missing !== undefined) return;
    if (absent)
      return fail(
        'cannot read the journal: there is no journalctl here; install systemd or remove collectors.journald',
      );
    fail(`cannot read the journal: journalctl ended with ${reason}`);
    if (!/cursor/i.test(reason) || place?.cursor === undefined) return;
    log.error(`cannot go on at cursor "${place.cursor}": reading again from its time`);
    place = { since: place.since };
  };

  return {
    waits: true,
    async open(out) {
      sink = out;
      place = begin();
      follower = followJournal({
        args,
        begin() {
          lines = new Lines(MAX_LINE);
          missing = source === undefined ? missingJournal(room.root) : undefined;
          if (missing !== undefined) fail(missing);
        },
        data(portion) {
          fault = missing = undefined;
          follower?.healthy();
          lines.add(portion);
          if (!drain(out)) follower?.pause();
        },
        said: line => fail(`journalctl: ${line}`),
        ended,
        settled() {
          if (missing !== undefined) return false;
          fault = undefined;
          return true;
        },
        settleMs: SETTLE_MS,
        retryMs: attempt => Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** (attempt - 1)),
      });
    },
    resume() {
      full = false;
      if (sink && drain(sink)) follower?.resume();
    },
    committed(_written, synced) {
      const safe = marks.findLast(({ pushed }) => pushed <= synced);
      if (!safe) return;
      marks.splice(0, marks.indexOf(safe) + 1);
      save(safe);
    },
    faults: () => (fault === undefined ? [] : [fault]),
    async close() {
      closing = true;
      if (sink) drain(sink);
      await follower?.close();
    },
  };
}

const isDirectory = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** Why there is nothing to read: without a journal journalctl waits in silence, and does not see one that comes. */
function missingJournal(root: string): string | undefined {
  const below = [join(root, 'run/log/journal'), join(root, 'var/log/journal')];
  const has = (directory: string) => existsSync(directory) && readdirSync(directory).length > 0;
  return below.some(has)
    ? undefined
    : `there is no journal below ${below.join(' and ')}: is systemd-journald running?`;
}
