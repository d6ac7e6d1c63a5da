// The spool: sealed batches on disk until every exporter is finished with them. Nothing is kept in memory but while the disk refuses.

import { closeSync, fsync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { causeOf } from '../../core/errors.ts';
import type { SealedBatch } from '../../core/exporter.ts';
import type { Log } from '../../core/log.ts';
import { cursorOwner, loadCursor, removeCursor, saveCursor } from './cursor.ts';
import { createReader, type Reader, type SpoolReader } from './reader.ts';
import { openFileSegment, openMemorySegment, type Segment, segmentId } from './segment.ts';

const syncFd = promisify(fsync);
const MIN_SEGMENT = 256 * 2 ** 10;
const MAX_SEGMENT = 16 * 2 ** 20;
/** Most that is held in memory while the disk refuses. */
const MEMORY_LIMIT = 16 * 2 ** 20;

export interface SpoolOptions {
  readonly dir: string;
  /** Bytes on disk, all segments together. */
  readonly maxSize: number;
  readonly whenFull: 'drop_oldest' | 'block';
  readonly log: Log;
  readonly now: () => number;
  /** Records given up by policy, per exporter. */
  onDropped(exporter: string, records: number): void;
  /** Bytes that no longer make a frame. */
  onDamaged(bytes: number): void;
  /** Batches up to `seq` outlive the process, or are delivered. */
  onWritten(seq: number): void;
  /** Room was made: what `append` refused may be tried again. */
  onRoom(): void;
}

export interface SpoolStats {
  /** Undelivered bytes, by the slowest exporter. */
  readonly bytes: number;
  /** Unix ms of the oldest segment still needed; undefined when nothing is pending. */
  readonly oldest: number | undefined;
  /** Why the disk refused, until it takes batches again and none waits in memory. */
  readonly refused: string | undefined;
}

export interface Spool {
  /** Keeps a copy of the batch for all readers (without any it is given up) and returns its sequence number, from 1; undefined when there is no room: keep it and wait for `onRoom`. */
  append(batch: SealedBatch): number | undefined;
  /** The reader of an exporter, at its kept cursor or at the oldest frame. */
  reader(name: string): Reader;
  /** Gives up an exporter's claim; returns how many records it leaves behind. */
  forget(name: string): number;
  /** Exporters that have a kept cursor. */
  known(): string[];
  readers(): Iterable<Reader>;
  stats(): SpoolStats;
  /** Forces all frames and cursors to disk; resolves with the last sequence number that is safe. */
  sync(): Promise<number>;
  close(): Promise<void>;
}

/** Opens the directory (0700, made when absent) and takes up what an earlier life left. Throws when it cannot be used at all. */
export function openSpool(options: SpoolOptions): Spool {
  const { dir, maxSize, log, now } = options;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const dirFd = openSync(dir, 'r');
  const segmentLimit = Math.max(MIN_SEGMENT, Math.min(MAX_SEGMENT, maxSize / 8), maxSize / 64);
  const segments: Segment[] = [];
  const readers = new Map<string, SpoolReader>();
  const unsynced = new Set<Segment>();
  let seq = 0;
  let written = 0;
  let refused: string | undefined;
  let dirDirty = false;

  for (const name of readdirSync(dir).sort()) {
    const id = segmentId(name);
    if (id === undefined) continue;
    const segment = openFileSegment(dir, id, now(), true);
    if (segment.size > 0) segments.push(segment);
    else segment.remove();
  }
  let nextId = (segments.at(-1)?.id ?? 0) + 1;
  for (const name of readdirSync(dir)) {
    // Ids never repeat while a cursor remembers them, else it would stand in the middle of a new segment.
    const owner = cursorOwner(name);
    if (owner !== undefined) nextId = Math.max(nextId, loadCursor(dir, owner).segment + 1);
  }

  const total = () => segments.reduce((sum, segment) => sum + (segment.durable ? segment.size : 0), 0);
  const inMemory = () => segments.reduce((sum, segment) => sum + (segment.durable ? 0 : segment.size), 0);

  const tellWritten = () => {
    const volatile = segments.find(segment => !segment.durable);
    const now = volatile ? volatile.firstSeq - 1 : seq;
    if (now <= written) return;
    written = now;
    options.onWritten(written);
  };

  const remove = (segment: Segment) => {
    segments.splice(segments.indexOf(segment), 1);
    unsynced.delete(segment);
    segment.remove();
  };

  /** The disk takes batches again, and none waits in memory any more. */
  const forgetRefusal = () => {
    if (refused === undefined || segments.some(segment => !segment.durable)) return;
    log.info('the spool writes to disk again', { dir });
    refused = undefined;
  };

  /** Deletes what every reader is finished with. */
  const collect = () => {
    let freed = false;
    for (const segment of [...segments]) {
      const active = segment === segments.at(-1);
      const finished = [...readers.values()].every(
        ({ position }) =>
          position.segment > segment.id ||
          (position.segment === segment.id && position.offset >= segment.size),
      );
      if (!finished || readers.size === 0) break;
      if (active && segment.size < MIN_SEGMENT && segment.durable) break;
      remove(segment);
      freed = true;
    }
    if (freed) {
      forgetRefusal();
      tellWritten();
      options.onRoom();
    }
  };

  const dropOldest = () => {
    const segment = segments[0];
    if (!segment) return;
    for (const reader of readers.values()) {
      const lost = reader.skip(segment);
      if (lost > 0) options.onDropped(reader.name, lost);
    }
    remove(segment);
  };

  /** The segment to append to, opened when there is none with room left. */
  const active = (durable: boolean): Segment => {
    const last = segments.at(-1);
    if (last && last.durable === durable && last.lastSeq >= 0 && last.size < segmentLimit) return last;
    const segment = durable ? openFileSegment(dir, nextId, now()) : openMemorySegment(nextId, now());
    nextId++;
    segments.push(segment);
    if (durable) dirDirty = true;
    return segment;
  };

  const store = (segment: Segment, batch: SealedBatch): number => {
    segment.append(batch);
    seq++;
    if (segment.lastSeq < 0) segment.firstSeq = seq;
    segment.lastSeq = seq;
    if (segment.durable) unsynced.add(segment);
    for (const reader of readers.values()) reader.grow(batch.records);
    tellWritten();
    return seq;
  };

  const saveCursors = () => {
    for (const reader of readers.values()) saveCursor(dir, reader.name, reader.position);
  };

  return {
    append(batch) {
      if (readers.size === 0) {
        seq++;
        tellWritten();
        return seq;
      }
      while (total() + batch.bytes.length > maxSize) {
        if (options.whenFull === 'block' && segments.length > 0) return undefined;
        if (segments.length === 0) break;
        dropOldest();
      }
      try {
        const stored = store(active(true), batch);
        forgetRefusal();
        return stored;
      } catch (error) {
        if (segments.at(-1)?.size === 0) remove(segments.at(-1)!);
        refused = `cannot write spool "${dir}": ${causeOf(error)}`;
        log.error(refused);
      }
      return inMemory() + batch.bytes.length > MEMORY_LIMIT ? undefined : store(active(false), batch);
    },
    reader(name) {
      const known = readers.get(name);
      if (known) return known;
      const reader = createReader({
        name,
        from: loadCursor(dir, name),
        segments,
        onDamage(segment, from, to) {
          log.error(`cannot read spool segment "${segment.id}" from byte ${from} to ${to}: damaged, skipped`);
          options.onDamaged(to - from);
        },
        onDone: collect,
      });
      readers.set(name, reader);
      return reader;
    },
    forget(name) {
      const left = readers.get(name)?.pending ?? 0;
      readers.delete(name);
      removeCursor(dir, name);
      collect();
      return left;
    },
    known: () => readdirSync(dir).flatMap(name => cursorOwner(name) ?? []),
    readers: () => readers.values(),
    stats() {
      let bytes = 0;
      for (const { position } of readers.values()) {
        let own = 0;
        for (const segment of segments) {
          if (segment.id > position.segment) own += segment.size;
          else if (segment.id === position.segment) own += Math.max(0, segment.size - position.offset);
        }
        bytes = Math.max(bytes, own);
      }
      const pending = [...readers.values()].some(reader => reader.pending > 0);
      return { bytes, oldest: pending ? segments[0]?.since : undefined, refused };
    },
    async sync() {
      const upTo = written;
      const dirty = [...unsynced];
      unsynced.clear();
      await Promise.all(
        dirty.flatMap(segment => (segment.fd === undefined ? [] : syncFd(segment.fd).catch(ignoreClosed))),
      );
      if (dirDirty) {
        dirDirty = false;
        await syncFd(dirFd);
      }
      saveCursors();
      return upTo;
    },
    async close() {
      await this.sync().catch(error => log.error(`cannot sync spool "${dir}": ${causeOf(error)}`));
      collect();
      for (const segment of segments) {
        if (segment.size === 0 || this.stats().bytes === 0) segment.remove();
        else segment.close();
      }
      segments.length = 0;
      closeSync(dirFd);
    },
  };
}

/** A segment delivered and deleted while it was being synced needs no sync. */
function ignoreClosed(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'EBADF') throw error;
}
