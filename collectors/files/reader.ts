// Reads followed files into their trails: one call, one pread into one buffer that all files share, a limited number of
// bytes. The bytes before the offset are read again each time and prove that the file is still the one that was read.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { wholeEnd } from '../../agent/core/utf8.ts';
import { looksCompressed } from './discover.ts';
import { LONGEST, markOf, Unit, wideNewline } from './encoding.ts';
import type { LogFile } from './file.ts';
import { hashOf } from './hash.ts';
import { learnForm } from './header.ts';
import {
  fingerprint,
  fits,
  HEAD_BYTES,
  identityOf,
  isSame,
  readRange,
  TAIL_BYTES,
  tailOf,
} from './identity.ts';
import { LineReader, Mid } from './lines.ts';
import type { Marks } from './marks.ts';
import { pathOfOpen, rawPath } from './names.ts';
import type { Text } from './sources.ts';
import type { Pen } from './trail.ts';

/** What a read came to. */
export const Outcome = {
  /** The end; perhaps an unfinished line behind it. */
  End: 0,
  /** The budget: there is more. */
  More: 1,
  /** The pipeline is full. */
  Full: 2,
  /** The content before the offset is another: the file was emptied, or written anew. */
  Replaced: 3,
} as const;

/** What becomes of an unfinished line at the end: it waits, its beginning goes out, or it is whole. */
export const Rest = { Waits: 0, Part: 1, Whole: 2 } as const;

/** Bytes of one file at a time: what a busy file may take before the others have their turn, and fits into a cache. */
const BITE_BYTES = 512 * 1024;
/** How far back the beginning of a line is looked for. */
const MAX_BACK = 64 * 1024;
/** Fewer zeros at the beginning of a file that was not seen to be emptied are text. */
const HOLE_BYTES = 4096;
const NEWLINE = 10;

export interface Reader {
  /** Descriptors held open. */
  readonly open: number;
  /** Bytes of the last read. */
  readonly bytes: number;
  /** Opens the file if it is not; false when another one is there now. Throws the system's errors. */
  reach(file: LogFile): boolean;
  /** Hands over the lines of `data` from byte `start`, which are of `file`; returns whether the pipeline takes more. */
  deliver(file: LogFile, data: Uint8Array, start: number, rest: number): boolean;
  /** The first byte that the last `deliver()` left. */
  readonly at: number;
  /** Reads on. `all`: also the unfinished line at the end. Throws the system's errors. */
  read(file: LogFile, now: number, all: boolean): number;
  /** Notes how far the file is read, for its checkpoint. Throws the system's errors. */
  mark(file: LogFile): void;
  close(file: LogFile): void;
}

