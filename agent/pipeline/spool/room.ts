// Memory that payloads are read into, one behind the other: kept, because a megabyte allocated anew for each batch makes
// the garbage collector run all the time (a fifth of the agent's CPU at full speed).

/** Memory grows by this much, or by half. */
const STEP = 256 * 1024;

export class Room {
  private buffer: Buffer = Buffer.alloc(0);
  private used = 0;

  /** The next `length` bytes; they count once they are `keep()`ed. */
  next(length: number): Buffer {
    if (this.used + length > this.buffer.length) {
      const wanted = Math.max(this.used + length, this.buffer.length * 1.5);
      const larger = Buffer.allocUnsafeSlow(Math.ceil(wanted / STEP) * STEP);
      larger.set(this.buffer.subarray(0, this.used));
      this.buffer = larger;
    }
    return this.buffer.subarray(this.used, this.used + length);
  }

  keep(length: number): void {
    this.used += length;
  }

  /** What was kept, in place. */
  get bytes(): Buffer {
    return this.buffer.subarray(0, this.used);
  }

  get capacity(): number {
    return this.buffer.length;
  }

  clear(): void {
    this.used = 0;
  }
}
