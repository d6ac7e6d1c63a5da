// The receive ring: datagrams are safe from kill -9 from the moment the kernel hands them over until `release()`.
// Here are its file, its consumer and its thread; the threads meet in `ring-memory.ts`.

import { randomFillSync } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { Worker } from 'node:worker_threads';
import { takesNothing } from '../core/errors.ts';
import type { Native } from './index.ts';
import { MADV_DONTNEED, systemError } from './libc.ts';
import type { ReaderTask } from './reader.ts';
import { Cell, Entry, Head, MAGIC, Mark, RingMemory, type RingSize, SKIP, Stop } from './ring-memory.ts';
import { RingWriter } from './ring-writer.ts';
import { type Shed, ShedTable } from './shed-table.ts';
import { openWake, type Wake } from './wake.ts';

const LOCK_EXCLUSIVE_NOW = 2 | 4;
const READ_WRITE = 3;
const MAP_SHARED = 1;
const HIGHEST_ADDRESS = 2 ** 52;
const PAGE = 4096;
/** Behind the half at which a flood is slowed down, before the three quarters at which it is shed. */
const CROWDED = 9 / 16;

/** Entry fields of the consumer, valid until the next `next()`; bytes `start..end` of `bytes` until `release()`. */
export class Ring {
  readonly bytes: Uint8Array;
  /** Two random words that name this ring; with `position` they name a message for good. */
  readonly idHigh: number;
  readonly idLow: number;
  readonly capacity: number;
  start = 0;
  end = 0;
  /** Length the sender gave; more than `end - start` when it was cut. */
  wire = 0;
  pid = 0;
  uid = 0;
  /** By the kernel's clock, Unix ms with fractions. */
  received = 0;
  /** The sender's address: this many bytes (16 or 0) before `start`. */
  addressBytes = 0;
  position = 0;
  /** Position behind the last entry given by `next()`. */
  consumed = 0;

  private readonly native: Native;
  private readonly path: string;
  private readonly fd: number;
  private readonly memory: RingMemory;
  private readonly shared = new Int32Array(new SharedArrayBuffer((Cell.Count + ShedTable.cells) * 4));
  private readonly sheds: ShedTable;
  private head = 0;
  /** Where `consumed` stands, and bytes from there to the end of its chunk; 0 before its chunk is looked up. */
  private at = 0;
  private left = 0;
  private seenOverflow = 0;
  private ended: Promise<void> = Promise.resolve();
  private waker: Wake | undefined;

  constructor(native: Native, path: string, fd: number, memory: RingMemory, now: number) {
    this.native = native;
    this.path = path;
    this.fd = fd;
    this.memory = memory;
    this.bytes = memory.bytes;
    this.capacity = memory.size.capacity;
    this.sheds = new ShedTable(this.shared, Cell.Count);
    this.idHigh = memory.words[Head.IdHigh]!;
    this.idLow = memory.words[Head.IdLow]!;
    this.consumed = memory.doubles[Mark.Tail]!;
    this.publish(Cell.Tail, this.consumed);
    this.takeUp(now);
    this.head = memory.doubles[Mark.Head]!;
    this.publish(Cell.Head, this.head);
    memory.arm();
  }

  private publish(cell: number, position: number): void {
    Atomics.store(this.shared, cell, (position / 8) | 0);
  }

  /** Checks the entries of a former life up to the first that is damaged, then adds what its last call received. */
  private takeUp(now: number): void {
    const { memory } = this;
    const { words, doubles, size, chunk, places } = memory;
    let position = this.consumed;
    const isPlaced = memory.placeOf(position) < places;
    if (!isPlaced) words[memory.placeAt(position)] = 0;
    const head = isPlaced ? doubles[Mark.Head]! : position;
    const seen = new Set([memory.placeOf(position)]);
    let last = 0;
    while (position < head) {
      const left = chunk - (position % chunk);
      if (left === chunk && position > this.consumed) {
        const place = memory.placeOf(position);
        if (place >= places || seen.has(place)) break;
        seen.add(place);
      }
      const entry = memory.at(position) >> 2;
      const length = words[entry]!;
      const address = words[entry + Entry.Address]!;
      const total = length === SKIP ? left : (Entry.Bytes + address + length + 7) & ~7;
      if (length !== SKIP && (length > size.stride || (address !== 0 && address !== 16))) break;
      if (total > left || position + total > head) break;
      position += total;
      if (length !== SKIP) last = words[entry + Entry.Origin]!;
    }
    doubles[Mark.Head] = position;
    new RingWriter(this.memory, this.shared).takeUp(now, last);
  }

