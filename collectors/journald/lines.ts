// Bytes of a pipe to lines, in place. Pure. Lines longer than the limit are skipped and counted.

const NEWLINE = 10;

/** After `add()`, each `next()` that returns true gives one line: bytes `start..end` of `buf`, valid until `add()`. */
export class Lines {
  buf: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  /** Lines skipped so far. */
  skipped = 0;
  private from = 0;
  private skipping = false;
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Takes a portion over; call when `next()` has returned false. */
  add(portion: Uint8Array): void {
    const rest = this.buf.subarray(this.from);
    this.from = 0;
    if (rest.length === 0) {
      this.buf = portion;
      return;
    }
    const joined = new Uint8Array(rest.length + portion.length);
    joined.set(rest);
    joined.set(portion, rest.length);
    this.buf = joined;
  }

  next(): boolean {
    for (;;) {
      const newline = this.buf.indexOf(NEWLINE, this.from);
      if (newline < 0) {
        if (this.skipping || this.buf.length - this.from > this.limit) {
          this.skipping = true;
          this.from = this.buf.length;
        }
        return false;
      }
      this.start = this.from;
      this.end = newline;
      this.from = newline + 1;
      if (!this.skipping && newline - this.start <= this.limit) return true;
      this.skipping = false;
      this.skipped++;
    }
  }
}
