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
  /** All of it or nothing; rejects with the system's error. Whole lines. */
  append(lines: Uint8Array, now: number): Promise<void>;
  /** Deletes segments whose last line is too old. */
  expire(now: number): Promise<void>;
  /** What was appended so far outlives power loss. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

interface Written {
  readonly path: string;
  readonly start: number;
  bytes: number;
  /** Unix ms of the last append. */
  last: number;
}

/** Whole segments are deleted: with 16 of them in the space and 24 in the time, that is fine enough. */
const SEGMENTS_IN_SPACE = 16;
const SEGMENTS_IN_TIME = 24;
const APPEND = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT;

/** Takes up the newest segment where the last whole line ends: what a crash tore will come again. */
export async function openRing(directory: string, limits: Limits): Promise<Ring> {
  const maxSegmentBytes = limits.maxBytes / SEGMENTS_IN_SPACE;
  const maxSegmentMs = limits.retentionMs / SEGMENTS_IN_TIME;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const segments: Written[] = [];
  for (const { path, start } of await listSegments(directory)) {
    const { size, mtimeMs } = await stat(path);
    segments.push({ path, start, bytes: size, last: mtimeMs });
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

  /** The segment to append to. */
  const current = async (length: number, now: number): Promise<Written> => {
    const segment = segments.at(-1);
    if (segment && file) {
      const full = segment.bytes > 0 && segment.bytes + length > maxSegmentBytes;
      if (!full && now - segment.start < maxSegmentMs) return segment;
      await finish();
    }
    // A clock set back must not put the new segment before the old one.
    const start = Math.max(now, (segment?.start ?? 0) + 1);
    const next = { path: segmentPath(directory, start), start, bytes: 0, last: now };
    file = await open(next.path, APPEND, 0o600);
    segments.push(next);
    return next;
  };

  const expire = async (now: number) => {
    while (segments[0] && segments[0].last < now - limits.retentionMs) await removeOldest();
  };

  return {
    get bytes() {
      return total();
    },
    async append(lines, now) {
      await expire(now);
      while (segments.length > 1 && total() + lines.length > limits.maxBytes) await removeOldest();
      const segment = await current(lines.length, now);
      try {
        for (let at = 0; at < lines.length; ) at += (await file!.write(lines, at)).bytesWritten;
      } catch (error) {
        await file!.truncate(segment.bytes).catch(() => {});
        throw error;
      }
      segment.bytes += lines.length;
      segment.last = now;
      synced = false;
    },
    expire,
    sync,
    close: finish,
  };
}
