// Bytes to lines: ranges of a borrowed buffer, no copy. Pure. A line without its newline stays where it is, in the file.

import { isWide, Unit, wideNewline } from './encoding.ts';

const NEWLINE = 10;
const RETURN = 13;

/** What a file's next byte is in the middle of. */
export const Mid = {
  /** A line begins here. */
  None: 0,
  /** The beginning of this line was handed out; a newline at once ends it without another piece. */
  Part: 1,
  /** The rest of this line is passed over. */
  Skip: 2,
} as const;

/** What is special about a handed-out range: one of the pieces of a line, or the beginning of one that is passed over. */
export const Piece = { Whole: 0, First: 1, Middle: 2, Last: 3, Cut: 4 } as const;

/** Whether the line goes on in another range. */
export const goesOn = (piece: number): boolean => piece === Piece.First || piece === Piece.Middle;

export interface LineSink {
  /** Bytes `start..end`; the next line starts at `next`. `false`: take no more now. */
  line(start: number, end: number, next: number, piece: number): boolean;
}

/** The limit of a line, and what becomes of a longer one: pieces that size, or its beginning alone. */
export interface LineLimit {
  readonly maxBytes: number;
  readonly cut: boolean;
  /** A `Unit`: what lines are made of. */
  readonly unit: number;
  /** The last place at or before `end`, and behind `start`, that is inside no character. */
  readonly boundary: (buf: Uint8Array, start: number, end: number) => number;
}

/** Reads lines out of buffers; `at` and `mid` say where and in what it stopped. One serves all files. */
export class LineReader {
  at = 0;
  mid: number = Mid.None;
  /** Lines longer than the limit, ever. */
  long = 0;

  /** What a range is that the line goes on behind. */
  get piece(): number {
    return this.mid === Mid.Part ? Piece.Middle : Piece.First;
  }

  /** What a range is that the line ends with. */
  get lastPiece(): number {
    return this.mid === Mid.Part ? Piece.Last : Piece.Whole;
  }

  /**
   * Hands the lines of bytes `start..buf.length` to `sink`: without the newline and one return before it. Stops before a
   * line without a newline that is not too long, and after a line for which the sink said `false`. Returns whether it did.
   */
  read(buf: Uint8Array, start: number, limit: LineLimit, sink: LineSink): boolean {
    const size = buf.length;
    const { unit, maxBytes } = limit;
    const width = unit === Unit.Byte ? 1 : 2;
    let at = start;
    let full = false;
    while (at < size && !full) {
      const newline = unit === Unit.Byte ? buf.indexOf(NEWLINE, at) : wideNewline(buf, at, unit);
      const end =
        newline < 0 ? size : newline > at && hasReturn(buf, newline, unit) ? newline - width : newline;
      if (this.mid === Mid.Skip) {
        if (newline >= 0) this.mid = Mid.None;
        at = newline < 0 ? size - ((size - at) & (width - 1)) : newline + width;
        if (newline < 0) break;
      } else if (end - at > (newline < 0 ? maxBytes + width : maxBytes)) {
        const stop = limit.boundary(buf, at, at + maxBytes);
        if (this.mid === Mid.None) this.long++;
        full = !sink.line(at, stop, stop, limit.cut ? Piece.Cut : this.piece);
        this.mid = limit.cut ? Mid.Skip : Mid.Part;
        at = stop;
      } else if (newline < 0) break;
      else {
        const { lastPiece } = this;
        this.mid = Mid.None;
        if (lastPiece === Piece.Whole || end > at) full = !sink.line(at, end, newline + width, lastPiece);
        at = newline + width;
      }
    }
    this.at = at;
    return !full;
  }
}

/** Whether a return stands before the newline at `i`. */
const hasReturn = (buf: Uint8Array, i: number, unit: number): boolean =>
  unit === Unit.Byte ? buf[i - 1] === RETURN : isWide(buf, i - 2, unit, RETURN);

/** The last place at or before `end` that is inside no character of UTF-8: within three bytes, as long as that moves on. */
export function boundary(buf: Uint8Array, start: number, end: number): number {
  for (let i = end; i > end - 4 && i > start; i--) if ((buf[i]! & 0xc0) !== 0x80) return i;
  return end;
}
