// What the spool is given, and what it promises.

import type { Log } from '../../core/log.ts';
import type { Reader } from './reader.ts';
import type { Loss } from './recover.ts';
import type { Room } from './room.ts';
import type { GivenBatch } from './segment.ts';

export interface SpoolOptions {
  readonly dir: string;
  /** Bytes on disk, all segments together. */
  readonly maxSize: number;
  /** Bytes of the file system the spool leaves to others; by default a twentieth of it, at most 512 MiB. */
  readonly minFree?: number | undefined;
  readonly whenFull: 'drop_oldest' | 'block';
  /** Whether `sync()` makes it outlive power loss. */
  readonly durable: boolean;
  readonly log: Log;
  readonly now: () => number;
  /** Where those rooms come from that batches stand in, so that they are used again. */
  readonly takeRoom?: (() => Room) | undefined;
  /** Records given up, per exporter: `spool_full`, `disk_full`, `damaged`. */
  onDropped(exporter: string, records: number, reason: string): void;
  /** Bytes that no longer make a frame. */
  onDamaged(bytes: number): void;
  /** Damage found while running; what was found at the start is in `losses`. */
  onLost(loss: Loss): void;
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
  /** Why records do not flow as they should, one line each. */
  readonly faults: readonly string[];
}

export interface Spool {
  /**
   * Keeps a copy of the batch for all readers (without any it is given up) and returns its sequence number, from 1;
   * undefined when there is no room: keep it and wait for `onRoom`. Its bytes must stay as they are until the next call,
   * unless they stand in a room, which is held as long as it is needed.
   */
  append(batch: GivenBatch): number | undefined;
  /** The reader of an exporter, at its kept cursor or at the oldest frame. */
  reader(name: string): Reader;
  /** Gives up an exporter's claim; returns how many records it leaves behind. */
  forget(name: string): number;
  /** Exporters that have a reader: those of an earlier life have one from the start. */
  known(): string[];
  readers(): Iterable<Reader>;
  /** Another bound from the next batch on. */
  limit(bound: Pick<SpoolOptions, 'maxSize' | 'whenFull'>): void;
  stats(): SpoolStats;
  /** Whether more than half of the bound waits: a source that can wait should. */
  isCrowded(): boolean;
  /** What was found damaged at the start. */
  readonly losses: readonly Loss[];
  /** Writes down what waits in memory; false while the disk refuses some of it. */
  settle(): boolean;
  /** Forces all frames and cursors to disk; resolves with the last sequence number that is safe. */
  sync(): Promise<number>;
  close(): Promise<void>;
}
