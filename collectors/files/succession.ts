// The files that were at one path, or were copied from what was there, in the order in which they were written to.

import { basename } from 'node:path';
import type { LogFile } from './file.ts';
import { compareAge } from './generations.ts';
import type { Fingerprint } from './identity.ts';

/** So long what comes to a path and goes again is looked for after the last file of it was let go; ms. */
const VACANT_MS = 60_000;
/** Files remembered that were let go. */
const MAX_OVER = 16;

export class Succession implements Iterable<LogFile> {
  private readonly path: string;
  /** Those that are followed, the oldest first. */
  private readonly files: LogFile[] = [];
  /** The same of those that were let go as of a file, and when the last one was; room time in ms. */
  private unseenSince = 0;
  private vacatedAt = 0;
  /** How far those were read, or it was told that they were not. */
  over: readonly Fingerprint[] = [];
  /** Of what was compressed before it was read, that which was written to until then has been told; ms. */
  toldUntil = 0;

  constructor(path: string) {
    this.path = path;
  }

  [Symbol.iterator](): Iterator<LogFile> {
    return this.files.values();
  }

  get isEmpty(): boolean {
    return this.files.length === 0;
  }

  /** The youngest that is no compressed one: when that was made tells nothing of what was seen. */
  private get last(): LogFile | undefined {
    for (let i = this.files.length - 1; i >= 0; i--) if (!this.files[i]!.isPacked) return this.files[i];
    return undefined;
  }

  /** What was born later beside the path was not seen; ms, 0 where nothing ever was there. */
  get seenUntil(): number {
    return this.last?.unseenSince ?? this.unseenSince;
  }

  /** Whether nothing is at the path, and something was lately. */
  isVacant(now: number): boolean {
    const { last } = this;
    return last === undefined ? now - this.vacatedAt < VACANT_MS : last.detachedAt > 0;
  }

  /** Puts a file in its place: the one that is at the path is the last. */
  add(file: LogFile): void {
    const base = basename(this.path);
    const isHere = (each: LogFile) => each.path === this.path && each.detachedAt === 0;
    const at = isHere(file)
      ? -1
      : this.files.findIndex(each => isHere(each) || compareAge(file, each, base) < 0);
    this.files.splice(at < 0 ? this.files.length : at, 0, file);
  }

  remove(file: LogFile, now: number): void {
    this.files.splice(this.files.indexOf(file), 1);
    if (file.isPacked) return;
    this.leave(file.unseenSince, now);
    const offset = Math.max(file.offset, file.size);
    this.over = [...this.over, { ...file.position, offset }].slice(-MAX_OVER);
  }

  /** Something was there that is not followed any more, and was seen until then. */
  leave(unseenSince: number, now: number): void {
    this.unseenSince = Math.max(this.unseenSince, unseenSince);
    this.vacatedAt = now;
  }

  /** The id of the record that began a line of a stream of which a piece was sent; empty for none. */
  partOf(stream: number): string {
    return this.files.find(({ parts }) => parts[stream] !== '')?.parts[stream] ?? '';
  }

  /** Whether `first` is older than `file`. */
  isBefore(first: LogFile, file: LogFile): boolean {
    const at = this.files.indexOf(first);
    return at >= 0 && at < this.files.indexOf(file);
  }

  /** Whether an older file is to be read before this one; a copy that is not whole yet is not. */
  waits(file: LogFile): boolean {
    if (this.files.length === 1) return false;
    for (const each of this.files) {
      if (each === file) return false;
      if (each.unread && !(each.isCopy && each.isUnproven)) return true;
    }
    return false;
  }
}