  /** Moves to the next entry; false when there is none now. */
  next(): boolean {
    const { memory } = this;
    const { words, doubles } = memory;
    for (;;) {
      if (this.consumed === this.head) {
        this.followHead();
        if (this.consumed === this.head) return false;
      }
      if (this.left === 0) {
        this.at = memory.at(this.consumed);
        this.left = (memory.chunk - (this.consumed % memory.chunk)) | 0;
      }
      const start = this.at;
      const entry = start >> 2;
      const length = words[entry]!;
      if (length === SKIP) {
        this.consumed += this.left;
        this.left = 0;
        continue;
      }
      this.position = this.consumed;
      this.wire = words[entry + Entry.Wire]!;
      this.pid = words[entry + Entry.Pid]!;
      this.uid = words[entry + Entry.Uid]!;
      this.received = doubles[(start >> 3) + Entry.Received]!;
      this.addressBytes = words[entry + Entry.Address]!;
      this.start = start + Entry.Bytes + this.addressBytes;
      this.end = this.start + length;
      const total = (Entry.Bytes + this.addressBytes + length + 7) & ~7;
      this.consumed += total;
      this.at = start + total;
      this.left -= total;
      return true;
    }
  }

  /** Whether so much of it is taken that what is released sooner helps. */
  isCrowded(): boolean {
    this.followHead();
    return this.head - this.memory.doubles[Mark.Tail]! > this.capacity * CROWDED;
  }

  private followHead(): void {
    this.head += ((Atomics.load(this.shared, Cell.Head) - ((this.head / 8) | 0)) | 0) * 8;
  }

  /** Resolves when there may be something new; undefined when there is already. */
  waiting(): Promise<unknown> | undefined {
    const wait = Atomics.waitAsync(this.shared, Cell.Head, (this.head / 8) | 0);
    return wait.async ? wait.value : undefined;
  }

  /** Entries before `position` need not be kept any more. */
  release(position: number): void {
    this.memory.doubles[Mark.Tail] = position;
    this.publish(Cell.Tail, position);
    Atomics.notify(this.shared, Cell.Tail);
  }

  /** Lets go of the memory that a flood has touched; what is in it stays in the file, and comes back as it is touched. */
  sweep(): void {
    this.native.libc.madvise(this.memory.address, RingMemory.bytes(this.memory.size), MADV_DONTNEED);
  }

  /** Messages shed for want of room since the last call, in a former life too: each is told once. */
  shed(): number {
    const { words } = this.memory;
    const more = (words[Head.Shed]! - words[Head.ShedTold]!) >>> 0;
    words[Head.ShedTold]! += more;
    return more;
  }

  /** Whose they were, told by the second call after it; to be called now and then, not in a row. */
  shedBySender(): Shed[] {
    return this.sheds.take();
  }

  /** Datagrams the kernel dropped before us (UDP only) since the last call. */
  overflowed(): number {
    const now = Atomics.load(this.shared, Cell.Overflow);
    const more = (now - this.seenOverflow) >>> 0;
    this.seenOverflow = now;
    return more;
  }

