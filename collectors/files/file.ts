// One followed file: what was read of it, what of that is safe, and where it is in its life.

import { utf8 } from '../../agent/core/record.ts';
import { type Found, isPacked } from './discover.ts';
import { hashOf, mix } from './hash.ts';
import { type Fingerprint, type Identity, keyOf, UNREAD } from './identity.ts';
import { Mid } from './lines.ts';
import type { Source, Text } from './sources.ts';
import type { Trail } from './trail.ts';

/** A place in a file a restart can go on from. */
export interface Position extends Fingerprint {
  /** A `Mid`, and where the line began whose beginning was handed out; -1 where that is not known. */
  readonly mid: number;
  readonly begun?: number;
  /** By stream of a container the id of the record that began a line of which a piece was sent; empty for none. */
  readonly parts?: readonly string[] | undefined;
  /** How often the file was emptied and filled anew. */
  readonly generation: number;
}

export const START: Position = { ...UNREAD, mid: Mid.None, generation: 0 };

/** Bytes from `offset` on are in a record that is not complete; of no file once that has lost them. */
export interface Hold {
  file: LogFile | undefined;
  readonly offset: number;
  /** The records pushed when it was complete; infinite before. */
  outAt: number;
}

/** How far a content was read that outlives power loss: it goes with the content, from a log that is emptied to its copy. */
export interface Progress {
  safe: Position;
}

/** A file at a path; `mtime` in ms. */
export interface Seen extends Found {
  readonly id: Identity;
  readonly mtime: number;
}

/** Mutable state with no logic but its own arithmetic; `follow.ts` moves it. */
export class LogFile {
  readonly id: Identity;
  readonly source: Source;
  readonly trail: Trail;
  /** That of the source, or in the order that its beginning tells. */
  text: Text;
  /** Where it was last seen, as the operator names it, and what to open, below the room's root. */
  path: string;
  target: string;
  fd = -1;
  /** What the system called it when it was closed, behind all links. */
  closedAs: string | undefined;
  /** What the last look saw, and the largest size since it was empty. */
  size = 0;
  mtime: number;
  links = 1;
  peak = 0;
  /** Number of the last look that found it, whether that was at `path`, and where else it was. */
  seen = 0;
  isHome = false;
  alias: Found | undefined;
  /** When a look last saw it change, and since when it is at no path of its source; room time in ms, 0 when it is. */
  changedAt: number;
  detachedAt = 0;

  /** Since it is at no path of its source: its writers were asked for, one was found, and the last one has closed it. */
  isAsked = false;
  hasWriter = false;
  isFinished = false;

  /** Everything before it was handed out or is held by the trail. */
  offset = 0;
  tail = UNREAD.tail;
  head = UNREAD.head;
  headLength = 0;
  mid: number = Mid.None;
  begun = -1;
  readonly parts = ['', '', ''];
  generation = 0;
  /** A look saw it change, or the last read did not reach its end. */
  unread = false;
  /** Bytes behind the last newline, seen by the last read. */
  rest = 0;
  /** Set before the first opening: reading begins at the line that this byte is in; -1 otherwise. */
  startAt = -1;
  /** Its position is of an earlier run and was not compared with the file yet. */
  isRestored = false;
  /** Its modification time when it was last read to its end: what was born beside it later was not seen; ms. */
  unseenSince: number;
  /** It may be a copy of a file that was read; nothing of it is read before that is known. */
  isUnproven = false;
  /** It could not be opened when that was last tried. */
  isBarred = false;
  /** It was seen to begin as a followed file does. */
  isCopy = false;
  /** It may begin with the hole that a writer without O_APPEND leaves in a file that is emptied. */
  hasHole = false;
  /** Compressed: none of it is read. */
  isIgnored = false;
  /** Compressed, and unpacked to be read: its offsets are those of what is in it. */
  readonly isPacked: boolean;
  isUnpacking = false;
  /** Gone, and found compressed: no other is. */
  isFound = false;
  /** The size it had when it was unpacked to its end. */
  wholeSize = 0;
  /** The line that names its columns, once that is known, and where the next begins. */
  header: Uint8Array | undefined;
  headerEnd = 0;

  /** Of what was handed out, that which is in records that are not complete. */
  readonly holds: Hold[] = [];
  progress: Progress = { safe: START };
  /** The latest mark on its way to become safe. */
  marked = -1;
  uidHigh = 0;
  uidLow = 0;

  constructor(at: Seen, source: Source, trail: Trail, now: number) {
    const { id, path, target, mtime } = at;
    this.id = id;
    this.source = source;
    this.text = source;
    this.trail = trail;
    this.path = path;
    this.target = target;
    this.mtime = mtime;
    this.isPacked = source.unpacks && isPacked(path);
    this.changedAt = now;
    this.unseenSince = id.birth;
    this.place(START);
  }

  /** Goes on from a place. */
  place(position: Position): void {
    this.offset = position.offset;
    this.tail = position.tail;
    this.head = position.head;
    this.headLength = position.headLength;
    this.mid = position.mid;
    this.begun = position.begun ?? -1;
    for (const stream of this.parts.keys()) this.parts[stream] = position.parts?.[stream] ?? '';
    this.generation = position.generation;
    const name = hashOf(utf8(keyOf(this.id)));
    this.uidHigh = Math.floor(name / 0x200000);
    this.uidLow = mix((name % 0x200000) ^ (position.generation << 21));
  }

  /** Whether there is something to read when it is this large. */
  wants(size: number): boolean {
    return this.isPacked ? size !== this.wholeSize : !this.isIgnored;
  }

  /** Where it is read up to. */
  get position(): Position {
    const { offset, tail, head, headLength, mid, begun, generation } = this;
    const parts = this.parts.some(part => part !== '') ? [...this.parts] : undefined;
    return { offset, tail, head, headLength, mid, begun, generation, parts };
  }

  /** Where the records begin that are not complete; -1 when none is. */
  get heldFrom(): number {
    let from = -1;
    for (const { offset } of this.holds) if (from < 0 || offset < from) from = offset;
    return from;
  }

  /** It no longer has the bytes of records that are not complete. */
  disown(): readonly Hold[] {
    const holds = this.holds.splice(0);
    for (const hold of holds) hold.file = undefined;
    return holds;
  }

  /** It has the bytes that another one had. */
  adopt(holds: readonly Hold[]): void {
    for (const hold of holds) {
      if (hold.outAt < Number.POSITIVE_INFINITY) continue;
      hold.file = this;
      this.holds.push(hold);
    }
  }

  /** Whether all that was read of it is safe. */
  get isSafe(): boolean {
    return this.progress.safe.offset === this.offset;
  }

  /** It was emptied: a new generation begins at its first byte, perhaps with the rest of a line. */
  restart(): void {
    this.place({ ...START, generation: this.generation + 1, parts: this.parts });
    this.progress = { safe: START };
    this.hasHole = true;
    this.header = undefined;
    this.headerEnd = 0;
    this.peak = 0;
    this.rest = 0;
    this.marked = -1;
  }
}
