// A place in a line that moves over its parts: words, brackets, quotes. Pure; one instance is reused for all lines.

export class Cursor {
  buf: Uint8Array = new Uint8Array(0);
  at = 0;
  end = 0;
  /** The part last taken: bytes `from..to`. */
  from = 0;
  to = 0;

  begin(buf: Uint8Array, start: number, end: number): void {
    this.buf = buf;
    this.at = start;
    this.end = end;
  }

  /** The byte here; -1 at the end. */
  peek(): number {
    return this.at < this.end ? this.buf[this.at]! : -1;
  }

  /** Passes over one byte, if it is here. */
  skip(byte: number): boolean {
    if (this.peek() !== byte) return false;
    this.at++;
    return true;
  }

  /** Takes what stands before the next `byte`, and passes over that; false when there is none. */
  until(byte: number): boolean {
    for (let i = this.at; i < this.end; i++)
      if (this.buf[i] === byte) {
        this.from = this.at;
        this.to = i;
        this.at = i + 1;
        return true;
      }
    return false;
  }

  /** Takes a word up to a blank or the end; false when there is none. */
  word(): boolean {
    this.from = this.at;
    while (this.at < this.end && this.buf[this.at] !== 0x20) this.at++;
    this.to = this.at;
    if (this.at < this.end) this.at++;
    return this.to > this.from;
  }

  /** Takes what stands in quotes, a backslash protecting the byte behind it; false when no quotes begin or end here. */
  quoted(): boolean {
    if (this.peek() !== 0x22) return false;
    for (let i = this.at + 1; i < this.end; i++) {
      if (this.buf[i] === 0x5c) i++;
      else if (this.buf[i] === 0x22) {
        this.from = this.at + 1;
        this.to = i;
        this.at = i + 1;
        return true;
      }
    }
    return false;
  }

  /** The whole number that is the part last taken; -1 when it is none. */
  number(): number {
    let value = this.to > this.from && this.to - this.from <= 15 ? 0 : -1;
    for (let i = this.from; i < this.to && value >= 0; i++) {
      const digit = this.buf[i]! - 48;
      value = digit >= 0 && digit <= 9 ? value * 10 + digit : -1;
    }
    return value;
  }

  /** Whether the part last taken is this word. */
  is(word: Uint8Array): boolean {
    return this.to - this.from === word.length && this.begins(word);
  }

  /** Whether the part last taken begins with this word. */
  begins(word: Uint8Array): boolean {
    if (this.to - this.from < word.length) return false;
    for (let i = 0; i < word.length; i++) if (this.buf[this.from + i] !== word[i]) return false;
    return true;
  }

  /** Whether the part last taken is a lone `-`, or nothing. */
  isNone(): boolean {
    return this.to === this.from || (this.to - this.from === 1 && this.buf[this.from] === 0x2d);
  }
}
