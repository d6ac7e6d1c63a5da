// The spool: sealed batches on disk until every exporter is finished with them. In memory there are only those that may
// wait, as long as exporters take them at once, and what the disk refuses.

import { causeOf } from '../../core/errors.ts';
import { makePrivate } from '../directory.ts';
import type { Spool, SpoolOptions } from './contract.ts';
import { removeCursor, START } from './cursor.ts';
import { createDamage } from './damage.ts';
import { openMemorySegment } from './memory-segment.ts';
import { createQuarantine } from './quarantine.ts';
import { createReader, type SpoolReader } from './reader.ts';
import { recover } from './recover.ts';
import { createRooms } from './room.ts';
import { createSegment, type GivenBatch, type Segment, writeDown } from './segment.ts';
import { createSpace } from './space.ts';
import { isFinished, standing } from './standing.ts';
import { createSync } from './sync.ts';

const MIN_SEGMENT = 256 * 2 ** 10;
const MAX_SEGMENT = 16 * 2 ** 20;
/**
 * Most that is held in memory: as many full batches as a pump has requests under way, and their envelopes. Its source keeps it
 * meanwhile, too, and has little room for that.
 */
const MEMORY_LIMIT = 5 * 2 ** 20;
/** Exporters that are behind by more do not take things at once. */
const AT_ONCE_MS = 200;
const TIGHT = 'its file system has less free than spool.min_free';

/**
 * Opens the directory (0700, made when absent) and takes up what an earlier life left. Where it cannot be used, that is a
 * fault, and records wait in memory.
 */
