// Files that rotation has compressed (gzip, RFC 1952; zstd, RFC 8878), unpacked piece by piece off this thread. Their content is known by
// its head and what stands before an offset, as that of all files: only what was not read before they were compressed is read.

import { closeSync, createReadStream, fstatSync, openSync } from 'node:fs';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { codeOf } from '../../agent/core/errors.ts';
import { isGzip } from './discover.ts';
import { markOf } from './encoding.ts';
import type { LogFile } from './file.ts';
import { hashOf } from './hash.ts';
import { learnForm } from './header.ts';
import { HEAD_BYTES, identityOf, isSame, TAIL_BYTES } from './identity.ts';
import { Mid } from './lines.ts';
import type { Marks } from './marks.ts';
import { rawPath } from './names.ts';
import type { Print, Prints } from './prints.ts';
import { Outcome, type Reader, Rest } from './reader.ts';
import type { Pen } from './trail.ts';

/** Unpacked at the same time. */
const MAX_OPEN = 2;
/** Bytes of a piece, and unpacked ones that wait for their turn. */
const PIECE_BYTES = 256 * 1024;
/** So long a file must not have changed: it is whole then; ms. */
const QUIET_MS = 2000;

export interface Archives {
  /** Reads on; an `Outcome`, or `undefined` while it has to wait. Throws the system's errors, and those of damaged content. */
  read(file: LogFile, now: number): number | undefined;
  /** Bytes of the last read. */
  readonly bytes: number;
  close(file: LogFile): void;
}

interface Unpacking {
  /** Unpacked: bytes of the content from `base` on; the next to be handed over is `data[at]`. */
  data: Buffer;
  base: number;
  at: number;
  /** The pipeline took no more of it. */
  isStopped: boolean;
  /** What the content is compared with, by offset; undefined before its head is known, empty when that is done. */
  prints: readonly Print[] | undefined;
  /** The furthest that fitted. */
  best: Print | undefined;
  /** The next piece; undefined when there is none yet. */
  next(): Buffer | undefined;
  readonly ended: boolean;
  readonly error: Error | undefined;
  close(): void;
}

