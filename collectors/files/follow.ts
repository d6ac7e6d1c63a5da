// Follows files: looks which there are and which changed, and reads those, in turns that never take long. Polling is the
// truth; everything a turn needs to know is a stat away. Time comes as an argument.

import { fstatSync } from 'node:fs';
import type { RecordSink, StreamRoom } from '../../agent/core/collector.ts';
import { codeOf } from '../../agent/core/errors.ts';
import { LogRecord } from '../../agent/core/record.ts';
import { loadNative } from '../../agent/native/index.ts';
import { createStatusOf } from '../../agent/native/status.ts';
import { createArchives } from './archives.ts';
import { createArrivals } from './arrivals.ts';
import { createCheckpointStore, loadCheckpoint } from './checkpoint.ts';
import { createCopies } from './copies.ts';
import { createDiscovery } from './discover.ts';
import { createEnds, End } from './ends.ts';
import type { LogFile } from './file.ts';
import { createGauges } from './gauges.ts';
import { createLooker } from './look.ts';
import { createMarks } from './marks.ts';
import { createMemory } from './memory.ts';
import { createPrints } from './prints.ts';
import { createReader, Outcome } from './reader.ts';
import { createBeside } from './rotation.ts';
import { createShelf } from './shelf.ts';
import type { Source } from './sources.ts';
import type { Pen } from './trail.ts';
import { createTroubles } from './troubles.ts';
import { createWriters, type Writers } from './writers.ts';

/** An unfinished line goes out when its file has not changed for so long; a joined record when no line followed. */
const QUIET_LINE_MS = 5000;
const QUIET_RECORD_MS = 2000;
/** Files that have been quiet for so long are closed; when this many are open, all that are read to their end. */
const QUIET_OPEN_MS = 300_000;
const MAX_OPEN = 1000;
/**
 * Bytes of one turn, of which every read takes at least SMALL_READ. Few, so that exporters keep up: what is read ahead of
 * them is read back from the spool, and with eight times as many that costs 5 % of the CPU, or 20 (bench/tail.ts).
 */
const TURN_BYTES = 512 * 1024;
const SMALL_READ = 1024;

export interface Follower {
  /** Finds out which files there are and which changed. */
  look(now: number): void;
  /** Finds out whether the files at these paths changed; false when that takes a look. */
  glance(paths: Iterable<string>, now: number): boolean;
  /** Paths of files that were seen to change at `since` or later, and are still there. */
  changed(since: number): string[];
  /** Reads; returns whether there is more to read at once. */
  turn(now: number): boolean;
  /** The first `synced` pushed records are safe. */
  committed(synced: number, now: number): void;
  resume(): void;
  /** Hands over what is held, so that another can go on; false while a deleted file is read, which it would not find. */
  rest(now: number): boolean;
  faults(): readonly string[];
  /** Hands over what is held and lets go of all files. `committed()` may still come. */
  close(now: number): void;
  /** Where files are that may change, for hints; another set when that changed. */
  readonly directories: ReadonlySet<string>;
}

