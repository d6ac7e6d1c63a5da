// The segments as one writer sees them: bytes go to the newest, the oldest go away. Never two calls at once.

import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, stat, unlink } from 'node:fs/promises';
import { codeOf } from '../../agent/core/errors.ts';
import { endOfLines, listSegments, segmentPath } from './segment.ts';

export interface Limits {
  readonly maxBytes: number;
  readonly retentionMs: number;
}

export interface Ring {
  readonly bytes: number;
  /**
   * All of it or nothing; rejects with the system's error. Whole lines; resolves with how many of them, the first, were
   * left out because all the space would not hold them.
   */
  append(lines: Uint8Array, now: number): Promise<number>;
  /** Deletes segments whose last line is too old. */
  expire(now: number): Promise<void>;
  /** What was appended so far outlives power loss. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

interface Written {
  readonly path: string;
  bytes: number;
  /** Unix ms when it was begun and last appended to; what a clock that was ahead told is taken back. */
  begun: number;
  last: number;
  /** What the clock told at most meanwhile: nothing in it was written later than that. */
  latest: number;
}

/** Whole segments are deleted: with 16 of them in the space and 24 in the time, that is fine enough. */
const SEGMENTS_IN_SPACE = 16;
const SEGMENTS_IN_TIME = 24;
const NEWLINE = 10;
const APPEND = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT;

/** Takes up the newest segment where the last whole line ends: what a crash tore will come again. */
export async function openRing(directory: string, limits: Limits): Promise<Ring> {
  const maxSegmentBytes = limits.maxBytes / SEGMENTS_IN_SPACE;
  const maxSegmentMs = limits.retentionMs / SEGMENTS_IN_TIME;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const segments: Written[] = [];
  for (const { path, start } of await listSegments(directory)) {
    const { size, mtimeMs } = await stat(path);
    segments.push({ path, bytes: size, begun: start, last: mtimeMs, latest: Math.max(start, mtimeMs) });
  }
  let file: FileHandle | undefined;
  let synced = true;
  const newest = segments.at(-1);
  if (newest) {
    file = await open(newest.path, APPEND);
    newest.bytes = await endOfLines(file);
    await file.truncate(newest.bytes);
  }

  const total = () => segments.reduce((sum, segment) => sum + segment.bytes, 0);

  const sync = async () => {
    if (synced) return;
    synced = true;
    await file?.datasync();
  };

  /** Ends the newest segment; the next append begins another. */
  const finish = async () => {
    await sync();
    await file?.close();
    file = undefined;
  };

  const removeOldest = async () => {
    if (segments.length === 1) await finish();
    const { path } = segments.shift()!;
    await unlink(path).catch(error => {
      if (codeOf(error) !== 'ENOENT') throw error;
    });
  };

  /** A newest segment that somebody has deleted takes no more. */
  const letGo = async () => {
    if (!file || (await file.stat()).nlink > 0) return;
    await finish();
    segments.pop();
  };

  /** The segment to append to. */
  const current = async (length: number, now: number): Promise<Written> => {
    const segment = segments.at(-1);
    if (segment && file) {
      const full = segment.bytes > 0 && segment.bytes + length > maxSegmentBytes;
      if (!full && now - segment.begun < maxSegmentMs) return segment;
      await finish();
    }
    // A clock set back must not put the new segment before the old one, nor before what stands in that.
    const start = Math.max(now, Math.floor(segment?.latest ?? 0) + 1);
    const next = { path: segmentPath(directory, start), bytes: 0, begun: now, last: now, latest: start };
    await mkdir(directory, { recursive: true, mode: 0o700 });
    file = await open(next.path, APPEND, 0o600);
    segments.push(next);
    return next;
  };

  const expire = async (now: number) => {
    for (const segment of segments) {
      segment.begun = Math.min(segment.begun, now);
      segment.last = Math.min(segment.last, now);
    }
    while (segments[0] && segments[0].last < now - limits.retentionMs) await removeOldest();
  };

  return {
    get bytes() {
      return total();
    },
    async append(given, now) {
      await letGo();
      await expire(now);
      const lines = lastThatFit(given, limits.maxBytes);
      while (segments.length > 0 && total() + given.length > limits.maxBytes) await removeOldest();
      const segment = await current(lines.length, now);
      try {
        for (let at = 0; at < lines.length; ) at += (await file!.write(lines, at)).bytesWritten;
      } catch (error) {
        await file!.truncate(segment.bytes).catch(() => {});
        throw error;
      }
      segment.bytes += lines.length;
      segment.last = now;
      segment.latest = Math.max(segment.latest, now);
      synced = false;
      return countLines(given.subarray(0, given.length - lines.length));
    },
    expire,
    sync,
    close: finish,
  };
}

/** The last lines that fit. */
function lastThatFit(lines: Uint8Array, bytes: number): Uint8Array {
  if (lines.length <= bytes) return lines;
  const cut = lines.indexOf(NEWLINE, lines.length - bytes - 1);
  return lines.subarray(cut + 1);
}

function countLines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return count;
}
