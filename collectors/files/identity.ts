// Which file is it, and is it still the one that was read: device, inode and birth time name it, hashes of its head and
// of the bytes before the offset prove it. None of them is trusted alone.

import { readSync, type Stats } from 'node:fs';
import { hashOf } from './hash.ts';

/** An inode in one life of it. `birth` in ms, 0 where the file system keeps none. */
export interface Identity {
  readonly dev: number;
  readonly ino: number;
  readonly birth: number;
}

/** What a file's content was: hashes of its head, as far as that was seen, and of what stands before `offset`. */
export interface Fingerprint {
  /** Bytes hashed from the start, at most HEAD_BYTES. */
  readonly headLength: number;
  readonly head: number;
  readonly offset: number;
  /** Hash of the up to TAIL_BYTES before `offset`. */
  readonly tail: number;
}

export const HEAD_BYTES = 1024;
export const TAIL_BYTES = 256;

/** The fingerprint of a file of which nothing was read. */
export const UNREAD: Fingerprint = {
  headLength: 0,
  head: hashOf(new Uint8Array(0)),
  offset: 0,
  tail: hashOf(new Uint8Array(0)),
};

export const identityOf = (stats: Stats): Identity => ({
  dev: stats.dev,
  ino: stats.ino,
  birth: stats.birthtimeMs,
});

export const isSame = (a: Identity, b: Identity): boolean =>
  a.ino === b.ino && a.dev === b.dev && a.birth === b.birth;

/** For maps. */
export const keyOf = (id: Identity): string => `${id.dev}:${id.ino}:${id.birth}`;

/** Bytes `start..end` of an open file, fewer where it ends. */
export function readRange(fd: number, start: number, end: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(0, end - start));
  const length = bytes.length === 0 ? 0 : readSync(fd, bytes, 0, bytes.length, start);
  return bytes.subarray(0, length);
}

/** Hash of the bytes before `offset`; of fewer where the file has become shorter, which then equals no stored one. */
export const tailOf = (fd: number, offset: number): number =>
  hashOf(readRange(fd, Math.max(0, offset - TAIL_BYTES), offset));

/** The fingerprint of an open file at `offset`. Throws the system's errors. */
export function fingerprint(fd: number, offset: number): Fingerprint {
  const head = readRange(fd, 0, Math.min(HEAD_BYTES, offset));
  return { headLength: head.length, head: hashOf(head), offset, tail: tailOf(fd, offset) };
}

/** The fingerprint of an open file of which nothing was read. Throws the system's errors. */
export const beginning = (fd: number): Fingerprint => ({
  ...fingerprint(fd, HEAD_BYTES),
  offset: 0,
  tail: UNREAD.tail,
});

/** Whether an open file of this size begins with what the fingerprint was taken of. Throws the system's errors. */
export function fits(fd: number, size: number, print: Fingerprint): boolean {
  return (
    size >= print.offset &&
    hashOf(readRange(fd, 0, print.headLength)) === print.head &&
    tailOf(fd, print.offset) === print.tail
  );
}

/** Whether the first `length` bytes of an open file are how another of `size` bytes begins, as far as head and end tell. */
export function isPrefix(fd: number, of: number, size: number, length: number): boolean {
  const print = fingerprint(fd, length);
  return fits(of, size, print);
}
