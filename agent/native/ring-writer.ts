// The producing end of the ring: moves received messages from their slots into entries, and sheds when it fills up.
// One thread writes; nothing is allocated for a message.

import { Cell, Entry, Head, Mark, originOf, type RingMemory, SKIP, UNUSED } from './ring-memory.ts';
import { ShedTable } from './shed-table.ts';

const SCM_CREDENTIALS = 2;
const SCM_TIMESTAMPNS = 35;
const SO_RXQ_OVFL = 40;
/** struct cmsghdr and struct timespec, in words. */
const STAMP = 8;
/** From this filling on messages may be shed. */
const TIGHT = 0.75;
/** Recent messages by sender are counted to this many, then halved. */
const RECENT = 4096;
const SENDERS = 256;
/** A consumer that released something within this time is behind, not stuck. */
const PROGRESS_MS = 100;
/** Beyond this one call moves a message in less time than we do. */
const LONG = 320;
/** What a logger may wait for a consumer that is behind, each time the kernel's queue is full. */
const BRAKE_MS = 1;

export class RingWriter {
  readonly memory: RingMemory;
  private readonly shared: Int32Array;
  private head = 0;
  /** Where `head` stands, and bytes from there to the end of its chunk; 0 before the chunk is begun. */
  private at = 0;
  private left = 0;
  private tail = 0;
  /** `Cell.Tail` when `tail` was last brought up to it. */
  private tailCell = 0;
  private readonly senders = new Uint16Array(SENDERS);
  private readonly shed: ShedTable;
  private recent = 0;
  private seenTail = 0;
  private movedAt = Number.NEGATIVE_INFINITY;
  /** Datagrams the kernel had dropped for want of room, last seen, by socket. */
  private readonly overflows = new Map<number, number>();

  constructor(memory: RingMemory, shared: Int32Array) {
    this.memory = memory;
    this.shared = shared;
    this.shed = new ShedTable(shared, Cell.Count);
    this.head = memory.doubles[Mark.Head]!;
    const { chunk } = memory;
    this.left = ((chunk - (this.head % chunk)) % chunk) | 0;
    if (this.left > 0) this.at = memory.at(this.head);
    this.tail = memory.doubles[Mark.Tail]!;
    this.seenTail = this.tail;
    this.tailCell = (this.tail / 8) | 0;
  }

  /**
   * Above half, gives way for a moment to a consumer that is behind but moves: a flood is then slowed down to what
   * the agent can carry instead of being shed. One that stands still is not waited for.
   */
  giveWay(now: number): void {
    this.followTail();
    if (this.tail !== this.seenTail) {
      this.seenTail = this.tail;
      this.movedAt = now;
    }
    const half = this.memory.size.capacity / 2;
    if (this.head - this.tail > half && now - this.movedAt < PROGRESS_MS)
      Atomics.wait(this.shared, Cell.Tail, this.tailCell, BRAKE_MS);
  }

  /** Makes entries of slots `0..count`, received at `now` (Unix ms) on socket number `socket`; wakes the consumer. */
  take(count: number, socket: number, udp: boolean, now: number): void {
    const { words } = this.memory;
    for (let i = 0; i < count; i++) {
      this.append(i, socket, udp, now);
      // Behind the entry, which says itself where it came from: a kill between the two loses and repeats nothing.
      words[Head.Taken] = i + 1;
    }
    for (let i = 0; i < count; i++) this.memory.rearm(i);
    words[Head.Call]!++;
    words[Head.Taken] = 0;
    Atomics.store(this.shared, Cell.Head, (this.head / 8) | 0);
    Atomics.notify(this.shared, Cell.Head);
  }

  /** Makes entries of what a receive call in a former life filled and nobody took; `last` is the `Entry.Origin` before head. */
  takeUp(now: number, last: number): void {
    const { words, size } = this.memory;
    let slot = words[Head.Taken]!;
    for (let i = slot; i < size.slots; i++) {
      const origin = originOf(words[Head.Call]!, i);
      if (words[Head.ShedOrigin] === origin) words[Head.Shed] = words[Head.ShedTo]!;
      if (last === origin || words[Head.ShedOrigin] === origin) slot = i + 1;
    }
    for (; slot < size.slots; slot++)
      if (words[this.memory.lengthAt(slot)] !== UNUSED) this.append(slot, -1, words[Head.Udp] === 1, now);
  }

  private append(slot: number, socket: number, udp: boolean, now: number): void {
    const { memory } = this;
    const { words, size } = memory;
    const wire = words[memory.lengthAt(slot)]!;
    const from = memory.slots + slot * size.stride;
    // The kernel's own time, where it gave one, and behind it the other thing asked for.
    let control = memory.controlAt(slot);
    const controlEnd = control + (words[memory.controlLengthAt(slot)]! >> 2);
    let received = now;
    if (words[control + 3] === SCM_TIMESTAMPNS) {
      received = (words[control + 4]! + words[control + 5]! * 2 ** 32) * 1000 + words[control + 6]! / 1e6;
      control += STAMP;
    }
    // What a message of another socket left there is not this one's.
    const kind = control < controlEnd ? words[control + 3]! : 0;
    const pid = kind === SCM_CREDENTIALS ? words[control + 4]! : 0;
    const uid = kind === SCM_CREDENTIALS ? words[control + 5]! : 0;
    if (kind === SO_RXQ_OVFL && socket >= 0) this.overflow(socket, words[control + 4]!);

    const length = wire < size.stride ? wire : size.stride;
    const address = udp ? 16 : 0;
    const total = (Entry.Bytes + address + length + 7) & ~7;
    const skip = total > this.left ? this.left : 0;
    const end = this.head + skip + total;
    if (end - this.tail > size.capacity * TIGHT) this.followTail();
    const used = end - this.tail;
    if (
      used > size.capacity ||
      (used > size.capacity * TIGHT &&
        this.sheds(used / size.capacity, from, length, udp ? this.peerHash(slot) : pid))
    ) {
      this.countShed(slot);
      this.tellShed(slot, udp, pid, uid);
      return;
    }
    if (skip > 0) words[this.at >> 2] = SKIP;
    if (total > this.left) this.begin(this.head + skip);
    const start = this.at;
    const entry = start >> 2;
    words[entry + Entry.Length] = length;
    words[entry + Entry.Wire] = wire;
    words[entry + Entry.Pid] = pid;
    words[entry + Entry.Uid] = uid;
    memory.doubles[(start >> 3) + Entry.Received] = received;
    words[entry + Entry.Address] = address;
    words[entry + Entry.Origin] = originOf(words[Head.Call]!, slot);
    if (udp) this.copyAddress(start + Entry.Bytes, memory.nameAt(slot));
    this.move(from, start + Entry.Bytes + address, length);
    this.head = end;
    this.at = start + total;
    this.left -= total;
    memory.doubles[Mark.Head] = this.head;
  }

