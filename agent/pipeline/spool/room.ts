// Memory that payloads stand in, one behind the other: kept, because a megabyte allocated anew for each batch makes the
// garbage collector run all the time (a fifth of the agent's CPU at full speed).

/** Memory grows by this much, or by half. */
const STEP = 256 * 1024;
/** Rooms kept, and the largest one kept: as many as a pump has requests under way, and that of the next batch. */
const KEPT_ROOMS = 5;
const KEPT_BYTES = 2 * 2 ** 20;

export class Room {
  private readonly emptied: (room: Room) => void;
  private buffer = new Uint8Array(0);
  private used = 0;
  private holders = 1;

  /** `emptied` hears when nobody holds it any more. */
  constructor(emptied: (room: Room) => void = () => {}) {
    this.emptied = emptied;
  }

  /** The next `length` bytes; they count once they are `keep()`ed. */
  next(length: number): Uint8Array {
    if (this.used + length > this.buffer.length) {
      const wanted = Math.max(this.used + length, this.buffer.length * 1.5);
      const larger = new Uint8Array(Math.ceil(wanted / STEP) * STEP);
      larger.set(this.buffer.subarray(0, this.used));
      this.buffer = larger;
    }
    return this.buffer.subarray(this.used, this.used + length);
  }

  keep(length: number): void {
    this.used += length;
  }

  /** What was kept, or a part of it, in place; as it is until the last holder releases the room. */
  bytes(start = 0, end = this.used): Uint8Array {
    return this.buffer.subarray(start, end);
  }

  get size(): number {
    return this.used;
  }

  get capacity(): number {
    return this.buffer.length;
  }

  /** Whoever made it holds it once. */
  hold(): this {
    this.holders++;
    return this;
  }

  release(): void {
    if (--this.holders === 0) this.emptied(this);
  }

  /** Empty, and held once. */
  clear(): void {
    this.used = 0;
    this.holders = 1;
  }
}

/** Hands out empty rooms; those that are released are used again. */
export function createRooms(): () => Room {
  const free: Room[] = [];
  const emptied = (room: Room) => {
    if (free.length < KEPT_ROOMS && room.capacity <= KEPT_BYTES) free.push(room);
  };
  return () => {
    const room = free.pop() ?? new Room(emptied);
    room.clear();
    return room;
  };
}
