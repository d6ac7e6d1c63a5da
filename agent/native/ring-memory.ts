// What the mapped ring file looks like, for both threads. It outlives kill -9: receive slots that recvmmsg(2) writes
// into, and behind them the entries. Positions count bytes since the file was made and never wrap. A chunk of them stands
// in the first place that is free when it begins, so that a ring that is nearly empty takes little memory.

/** Receive slots, the largest message in bytes, and the bytes between oldest and newest; the last two whole pages. */
export interface RingSize {
  readonly slots: number;
  readonly stride: number;
  readonly capacity: number;
}

/**
 * Words (4 bytes) of the file's head. `Taken` slots of receive call `Call`, on a UDP socket or not, are entries already, or
 * shed. `Shed` counts those since the file was made, of which the consumer has counted `ShedTold`; the last of them came
 * from slot `ShedOrigin` and made it `ShedTo`. The ring was written in boot `BootHigh` and `BootLow` of the system.
 */
export const Head = {
  Magic: 0,
  Slots: 1,
  Stride: 2,
  Capacity: 3,
  IdHigh: 4,
  IdLow: 5,
  Taken: 12,
  Udp: 13,
  Call: 14,
  Shed: 15,
  ShedTold: 16,
  ShedTo: 17,
  ShedOrigin: 18,
  BootHigh: 19,
  BootLow: 20,
} as const;
/** Doubles of the file's head: where the next entry goes, and where the oldest uncommitted one is. */
export const Mark = { Head: 4, Tail: 5 } as const;
/** Words of the file's head that name the place of each chunk; that of chunk `n` is `n` modulo the number of places. */
const PLACES = 64;
export const MAGIC = 0x45_55_44_04;

/**
 * Words of an entry: length, length on the wire, pid, uid, two for the receive time (double `Received`, Unix ms), length
 * of the sender's address, and the call and slot it came from (`originOf`). Behind these `Bytes` bytes come the address
 * and the message.
 */
export const Entry = {
  Length: 0,
  Wire: 1,
  Pid: 2,
  Uid: 3,
  Received: 2,
  Address: 6,
  Origin: 7,
  Bytes: 32,
} as const;

/** A word that names a slot of a receive call. */
export const originOf = (call: number, slot: number): number => ((call << 10) | slot) >>> 0;
/** In place of a length: the entry did not fit here, the next one is at the start of the next chunk. */
export const SKIP = 0xffffffff;
/** In place of a slot's message length: nothing was received into it. */
export const UNUSED = 0xffffffff;

/** Cells of the memory the threads share; positions as (position / 8) modulo 2^32. */
export const Cell = { Head: 0, Tail: 1, Stop: 2, Overflow: 3, Count: 4 } as const;
/** What `Cell.Stop` asks of the reader; at the last stop, sockets that nobody reads after us take no more. */
export const Stop = { No: 0, ForAnother: 1, ForGood: 2 } as const;

/** struct mmsghdr, struct iovec. */
const HEADER = 64;
const VECTOR = 16;
/**
 * Room for SCM_TIMESTAMPNS and behind it one SCM_CREDENTIALS or SO_RXQ_OVFL, and nothing else: with room for more a
 * sender could put open files of its own into this process (SCM_RIGHTS).
 */
const CONTROL = 64;
/** struct sockaddr_in6 fits. */
const NAME = 32;
/** An IPv6 address. */
const ADDRESS = 16;
const PAGE = 4096;
/** As many as the ring is divided into, unless its messages are too long for that. */
const CHUNKS = 16;
const pages = (bytes: number): number => Math.ceil(bytes / PAGE) * PAGE;

export class RingMemory {
  readonly address: number;
  readonly size: RingSize;
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly doubles: Float64Array;
  readonly longs: BigInt64Array;
  /** Byte offsets: struct mmsghdr of slot 0, control data of slot 0, sender's name, received bytes, entries. */
  readonly headers = PAGE;
  readonly controls: number;
  readonly names: number;
  readonly slots: number;
  readonly entries: number;
  /** Bytes of a chunk; no entry crosses its end. */
  readonly chunk: number;
  /** One more than fit in `capacity`, for the newest and the oldest may both be begun. */
  readonly places: number;

  constructor(buffer: ArrayBuffer, address: number, size: RingSize) {
    this.address = address;
    this.size = size;
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.doubles = new Float64Array(buffer);
    this.longs = new BigInt64Array(buffer);
    this.controls = this.headers + size.slots * (HEADER + VECTOR);
    this.names = this.controls + size.slots * CONTROL;
    this.slots = pages(this.names + size.slots * NAME);
    this.entries = this.slots + size.slots * size.stride;
    this.chunk = chunkOf(size);
    this.places = placesOf(size);
  }

  static bytes(size: RingSize): number {
    const head = pages(PAGE + size.slots * (HEADER + VECTOR + CONTROL + NAME));
    return head + size.slots * size.stride + placesOf(size) * chunkOf(size);
  }

  /** Which place the chunk of a position has; a damaged file may name one that there is not. */
  placeOf(position: number): number {
    return this.words[this.placeAt(position)]!;
  }

  /** Where that is written; a word index of `words`. */
  placeAt(position: number): number {
    return (PLACES + (Math.floor(position / this.chunk) % this.places)) | 0;
  }

  /** Where a position stands, a byte offset: an integer to the engine too, or all that is told from it would be doubles (a fifth more a message). */
  at(position: number): number {
    return (this.entries + this.placeOf(position) * this.chunk + (position % this.chunk)) | 0;
  }

  /** Received length of a slot, `UNUSED` when nothing was received; a word index of `words`. */
  lengthAt(slot: number): number {
    return (this.headers + slot * HEADER + 56) >> 2;
  }

  /** Bytes of a slot's control data that the kernel has written; a word index of `words`. */
  controlLengthAt(slot: number): number {
    return (this.headers + slot * HEADER + 40) >> 2;
  }

  /** Where the address of a slot's sender begins, a byte offset. */
  nameAt(slot: number): number {
    return this.names + slot * NAME;
  }

  /** Where a slot's control data begins; a word index of `words`. */
  controlAt(slot: number): number {
    return (this.controls + slot * CONTROL) >> 2;
  }

  /** Tells the kernel's structures where the slots are. */
  arm(): void {
    const longs = new BigUint64Array(this.bytes.buffer);
    const vectors = this.headers + this.size.slots * HEADER;
    for (let i = 0; i < this.size.slots; i++) {
      const header = (this.headers + i * HEADER) >> 3;
      const vector = (vectors + i * VECTOR) >> 3;
      longs[header] = BigInt(this.address + this.names + i * NAME);
      longs[header + 2] = BigInt(this.address + vectors + i * VECTOR);
      longs[header + 3] = 1n;
      longs[header + 4] = BigInt(this.address + this.controls + i * CONTROL);
      longs[vector] = BigInt(this.address + this.slots + i * this.size.stride);
      longs[vector + 1] = BigInt(this.size.stride);
      this.rearm(i);
    }
    this.words[Head.Call]!++;
    this.words[Head.Taken] = 0;
  }

  /** Makes one slot ready to receive again. */
  rearm(slot: number): void {
    const header = (this.headers + slot * HEADER) >> 2;
    this.words[header + 2] = NAME;
    this.words[header + 10] = CONTROL;
    this.words[header + 14] = UNUSED;
  }
}

const chunkOf = ({ capacity, stride }: RingSize): number =>
  Math.max(pages(capacity / CHUNKS), pages(Entry.Bytes + ADDRESS + stride));
const placesOf = (size: RingSize): number => Math.ceil(size.capacity / chunkOf(size)) + 1;