/** `wake` is called when there is more to read. */
export function createArchives(
  reader: Reader,
  marks: Marks,
  pen: Pen,
  prints: Prints,
  wake: () => void,
): Archives {
  const open = new Map<LogFile, Unpacking>();
  let bytes = 0;

  function close(file: LogFile): void {
    open.get(file)?.close();
    open.delete(file);
    file.isUnpacking = false;
  }

  /** Undefined when another file is at its path by now: the next look finds out where it is. */
  function begin(file: LogFile, known?: readonly Print[]): Unpacking | undefined {
    const fd = openSync(rawPath(file.target), 'r');
    if (!isSame(identityOf(fstatSync(fd)), file.id)) {
      closeSync(fd);
      return undefined;
    }
    const unpacking = unpack(fd, isGzip(file.path), wake, known);
    open.set(file, unpacking);
    file.isUnpacking = true;
    return unpacking;
  }

  /** Goes on until all prints are behind; returns whether they are, and the place to read from is known. */
  function seek(file: LogFile, unpacking: Unpacking): boolean {
    const { data, base, ended } = unpacking;
    if (unpacking.prints === undefined) {
      if (data.length < HEAD_BYTES && !ended) return false;
      const heads = new Map<number, number>();
      const head = (length: number) =>
        length > data.length ? Number.NaN : heads.getOrInsertComputed(length, () => hashOf(data, 0, length));
      unpacking.prints = prints(file, head)?.toSorted((a, b) => a.offset - b.offset);
      if (unpacking.prints === undefined) return false;
    }
    const end = base + data.length;
    const isBehind = ({ offset }: Print) => offset > end;
    for (const print of unpacking.prints) {
      const stop = print.offset - base;
      if (print.offset === unpacking.best?.offset) continue;
      if (stop <= data.length && hashOf(data, Math.max(0, stop - TAIL_BYTES), stop) === print.tail)
        unpacking.best = print;
    }
    unpacking.prints = unpacking.prints.filter(isBehind);
    if (unpacking.prints.length > 0 && !ended) {
      trim(unpacking, data.length);
      return false;
    }
    const { best } = unpacking;
    unpacking.prints = [];
    best?.found();
    const offset = best?.offset ?? 0;
    if (offset < base) {
      // Another that fits no further than this had to be passed first.
      if (best === undefined && file.offset > 0) file.restart();
      close(file);
      begin(file, best ? [best] : []);
      return false;
    }
    unpacking.at = offset - base;
    if (best === undefined && file.offset > 0) file.restart();
    else if (best !== undefined && best.offset !== file.offset) {
      const { headLength, head, tail, mid = Mid.None } = best;
      file.place({ ...file.position, headLength, head, offset, tail, mid, begun: -1 });
    }
    return true;
  }

  function deliver(file: LogFile, unpacking: Unpacking, now: number): number {
    const { data, base, ended } = unpacking;
    if (base === 0) {
      file.headLength = Math.min(HEAD_BYTES, data.length);
      file.head = hashOf(data, 0, file.headLength);
      unpacking.at ||= markOf(data, file.text.limit.unit);
    }
    file.trail.begin(file, data, base, now);
    const more = reader.deliver(file, data, unpacking.at, ended ? Rest.Whole : Rest.Waits);
    file.offset = base + reader.at;
    file.tail = hashOf(data, Math.max(0, reader.at - TAIL_BYTES), reader.at);
    mark(file, unpacking);
    trim(unpacking, reader.at);
    unpacking.isStopped = !more;
    if (!more) return Outcome.Full;
    if (!ended) return Outcome.More;
    close(file);
    file.wholeSize = file.size;
    return Outcome.End;
  }

  /** Where it can go on from after a restart; of a record that is held for long only what is still at hand. */
  function mark(file: LogFile, { data, base }: Unpacking): void {
    const held = file.heldFrom;
    const at = (held < 0 ? file.offset : held) - base;
    if (at < Math.min(TAIL_BYTES, base)) return;
    const tail = hashOf(data, Math.max(0, at - TAIL_BYTES), at);
    const mid = held < 0 ? file.mid : Mid.None;
    marks.add(file, { ...file.position, offset: base + at, tail, mid }, pen.out.pushed);
  }

  return {
    get bytes() {
      return bytes;
    },
    close,
    read(file, now) {
      bytes = 0;
      if (!open.has(file) && (open.size >= MAX_OPEN || now - file.changedAt < QUIET_MS)) return undefined;
      const unpacking = open.get(file) ?? begin(file);
      if (unpacking === undefined) return undefined;
      // What is at hand goes first, so that no more than that is held.
      const isHolding =
        unpacking.isStopped || (unpacking.prints === undefined && unpacking.data.length >= HEAD_BYTES);
      const piece = isHolding ? undefined : unpacking.next();
      if (piece === undefined && !isHolding && unpacking.error !== undefined) {
        close(file);
        // Of damaged content the rest is unreadable for good, or until it is written on.
        if (/^Z(STD)?_/.test(codeOf(unpacking.error) ?? '')) {
          file.wholeSize = file.size;
          file.unread = false;
        }
        throw unpacking.error;
      }
      if (piece === undefined && !isHolding && !unpacking.ended) return undefined;
      if (piece !== undefined) {
        bytes = piece.length;
        unpacking.data = Buffer.concat([unpacking.data, piece]);
      }
      if (unpacking.base === 0) learnForm(file, unpacking.data, 0);
      if (unpacking.prints?.length !== 0 && !seek(file, unpacking)) return undefined;
      return deliver(file, unpacking, now);
    },
  };
}

/** Lets go of what is read, but for what the next place is compared with. */
function trim(unpacking: Unpacking, at: number): void {
  const from = Math.max(0, at - TAIL_BYTES);
  unpacking.data = unpacking.data.subarray(from);
  unpacking.base += from;
  unpacking.at = at - from;
}

/** Unpacks an open file as it is read, and closes it; no more than PIECE_BYTES wait. */
function unpack(
  fd: number,
  gzip: boolean,
  wake: () => void,
  prints: readonly Print[] | undefined,
): Unpacking {
  const source = createReadStream('', { fd });
  const options = { chunkSize: PIECE_BYTES };
  const stream = source.pipe(gzip ? createGunzip(options) : createZstdDecompress(options));
  let error: Error | undefined;
  let waiting: Buffer | undefined;
  const fail = (cause: Error) => {
    error ??= cause;
    wake();
  };
  const fetch = () => {
    // Taken out at once: an error takes what is in the stream with it.
    waiting ??= stream.read() ?? undefined;
    if (waiting !== undefined) wake();
  };
  source.on('error', fail);
  stream.on('error', fail).on('readable', fetch).on('end', wake);
  return {
    data: Buffer.alloc(0),
    base: 0,
    at: 0,
    isStopped: false,
    prints,
    best: undefined,
    next() {
      const piece = waiting;
      waiting = undefined;
      if (piece !== undefined && !stream.destroyed) fetch();
      return piece;
    },
    get ended() {
      return stream.readableEnded && waiting === undefined;
    },
    get error() {
      return error;
    },
    close() {
      source.destroy();
      stream.destroy();
    },
  };
}
