// A record that is not complete yet: its text so far, and from which places of which files it came.

import type { Unwrapped } from '../../agent/core/formats/container.ts';
import type { Hold, LogFile } from './file.ts';

const NEWLINE = 10;
const NOTHING: Uint8Array = new Uint8Array(0);
/** Larger texts give their memory back once they are sent. */
const KEPT_BYTES = 64 * 1024;

/** One a path and output stream; its text is limited by the trail. */
export class Pending {
  bytes = NOTHING;
  length = 0;
  lines = 0;
  /** State of the multiline rule behind the last line. */
  state = 0;
  /** The last line goes on in the next, also when it was sent as it was. */
  open = false;
  /** The id of the record that began the line it goes on with, where that was sent already. */
  part: Uint8Array | undefined;
  /** Nothing joins it once its line ends. */
  complete = false;
  /** When something was last added; room time in ms. */
  at = 0;
  seconds = 0;
  nanos = 0;
  /** What the wrapping of its first line says, as `Attributes.fields()` takes it. */
  fields = NOTHING;
  sourceBytes = 0;
  uidHigh = 0;
  uidLow = 0;
  position = 0;
  /** The file it began in. */
  first!: LogFile;
  private holds: Hold[] = [];

  begin(line: Unwrapped, file: LogFile, position: number): void {
    this.length = 0;
    this.sourceBytes = 0;
    this.seconds = line.seconds;
    this.nanos = line.nanos;
    this.fields = line.fields.pos > 0 ? line.fields.copy() : NOTHING;
    this.first = file;
    this.uidHigh = file.uidHigh;
    this.uidLow = file.uidLow;
    this.position = position;
  }

  newline(): void {
    this.room(1);
    this.bytes[this.length++] = NEWLINE;
  }

  add(line: Unwrapped, sourceBytes: number): void {
    const size = line.end - line.start;
    this.room(size);
    this.bytes.set(line.buf.subarray(line.start, line.end), this.length);
    this.length += size;
    this.lines++;
    this.sourceBytes += sourceBytes;
  }

  /** The file gives to this record from `offset` on. */
  hold(file: LogFile, offset: number): void {
    if (this.holds.some(hold => hold.file === file)) return;
    const hold = { file, offset, outAt: Number.POSITIVE_INFINITY };
    this.holds.push(hold);
    file.holds.push(hold);
  }

  /** Empty again, its record is one of the first `pushed`; returns the files that have what it came from. */
  clear(pushed: number): readonly LogFile[] {
    const files: LogFile[] = [];
    for (const hold of this.holds) {
      hold.outAt = pushed;
      if (hold.file === undefined) continue;
      hold.file.holds.splice(hold.file.holds.indexOf(hold), 1);
      files.push(hold.file);
    }
    this.holds = [];
    this.length = 0;
    this.lines = 0;
    this.open = false;
    if (this.bytes.length > KEPT_BYTES) this.bytes = NOTHING;
    return files;
  }

  /** Nothing joins soon: gives the memory of its text back. */
  rest(): void {
    this.bytes = NOTHING;
    this.state = 0;
  }

  private room(size: number): void {
    if (this.length + size <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(1024, this.bytes.length * 2, this.length + size));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}
