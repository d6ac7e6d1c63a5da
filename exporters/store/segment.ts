// Segment files: how they are named, listed and read, from either end and never as a whole.

import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../agent/core/errors.ts';

export interface Segment {
  readonly path: string;
  /** Unix ms when it was begun; everything in older segments was written before. */
  readonly start: number;
}

export const segmentPath = (directory: string, start: number): string =>
  join(directory, `logs-${String(start).padStart(13, '0')}.ndjson`);

/** Undefined for other files. */
export function segmentStart(path: string): number | undefined {
  const start = /(?:^|\/)logs-(\d{13,})\.ndjson$/.exec(path)?.[1];
  return start === undefined ? undefined : Number(start);
}

/** Oldest first; none when the directory does not exist. */
export async function listSegments(directory: string): Promise<Segment[]> {
  const names = await readdir(directory).catch(error => {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  });
  return names
    .flatMap(name => {
      const start = segmentStart(name);
      return start === undefined ? [] : { path: join(directory, name), start };
    })
    .sort((a, b) => a.start - b.start);
}

const CHUNK = 256 * 1024;
const NEWLINE = 10;

async function readRange(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(to - from);
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, from + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** The whole lines between two offsets, without their newline. What follows the last newline is left out. */
export async function* readForward(file: FileHandle, from: number, to: number): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = [];
  for (let at = from; at < to; ) {
    const chunk = await readRange(file, at, Math.min(at + CHUNK, to));
    if (chunk.length === 0) return;
    at += chunk.length;
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      pieces.push(chunk.subarray(start, end));
      yield pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
      pieces = [];
      start = end + 1;
    }
    if (start < chunk.length) pieces.push(chunk.subarray(start));
  }
}

/** The same lines, last first, back to the beginning of the file. */
export async function* readBackward(file: FileHandle, to: number): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = [];
  let whole = false;
  for (let at = to; at > 0; ) {
    const from = Math.max(0, at - CHUNK);
    const chunk = await readRange(file, from, at);
    at = from;
    let end = chunk.length;
    for (let start = lastNewline(chunk, end); start >= 0; start = lastNewline(chunk, end)) {
      pieces.push(chunk.subarray(start + 1, end));
      if (whole) yield Buffer.concat(pieces.reverse());
      whole = true;
      pieces = [];
      end = start;
    }
    pieces.push(chunk.subarray(0, end));
  }
  if (whole) yield Buffer.concat(pieces.reverse());
}

/** Index of the last newline before `end`, or -1. */
const lastNewline = (chunk: Buffer, end: number): number =>
  end === 0 ? -1 : chunk.lastIndexOf(NEWLINE, end - 1);

/** Offset behind the last whole line: less than the size while a line is being written, or after a crash. */
export async function endOfLines(file: FileHandle): Promise<number> {
  for (let at = (await file.stat()).size; at > 0; ) {
    const from = Math.max(0, at - CHUNK);
    const newline = (await readRange(file, from, at)).lastIndexOf(NEWLINE);
    if (newline >= 0) return from + newline + 1;
    at = from;
  }
  return 0;
}

/** Opens for reading; undefined when the file has been deleted meanwhile, as retention does. */
export async function openSegment(path: string): Promise<FileHandle | undefined> {
  return open(path).catch(error => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
}