export function createFollower(
  sources: readonly Source[],
  room: StreamRoom,
  out: RecordSink,
  wake: () => void,
  writers: Writers = createWriters(room.root),
): Follower {
  const { root, log } = room;
  const store = createCheckpointStore(room.stateDir);
  const marks = createMarks();
  /** Files whose held records have gone out since the last mark. */
  const freed = new Set<LogFile>();
  const pen: Pen = { record: new LogRecord(), out, released: file => freed.add(file) };
  const gauges = createGauges(room.meter, sources);
  const longest = Math.max(0, ...sources.map(source => source.limit.maxBytes));
  const reader = createReader(pen, marks, longest, (file, lines) => gauges.longLines(file.source, lines));
  const shelf = createShelf(room, pen);
  const copies = createCopies(shelf, out, (source, path) => looker.at(source, path), reach, startOver);
  const beside = createBeside(root);
  const troubles = createTroubles(log, out, room.now);
  const discovery = createDiscovery(root, room.patterns);
  const checkpoint = loadCheckpoint(store, room);
  const arrivals = createArrivals(sources, checkpoint, beside, shelf, reader, copies, troubles);
  const looker = createLooker(
    root,
    sources,
    discovery,
    arrivals,
    beside,
    shelf,
    troubles,
    log,
    createStatusOf(loadNative()),
  );
  const ends = createEnds(room, shelf, writers);
  const memory = createMemory(sources, room, store, marks, shelf, arrivals, copies);
  const prints = createPrints(shelf, memory, arrivals, copies, beside, reach);
  const archives = createArchives(reader, marks, pen, prints, wake);
  let full = false;
  let closed = false;
  let synced = 0;

  /** Reads the unfinished line at the end, too. */
  function finish(file: LogFile, now: number): void {
    if (full || file.rest === 0 || !reader.reach(file)) return;
    if (reader.read(file, now, true) === Outcome.Full) full = true;
  }

  function letGo(file: LogFile, now: number): void {
    if (file.fd >= 0) finish(file, now);
    reader.mark(file);
    reader.close(file);
    archives.close(file);
    shelf.remove(file, now);
    memory.leave(file);
  }

  function closeQuiet(before: number): void {
    for (const file of shelf.files)
      if (file.fd >= 0 && !file.unread && file.detachedAt === 0 && file.changedAt <= before)
        if (file.heldFrom < 0) reader.close(file);
  }

  /** What time alone brings: the ends of unfinished lines, of held records, and of files. */
  function tend(file: LogFile, now: number): void {
    const quiet = now - file.changedAt;
    if (!file.unread && quiet >= QUIET_LINE_MS) finish(file, now);
    if (quiet >= QUIET_LINE_MS) file.trail.rest();
    if (file.detachedAt === 0) return;
    if (file.links > 0 && !file.isPacked) reader.reach(file);
    const end = ends.of(file, now);
    if (end === End.Stay || (full && end === End.LetGo)) return;
    const left = file.isIgnored || file.isPacked ? 0 : file.size - file.offset;
    if (end === End.GiveUp)
      troubles.lose(file.path, left, `it was deleted, and given up because ${ends.reason}`, 'deleted');
    else if (file.fd < 0 && file.links === 0 && left > 0)
      troubles.lose(file.path, left, 'it was deleted', 'deleted');
    letGo(file, now);
  }

  function look(now: number): void {
    beside.forget();
    looker.look(now);
    ends.ask(now);
    for (const file of shelf.files)
      try {
        tend(file, now);
      } catch (error) {
        // Gone meanwhile: the next look finds out where to.
        if (codeOf(error) !== 'ENOENT') troubles.report(file.source, file.path, error);
      }
    for (const trail of shelf.trails) {
      if (!full && trail.isHolding) trail.flush(now - QUIET_RECORD_MS, now - QUIET_LINE_MS, now);
      // What comes and goes at its path is told by no file there.
      if (trail.files.isVacant(now) && beside.hasChanged(trail.path))
        arrivals.recover(trail.source, trail.path, trail.files.seenUntil, now);
    }
    copies.expire(now, troubles.lose);
    closeQuiet(reader.open < MAX_OPEN ? now - QUIET_OPEN_MS : now);
    gauges.show(shelf.files);
  }

  /** Follows what rotation took out of a file since it was last read; that comes before the rest of it. */
  function recover(file: LogFile, now: number): void {
    beside.refresh(file.trail.path, fstatSync(file.fd).mtimeMs);
    arrivals.recover(file.source, file.trail.path, file.unseenSince, now);
    file.unseenSince = Math.max(file.unseenSince, file.mtime);
  }

  /** It was emptied, or written anew: reads it from its first byte. */
  function startOver(file: LogFile, now: number): void {
    copies.emptied(file, now);
    file.restart();
    ends.emptied(file);
    file.isRestored = false;
    recover(file, now);
    log.info(`log file "${file.path}" was emptied or written anew; reading it from its first byte`);
  }

  /** Opens a file for comparison, if it can be read. */
  function reach(file: LogFile): boolean {
    try {
      return reader.reach(file);
    } catch {
      return false;
    }
  }

  /** Reads a little of a compressed file. */
  function unpack(file: LogFile, now: number): number {
    const outcome = archives.read(file, now);
    if (outcome === undefined) return 0;
    troubles.clear(file.path);
    if (outcome === Outcome.End) file.unread = false;
    else if (outcome === Outcome.Full) full = true;
    return Math.max(SMALL_READ, archives.bytes);
  }

  /** Reads a little of one file; returns the bytes that took, 0 when it has to wait. */
  function read(file: LogFile, now: number): number {
    try {
      if (file.isPacked) return unpack(file, now);
      if (!reader.reach(file)) return 0;
      file.isBarred = false;
      troubles.clear(file.path);
      // Nothing of it was seen, and it was written to: it may have been filled and emptied before.
      if (file.headLength === 0 && file.detachedAt === 0 && file.mtime > file.unseenSince) recover(file, now);
      if (file.isUnproven && file.size === 0) {
        file.unread = false;
        return SMALL_READ;
      }
      if (file.trail.files.waits(file)) return SMALL_READ;
      if (file.isUnproven) {
        if (!copies.prove(file, now)) return 0;
        reader.mark(file);
      }
      const outcome = reader.read(file, now, false);
      if (outcome === Outcome.Replaced) startOver(file, now);
      else if (outcome === Outcome.End) file.unread = false;
      else if (outcome === Outcome.Full) full = true;
      return Math.max(SMALL_READ, reader.bytes);
    } catch (error) {
      file.isBarred = file.fd < 0;
      const code = codeOf(error);
      if (code === 'EMFILE' || code === 'ENFILE') closeQuiet(now);
      // Gone between the look and now: the next look finds out where to.
      if (code !== 'ENOENT') troubles.report(file.source, file.path, error);
      return 0;
    }
  }

  /** Gives every unread file a little, again and again, until the turn's bytes are used up; returns whether they were. */
  function drain(now: number): boolean {
    let left = TURN_BYTES;
    for (let moved = true; moved && !full && left > 0; ) {
      moved = false;
      for (const file of shelf.files) {
        if (!file.unread || file.trail.files.waits(file)) continue;
        const bytes = read(file, now);
        if (bytes === 0) continue;
        moved = true;
        left -= bytes;
        if (full || left <= 0) break;
        if (file.unread) shelf.last(file);
      }
    }
    return !full && left <= 0;
  }

  function settle(): void {
    for (const file of freed) reader.mark(file);
    freed.clear();
    memory.commit(synced);
  }

  function hand(now: number): true {
    for (const trail of shelf.trails) trail.flush(Infinity, Infinity, now);
    settle();
    return true;
  }
  return {
    look,
    glance: looker.glance,
    changed: shelf.changed,
    turn(now) {
      const more = drain(now);
      settle();
      memory.save(now);
      return more;
    },
    committed(count, now) {
      synced = count;
      if (!closed) return;
      settle();
      memory.write(now);
    },
    resume() {
      full = false;
    },
    rest: now => !shelf.files.values().some(file => file.links === 0) && hand(now),
    faults: () => troubles.faults(),
    close(now) {
      hand(now);
      for (const file of shelf.files) {
        reader.close(file);
        archives.close(file);
      }
      closed = true;
      memory.write(now);
    },
    get directories() {
      return looker.directories;
    },
  };
}
