// What the beginnings of messages mean, up to the body: daemons say the same `<30>Nov 22 17:00:00 nginx[4711]: ` again
// and again within a second. Direct-mapped, so of fixed size, and finding allocates nothing.

import type { Cell } from '../../agent/core/meter.ts';
import type { Origin, Outline, SYSLOG_SEVERITY } from '../../agent/core/record.ts';
import type { Message } from './message.ts';
import type { Sender } from './sender.ts';

export interface Header {
  readonly sender: Sender;
  /** All bytes before the body, at least eight. */
  readonly bytes: Uint8Array;
  readonly origin: Origin;
  readonly mismatch: Cell | undefined;
  readonly severity: (typeof SYSLOG_SEVERITY)[number];
  readonly seconds: number;
  readonly nanos: number;
  /** Encoded attributes. */
  readonly fields: Uint8Array;
  readonly outline: Outline;
  /** Unix ms; what it was made from is looked up again after a second. */
  readonly checked: number;
}

/** 2^10. */
const SLOTS = 1024;
/** Behind this many bytes a glibc timestamp has ended: the tag is there. */
const TAG_AT = 20;
const SHORTEST = TAG_AT + 4;
const LONGEST = 128;
const SPACE = 0x20;
const COLON = 0x3a;
const PERCENT = 0x25;

interface Slot extends Header {
  readonly words: DataView;
}

const NOTHING = new Uint8Array(0);

export class HeaderCache {
  private readonly slots: (Slot | undefined)[] = new Array(SLOTS).fill(undefined);
  /** Hash of the last header that was not found there: one is kept when it comes the second time. */
  private readonly candidates = new Int32Array(SLOTS);
  private readonly lifeMs: number;
  /** Where messages came from last, and a view to take them by words: 12 ns a header instead of 50. */
  private source: Uint8Array = NOTHING;
  private words: DataView = new DataView(NOTHING.buffer);

  constructor(lifeMs: number) {
    this.lifeMs = lifeMs;
  }

  /** What the message `start..end` (without its terminator) begins with, where that is known. `at` in Unix ms. */
  find(sender: Sender, buf: Uint8Array, start: number, end: number, at: number): Header | undefined {
    if (end - start < SHORTEST) return undefined;
    const header = this.slots[slotOf(sender, buf, start)];
    if (header === undefined || header.sender !== sender || Math.abs(at - header.checked) >= this.lifeMs)
      return undefined;
    const { bytes } = header;
    const body = start + bytes.length;
    if (body > end || (body < end && buf[body] === PERCENT)) return undefined;
    if (buf !== this.source) {
      this.source = buf;
      this.words = new DataView(buf.buffer, buf.byteOffset, buf.byteLength);
    }
    const { words } = this;
    const last = bytes.length - 8;
    for (let i = 0; i < last; i += 8)
      if (header.words.getBigInt64(i, true) !== words.getBigInt64(start + i, true)) return undefined;
    return header.words.getBigInt64(last, true) === words.getBigInt64(start + last, true)
      ? header
      : undefined;
  }

  /**
   * Whether the header of `m`, which begins at `start`, should be kept now. Only what a colon and a space end: there a
   * parser has not looked into the body, but for a `%`, which may be Cisco's.
   */
  wants(sender: Sender, m: Message, start: number): boolean {
    const { buf, bodyStart } = m;
    const length = bodyStart - start;
    if (m.fault !== 0 || m.version !== 0 || m.appEnd === m.appStart) return false;
    if (length < SHORTEST || length > LONGEST) return false;
    if (buf[bodyStart - 1] !== SPACE || buf[bodyStart - 2] !== COLON) return false;
    if (bodyStart < m.bodyEnd && buf[bodyStart] === PERCENT) return false;
    let hash = 0x811c9dc5;
    for (let i = start; i < bodyStart; i++) hash = Math.imul(hash ^ buf[i]!, 0x01000193);
    const slot = slotOf(sender, buf, start);
    if (this.candidates[slot] === hash) return true;
    this.candidates[slot] = hash;
    return false;
  }

  clear(): void {
    this.slots.fill(undefined);
  }

  keep(header: Header): void {
    const { bytes } = header;
    const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.slots[slotOf(header.sender, bytes, 0)] = { ...header, words };
  }
}

/** By process, priority and the beginning of the tag. */
function slotOf({ pid }: Sender, buf: Uint8Array, start: number): number {
  const priority = buf[start + 1]! | (buf[start + 2]! << 8);
  const at = start + TAG_AT;
  const tag = buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24);
  return Math.imul(Math.imul(pid ^ (priority << 16), 0x9e3779b1) ^ tag, 0x85ebca6b) >>> 22;
}
