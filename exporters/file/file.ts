// A regular file that is appended to: rotated by size, opened anew when it was moved away, never with half a line.

import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { codeOf } from '../../agent/core/errors.ts';
import type { Lines, Output } from './index.ts';
import type { FileOptions } from './options.ts';

const APPEND = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT;
const NEWLINE = 10;
const CHUNK = 64 * 1024;

export function createFile({ path, mode, max_size: maxBytes, max_files: kept, fsync }: FileOptions): Output {
  let file: FileHandle | undefined;

  const close = async () => {
    const open = file;
    file = undefined;
    await open?.close();
  };

  /** The file at the path: another than the one that is open once somebody moved or deleted that. */
  const current = async (): Promise<FileHandle> => {
    if (file && !(await isAt(file, path))) await close();
    if (file) return file;
    const opened = await open(path, APPEND, mode);
    try {
      if ((await opened.stat()).size === 0) await opened.chmod(mode);
      else await endLines(opened);
    } catch (error) {
      await opened.close();
      throw error;
    }
    file = opened;
    return opened;
  };

  const rotate = async () => {
    await close();
    if (kept === 0) await rm(path, { force: true });
    for (let i = kept; i > 0; i--) await move(i === 1 ? path : `${path}.${i - 1}`, `${path}.${i}`);
  };

  /** As many lines as the file has room for, else those that a new one has room for. */
  const writeSome = async (lines: Lines) => {
    const { bytes, written: from } = lines;
    let to = await current();
    let { size } = await to.stat();
    let end = maxBytes === 0 ? bytes.length : endOfLinesWithin(bytes, from, maxBytes - size);
    if (end === from && size > 0) {
      await rotate();
      to = await current();
      size = 0;
      end = endOfLinesWithin(bytes, from, maxBytes);
    }
    // A line that is longer goes alone.
    if (end === from) end = bytes.indexOf(NEWLINE, from) + 1;
    try {
      for (let at = from; at < end; ) at += (await to.write(bytes, at, end - at)).bytesWritten;
      if (fsync) await to.datasync();
    } catch (error) {
      await to.truncate(size).catch(() => {});
      throw error;
    }
    lines.written = end;
  };

  return {
    async write(lines) {
      while (lines.written < lines.bytes.length) await writeSome(lines);
    },
    reopen: close,
  };
}

/** Where the last whole line ends that begins at `from` or behind it and fits into `room` bytes; `from` when none does. */
function endOfLinesWithin(bytes: Buffer, from: number, room: number): number {
  if (room <= 0) return from;
  return Math.max(from, bytes.subarray(0, from + room).lastIndexOf(NEWLINE) + 1);
}

async function isAt(file: FileHandle, path: string): Promise<boolean> {
  const open = await file.stat();
  const there = await stat(path).catch(() => undefined);
  return there?.ino === open.ino && there.dev === open.dev;
}

async function move(from: string, to: string): Promise<void> {
  await rename(from, to).catch(error => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
}

/** Cuts off what a crash left of a line: its batch comes again. */
async function endLines(file: FileHandle): Promise<void> {
  const { size } = await file.stat();
  const buffer = Buffer.allocUnsafe(CHUNK);
  for (let end = size; end > 0; ) {
    const from = Math.max(0, end - CHUNK);
    const { bytesRead } = await file.read(buffer, 0, end - from, from);
    const newline = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE);
    if (newline >= 0) {
      if (from + newline + 1 < size) await file.truncate(from + newline + 1);
      return;
    }
    end = from;
  }
  await file.truncate(0);
}