/** `longest` is the largest line limit of all sources; `onLong` hears how many lines of a file were over it. */
export function createReader(
  pen: Pen,
  marks: Marks,
  longest: number,
  onLong: (file: LogFile, lines: number) => void,
): Reader {
  const chunk = Math.max(BITE_BYTES, longest + 2);
  // A Buffer finds a newline in half the time that an Uint8Array takes for lines of 150 bytes.
  const buffer = Buffer.allocUnsafeSlow(HEAD_BYTES + chunk);
  const lines = new LineReader();
  let open = 0;
  let bytes = 0;

  function close(file: LogFile): void {
    if (file.fd < 0) return;
    file.closedAs = pathOfOpen(file.fd);
    closeSync(file.fd);
    file.fd = -1;
    open--;
  }

  function deliver(file: LogFile, data: Uint8Array, start: number, rest: number): boolean {
    const { limit } = file.text;
    const size = data.length;
    lines.mid = file.mid;
    const { long } = lines;
    let more = lines.read(data, start, limit, file.trail);
    if (rest !== Rest.Waits && more && lines.at < size && lines.mid !== Mid.Skip) {
      // A character that is not written to its end comes with the rest, if one may still come.
      const isLast = rest === Rest.Whole || file.detachedAt > 0;
      const stop = isLast ? size : whole(data, lines.at, file.text);
      if (stop > lines.at) {
        more = file.trail.line(lines.at, stop, stop, rest === Rest.Whole ? lines.lastPiece : lines.piece);
        lines.at = stop;
        lines.mid = rest === Rest.Whole ? Mid.None : Mid.Part;
      }
    }
    file.mid = lines.mid;
    if (lines.long > long) onLong(file, lines.long - long);
    return more;
  }

  /** Whether a file that the buffer holds from its first byte still begins as it did, as far as that was seen. */
  const hasHead = ({ head, headLength }: LogFile, size: number): boolean =>
    size >= headLength && hashOf(buffer, 0, headLength) === head;

  /** Keeps the hash of a small file's head in step with what is seen of it. */
  function learnHead(file: LogFile, seen: number): void {
    if (file.headLength >= Math.min(HEAD_BYTES, seen)) return;
    file.headLength = Math.min(HEAD_BYTES, seen);
    file.head = hashOf(readRange(file.fd, 0, file.headLength));
    file.marked = -1;
  }

  function mark(file: LogFile): void {
    const held = file.heldFrom;
    const offset = held < 0 ? file.offset : held;
    if (offset === file.marked || (held >= 0 && file.fd < 0)) return;
    const position =
      held < 0
        ? file.position
        : { ...file.position, offset: held, tail: tailOf(file.fd, held), mid: Mid.None };
    marks.add(file, position, pen.out.pushed);
  }

  /** Reads up to `most` bytes on. */
  function take(file: LogFile, now: number, rest: number, most: number): number {
    const before = file.offset > HEAD_BYTES ? TAIL_BYTES : file.offset;
    const size = readSync(file.fd, buffer, 0, before + most, file.offset - before);
    if (size < before || hashOf(buffer, Math.max(0, before - TAIL_BYTES), before) !== file.tail)
      return Outcome.Replaced;
    if (before === file.offset && !hasHead(file, size)) return Outcome.Replaced;
    learnHead(file, size + file.offset - before);
    bytes = size - before;
    if (file.offset === 0 && looksCompressed(buffer.subarray(0, size))) {
      file.isIgnored = true;
      return Outcome.End;
    }
    const data = buffer.subarray(0, size);
    learnForm(file, data, file.offset - before);
    const { limit } = file.text;
    let start = before;
    if (file.hasHole || file.offset === 0) while (start < size && buffer[start] === 0) start++;
    if (!file.hasHole && start - before < HOLE_BYTES) start = before;
    else {
      file.hasHole = start === size;
      if (limit.unit !== Unit.Byte) start -= (file.offset + start - before) % 2;
    }
    if (file.offset === 0) start ||= markOf(data, limit.unit);
    file.trail.begin(file, buffer, file.offset - before, now);
    const more = deliver(file, data, start, rest);
    const at = lines.at;
    if (at > before) {
      file.offset += at - before;
      file.tail = hashOf(buffer, Math.max(0, at - TAIL_BYTES), at);
    }
    mark(file);
    file.rest = 0;
    if (!more) return Outcome.Full;
    if (size === before + most) return Outcome.More;
    file.rest = size - at;
    file.unseenSince = Math.max(file.unseenSince, file.mtime);
    return Outcome.End;
  }

  return {
    get open() {
      return open;
    },
    get bytes() {
      return bytes;
    },
    get at() {
      return lines.at;
    },
    deliver,
    close,
    mark,
    reach(file) {
      if (file.fd >= 0) return true;
      // A FIFO in the file's place must not hold us up.
      file.fd = openSync(rawPath(file.target), constants.O_RDONLY | constants.O_NONBLOCK);
      open++;
      if (!isSame(identityOf(fstatSync(file.fd)), file.id)) {
        close(file);
        return false;
      }
      if (file.startAt >= 0) {
        learnForm(file, new Uint8Array(0), file.startAt);
        file.place({
          ...file.position,
          ...fingerprint(file.fd, lineStart(file.fd, file.startAt, file.text.limit.unit)),
        });
        file.startAt = -1;
        mark(file);
      }
      return true;
    },
    read(file, now, all) {
      bytes = 0;
      if (file.isRestored) {
        if (!fits(file.fd, fstatSync(file.fd).size, file.position)) return Outcome.Replaced;
        file.isRestored = false;
      }
      if (all) return take(file, now, Rest.Part, chunk);
      const { offset } = file;
      const outcome = take(file, now, Rest.Waits, BITE_BYTES);
      // Where it did not get on, a line is longer than that.
      return outcome === Outcome.More && file.offset === offset
        ? take(file, now, Rest.Waits, chunk)
        : outcome;
    },
  };
}

/** Where the character that the buffer ends in the middle of begins, at or behind `at`; its end when it is in none. */
function whole(data: Uint8Array, at: number, { limit, decoder }: Text): number {
  const { length } = data;
  if (limit.unit !== Unit.Byte && length - at < 2) return at;
  if (decoder !== undefined) {
    const stop = limit.boundary(data, at, length);
    return stop === length && length - at < LONGEST && !decoder.decode(data, at, length) ? at : stop;
  }
  return wholeEnd(data, at, length);
}

/** Where the line that byte `offset` is in begins; `offset` itself when it begins too far back. */
function lineStart(fd: number, offset: number, unit: number): number {
  const wide = unit !== Unit.Byte;
  const from = wide ? even(Math.max(0, offset - MAX_BACK)) : Math.max(0, offset - MAX_BACK);
  const bytes = readRange(fd, from, offset);
  let newline = -1;
  if (!wide) newline = bytes.lastIndexOf(NEWLINE);
  else for (let i = wideNewline(bytes, 0, unit); i >= 0; i = wideNewline(bytes, i + 2, unit)) newline = i + 1;
  return newline >= 0 ? from + newline + 1 : from === 0 ? 0 : offset;
}

const even = (n: number): number => n - (n % 2);