  /** Starts the thread that reads these sockets; `failed` when it ends before `stop()`. */
  read(sockets: ReaderTask['sockets'], failed: (error: Error) => void): void {
    const { address, size } = this.memory;
    const waker = openWake(this.native);
    this.waker = waker;
    const task: ReaderTask = { address, size, shared: this.shared, sockets, wake: waker.fd };
    const file = import.meta.url.endsWith('.ts') ? './reader.ts' : './reader.js';
    const worker = new Worker(new URL(file, import.meta.url), {
      workerData: task,
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 16 },
    });
    this.ended = new Promise(resolve => worker.once('exit', () => resolve()));
    worker.on('error', failed);
  }

  /** Ends the thread; what it received is in the ring then. Unless `again`, sockets that are ours take no more. */
  async stop(again = false): Promise<void> {
    Atomics.store(this.shared, Cell.Stop, again ? Stop.ForAnother : Stop.ForGood);
    this.waker?.wake();
    await this.ended;
    this.waker?.close();
    this.waker = undefined;
  }

  /** Gives the memory back, after `stop()`; nothing may touch `bytes` any more. An empty ring leaves no file. */
  close(): void {
    const { doubles, address, size } = this.memory;
    if (doubles[Mark.Head] === doubles[Mark.Tail]) unlinkSync(this.path);
    this.native.libc.munmap(address, RingMemory.bytes(size));
    closeSync(this.fd);
  }
}

/** The size of a ring that was left behind; undefined when there is none that makes sense. */
function sizeOf(fd: number): RingSize | undefined {
  const head = new Uint8Array(PAGE);
  if (readSync(fd, head, 0, PAGE, 0) < PAGE) return undefined;
  const words = new Uint32Array(head.buffer);
  const doubles = new Float64Array(head.buffer);
  if (words[Head.Magic] !== MAGIC) return undefined;
  const size = { slots: words[Head.Slots]!, stride: words[Head.Stride]!, capacity: words[Head.Capacity]! };
  const used = doubles[Mark.Head]! - doubles[Mark.Tail]!;
  const sound = used >= 0 && used <= size.capacity && doubles[Mark.Tail]! % 8 === 0;
  return sound && fstatSync(fd).size === RingMemory.bytes(size) ? size : undefined;
}

/** A ring of another boot gets another name: its file may be older than what was in memory, and no position comes twice. */
function rename(words: Uint32Array, boot: string): void {
  const [high, low] = [0, 8].map(at => Number.parseInt(boot.replaceAll('-', '').slice(at, at + 8), 16) >>> 0);
  if (words[Head.BootHigh] === high && words[Head.BootLow] === low) return;
  randomFillSync(words, Head.IdHigh, 2);
  words[Head.BootHigh] = high!;
  words[Head.BootLow] = low!;
}

/** Every page is written, so that a full file system fails here and not in the middle of a message. */
function format(fd: number, size: RingSize): void {
  const bytes = RingMemory.bytes(size);
  const page = new Uint8Array(PAGE);
  const words = new Uint32Array(page.buffer);
  words.set([MAGIC, size.slots, size.stride, size.capacity]);
  words[Head.Taken] = size.slots;
  words[Head.Call] = 1;
  ftruncateSync(fd, 0);
  const zeros = new Uint8Array(2 ** 20);
  for (let at = PAGE; at < bytes; ) at += writeSync(fd, zeros, 0, Math.min(zeros.length, bytes - at), at);
  writeSync(fd, page, 0, PAGE, 0);
}

/**
 * Opens the ring at `path`, or makes it; `now` in Unix ms, `boot` the system's boot id. A ring that was left behind keeps
 * its size. Throws when it cannot be made or mapped, or when another process uses it.
 */
export function openRing(native: Native, path: string, size: RingSize, now: number, boot: string): Ring {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    if (native.libc.flock(fd, LOCK_EXCLUSIVE_NOW) < 0) throw new Error('in use by another eudaemon');
    if (statSync(path).ino !== fstatSync(fd).ino) throw new Error('replaced while it was opened');
    const kept = sizeOf(fd);
    if (!kept) format(fd, size);
    const given = kept ?? size;
    const bytes = RingMemory.bytes(given);
    const address = native.libc.mmap(0, bytes, READ_WRITE, MAP_SHARED, fd, 0);
    if (address > HIGHEST_ADDRESS) throw systemError('mmap', native.libc.errno());
    const memory = new RingMemory(native.libc.view(address, bytes), address, given);
    rename(memory.words, boot);
    return new Ring(native, path, fd, memory, now);
  } catch (error) {
    // What room there was is of use to others.
    if (takesNothing(error)) ftruncateSync(fd, 0);
    closeSync(fd);
    throw error;
  }
}