export function openSpool(options: SpoolOptions): Spool {
  const { dir, log, now } = options;
  let { maxSize, whenFull } = options;
  try {
    const refusal = makePrivate(dir);
    if (refusal !== undefined) throw refusal;
  } catch (error) {
    log.error(`cannot make spool "${dir}": ${causeOf(error)}`);
  }
  const quarantine = createQuarantine(dir, log);
  const { segments, cursors, losses, damagedBytes, faults, ...recovered } = recover(dir, quarantine, log);
  if (damagedBytes > 0) options.onDamaged(damagedBytes);
  const space = createSpace(dir, options.minFree);
  const reach = Math.min(maxSize, space.size);
  const segmentLimit = Math.max(MIN_SEGMENT, Math.min(MAX_SEGMENT, reach / 8), reach / 64);
  const readers = new Map<string, SpoolReader>();
  const damaged = createDamage({ readers, quarantine, options });
  const { takeRoom = createRooms() } = options;
  let { nextId } = recovered;
  let seq = 0;
  let written = 0;
  /** Why the disk does not take batches; until it does again and none waits in memory. */
  let refused: string | undefined;
  /** Why there is no room, or was none shortly ago. */
  let full: string | undefined;

  const total = () => segments.reduce((sum, segment) => sum + (segment.durable ? segment.size : 0), 0);
  const inMemory = () => segments.reduce((sum, segment) => sum + (segment.durable ? 0 : segment.size), 0);

  const tellWritten = () => {
    const volatile = segments.find(segment => !segment.durable);
    const reached = volatile ? volatile.firstSeq - 1 : seq;
    if (reached <= written) return;
    written = reached;
    options.onWritten(written);
  };

  const refuse = (error: unknown) => {
    const why = `cannot write spool "${dir}": ${causeOf(error)}`;
    if (why !== refused) log.error(why);
    refused = why;
  };
  const accept = () => {
    if (refused === undefined || segments.some(segment => !segment.durable)) return;
    log.info('the spool writes to disk again', { dir });
    refused = undefined;
  };

  const syncing = createSync({
    dir,
    segments,
    readers,
    cursors,
    durable: options.durable,
    log,
    written: () => written,
  });

  const remove = (segment: Segment) => {
    segments.splice(segments.indexOf(segment), 1);
    syncing.forget(segment);
    segment.remove();
  };

  /** Deletes what every reader is finished with. */
  const collect = () => {
    let freed = false;
    while (segments[0] && isFinished(segments[0], readers.values())) {
      const segment = segments[0];
      segment.since = Number.POSITIVE_INFINITY;
      if (segments.length === 1 && segment.size < MIN_SEGMENT && segment.durable && full === undefined) break;
      remove(segment);
      freed = true;
    }
    if (!freed) return;
    if (total() <= maxSize / 2) full = undefined;
    accept();
    tellWritten();
    options.onRoom();
  };

  const dropOldest = (reason: string) => {
    const segment = segments[0]!;
    for (const reader of readers.values()) {
      const lost = reader.skip(segment);
      if (lost > 0) options.onDropped(reader.name, lost, reason);
    }
    if (segment.durable && reason !== 'spool_full') space.gave(segment.size);
    remove(segment);
  };

  /** The segment to append to, opened when there is none with room left. */
  const active = (durable: boolean): Segment => {
    const last = segments.at(-1);
    if (
      last &&
      last.durable === durable &&
      last.lastSeq >= 0 &&
      last.size < (durable ? segmentLimit : MIN_SEGMENT) &&
      !syncing.isSuspect(last)
    )
      return last;
    const segment = durable ? createSegment(dir, nextId, now()) : openMemorySegment(nextId, now(), takeRoom);
    nextId++;
    segments.push(segment);
    if (durable) syncing.grew();
    return segment;
  };

  const store = (segment: Segment, batch: GivenBatch): number => {
    segment.append(batch);
    seq++;
    if (segment.lastSeq < 0) segment.firstSeq = seq;
    segment.lastSeq = seq;
    if (segment.since === Number.POSITIVE_INFINITY) segment.since = now();
    if (segment.durable) {
      syncing.wrote(segment);
      space.took(batch.bytes.length);
    }
    for (const reader of readers.values()) reader.grow(batch.records);
    tellWritten();
    return seq;
  };

  /** Undefined when the disk refuses. */
  const storeOnDisk = (batch: GivenBatch): number | undefined => {
    try {
      if (!space.allows(batch.bytes.length)) throw new Error(TIGHT);
      const stored = store(active(true), batch);
      accept();
      return stored;
    } catch (error) {
      if (segments.at(-1)?.size === 0) remove(segments.at(-1)!);
      refuse(error);
      return undefined;
    }
  };

  /** Whether it need not be written now, and in all likelihood never: exporters take what comes at once. */
  const mayStayInMemory = ({ bytes: { length }, mayWait }: GivenBatch): boolean => {
    if (mayWait !== true || refused !== undefined || full !== undefined) return false;
    const held = inMemory() + length;
    if (held > MEMORY_LIMIT || total() + held > maxSize) return false;
    const { oldest } = standing(segments, readers.values());
    return oldest === undefined || now() - oldest < AT_ONCE_MS;
  };

  /** So that a living exporter has its records however little the disk takes. */
  const storeInMemory = (batch: GivenBatch): number | undefined =>
    inMemory() + batch.bytes.length <= MEMORY_LIMIT || segments.length === 0
      ? store(active(false), batch)
      : undefined;

  /** What waits in memory goes to disk as soon as that takes it. */
  const settleMemory = () => {
    for (const [i, waiting] of segments.entries()) {
      if (waiting.durable) continue;
      if (total() + waiting.size > maxSize || !space.allows(waiting.size)) return;
      try {
        const segment = writeDown(waiting, dir);
        segments[i] = segment;
        waiting.close();
        space.took(segment.size);
        syncing.grew();
        syncing.wrote(segment);
      } catch (error) {
        return refuse(error);
      }
      tellWritten();
    }
    accept();
  };

  const read = (name: string): SpoolReader => {
    let reader = readers.get(name);
    if (reader) return reader;
    reader = createReader({
      name,
      from: cursors.get(name) ?? START,
      segments,
      takeRoom,
      onHole: damaged,
      onDone: collect,
    });
    readers.set(name, reader);
    return reader;
  };
  // What one exporter is finished with stays for those that start after it.
  for (const name of cursors.keys()) read(name);

  return {
    losses,
    append(batch) {
      segments.at(-1)?.settle();
      if (readers.size === 0) {
        seq++;
        tellWritten();
        return seq;
      }
      if (mayStayInMemory(batch)) return store(active(false), batch);
      const { length } = batch.bytes;
      // The bound is one of what is on disk, so near to it what waits goes there.
      if (total() + inMemory() + length > maxSize) settleMemory();
      for (;;) {
        const isLarge = total() + length > maxSize && segments.length > 0;
        // Kept for the next small batches, which this is not one of.
        if (isLarge && segments.length === 1 && isFinished(segments[0]!, readers.values())) {
          remove(segments[0]!);
          continue;
        }
        const stored = isLarge ? undefined : (storeOnDisk(batch) ?? storeInMemory(batch));
        if (stored !== undefined) return stored;
        full = isLarge
          ? `the spool is full: spool.max_size is ${maxSize} bytes`
          : `the spool is full: nothing more fits into "${dir}"`;
        if (whenFull === 'block') return undefined;
        dropOldest(isLarge ? 'spool_full' : 'disk_full');
        settleMemory();
      }
    },
    reader: read,
    forget(name) {
      const left = readers.get(name)?.pending ?? 0;
      readers.delete(name);
      try {
        removeCursor(dir, name);
      } catch (error) {
        log.warn(`cannot remove the cursor of ${name} in "${dir}": ${causeOf(error)}`);
      }
      collect();
      return left;
    },
    known: () => [...readers.keys()],
    readers: () => readers.values(),
    limit(bound) {
      ({ maxSize, whenFull } = bound);
      options.onRoom();
    },
    stats: () => ({
      ...standing(segments, readers.values()),
      faults: [refused, full, syncing.fault(), ...faults].filter(each => each !== undefined),
    }),
    isCrowded: () => standing(segments, readers.values()).bytes > maxSize / 2,
    settle() {
      settleMemory();
      return inMemory() === 0;
    },
    sync() {
      settleMemory();
      return syncing.run();
    },
    async close() {
      await this.sync();
      collect();
      const isEmpty = standing(segments, readers.values()).bytes === 0;
      for (const segment of segments) {
        if (segment.size === 0 || isEmpty) segment.remove();
        else segment.close();
      }
      segments.length = 0;
      syncing.close();
    },
  };
}