  /** Both places are on whole words of 64 bits, and so is the room behind the message: 20 ns for 150 bytes instead of 35. */
  private move(from: number, to: number, length: number): void {
    const { bytes, longs } = this.memory;
    if (length > LONG) {
      bytes.copyWithin(to, from, from + length);
      return;
    }
    const end = (to + length + 7) >> 3;
    for (let at = to >> 3, source = from >> 3; at < end; at++, source++) longs[at] = longs[source]!;
  }

  /** Begins the chunk at a position, in the first place that is free: one that was used before, if it can be. */
  private begin(position: number): void {
    const { memory } = this;
    const { chunk, places, words } = memory;
    this.followTail();
    const taken = new Uint8Array(places);
    for (let at = this.tail - (this.tail % chunk); at < position; at += chunk) taken[memory.placeOf(at)] = 1;
    words[memory.placeAt(position)] = taken.indexOf(0);
    this.at = memory.at(position);
    this.left = chunk;
  }

  private followTail(): void {
    const cell = Atomics.load(this.shared, Cell.Tail);
    if (cell === this.tailCell) return;
    this.tailCell = cell;
    this.tail += ((cell - ((this.tail / 8) | 0)) | 0) * 8;
  }

  /** The sender's address as 16 bytes, IPv4 in its IPv6 form. */
  private copyAddress(to: number, name: number): void {
    const { bytes } = this.memory;
    if (bytes[name] === 10) bytes.copyWithin(to, name + 8, name + 24);
    else {
      bytes.fill(0, to, to + 10).fill(0xff, to + 10, to + 12);
      bytes.copyWithin(to + 12, name + 4, name + 8);
    }
  }

  /** A number of the sender's address: its own in IPv4. */
  private peerHash(slot: number): number {
    const { memory } = this;
    const { words } = memory;
    const name = memory.nameAt(slot);
    const at = name >> 2;
    if (memory.bytes[name] !== 10) return words[at + 1]!;
    return (words[at + 2]! ^ words[at + 3]! ^ words[at + 4]! ^ words[at + 5]!) >>> 0;
  }

  /** In three stores: a kill between any two of them counts the message once, when its slot is taken up. */
  private countShed(slot: number): void {
    const { words } = this.memory;
    words[Head.ShedTo] = words[Head.Shed]! + 1;
    words[Head.ShedOrigin] = originOf(words[Head.Call]!, slot);
    words[Head.Shed] = words[Head.ShedTo]!;
  }

  private tellShed(slot: number, udp: boolean, pid: number, uid: number): void {
    const { memory } = this;
    const { words } = memory;
    const name = memory.nameAt(slot);
    const at = name >> 2;
    if (!udp) this.shed.add(false, pid, uid, 0, 0);
    else if (memory.bytes[name] === 10)
      this.shed.add(true, words[at + 2]!, words[at + 3]!, words[at + 4]!, words[at + 5]!);
    else this.shed.add(true, 0, 0, 0xffff0000, words[at + 1]!);
  }

  /**
   * Whether to give a message up at this filling, 0.75 to 1. The least severe of a sender with more than a quarter of
   * the traffic go first, at three quarters; errors of a quiet sender only when nothing fits any more.
   */
  private sheds(filling: number, from: number, length: number, key: number): boolean {
    const { senders } = this;
    const sender = Math.imul(key, 0x9e3779b1) >>> 24;
    senders[sender]!++;
    if (++this.recent >= RECENT) {
      for (let i = 0; i < SENDERS; i++) senders[i]! >>= 1;
      this.recent >>= 1;
    }
    const milder = 7 - this.severity(from, from + length);
    const loud = this.recent >= 64 && senders[sender]! * 4 > this.recent;
    return filling > (loud ? 0.75 + milder * 0.0357 : 0.875 + milder * 0.03125);
  }

  /** 0..7 of the priority, `notice` when there is none. */
  private severity(from: number, end: number): number {
    const { bytes } = this.memory;
    if (bytes[from] !== 0x3c) return 5;
    let priority = 0;
    for (let i = from + 1; i < from + 5 && i < end; i++) {
      const digit = bytes[i]! - 0x30;
      if (digit < 0 || digit > 9) return bytes[i] === 0x3e ? priority & 7 : 5;
      priority = priority * 10 + digit;
    }
    return 5;
  }

  private overflow(socket: number, total: number): void {
    const more = (total - (this.overflows.get(socket) ?? 0)) >>> 0;
    if (more === 0) return;
    this.overflows.set(socket, total);
    Atomics.add(this.shared, Cell.Overflow, more);
  }
}
