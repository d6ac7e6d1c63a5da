// The records of one path, whichever files were at it: a record begun in one file ends in the next, so rotation cuts no
// stack trace in two.

import { bytesValue } from '../../agent/core/attribute.ts';
import type { RecordSink } from '../../agent/core/collector.ts';
import { encodeOutline, ORIGINAL } from '../../agent/core/encode.ts';
import type { Unwrapped } from '../../agent/core/formats/container.ts';
import { applyFormat } from '../../agent/core/formats/format.ts';
import { type LogRecord, type Origin, type Outline, utf8 } from '../../agent/core/record.ts';
import { fieldsOf } from './fields.ts';
import type { LogFile } from './file.ts';
import { goesOn, type LineSink, Piece } from './lines.ts';
import { Pending } from './pending.ts';
import type { Source } from './sources.ts';
import { Succession } from './succession.ts';
import { Verdict } from './verdict.ts';

const NOTHING: Uint8Array = new Uint8Array(0);
const PARTIAL = utf8('eudaemon.partial');
const PARTIAL_UID = utf8('eudaemon.partial.uid');
const TRUNCATED = utf8('eudaemon.truncated');

/** Lines of a joined record. */
const MAX_LINES = 1000;

/** What all trails write with; `record` is the one in flight. */
export interface Pen {
  readonly record: LogRecord;
  readonly out: RecordSink;
  /** Called when a held record has gone out: the file's position may move. */
  released(file: LogFile): void;
}

export class Trail implements LineSink {
  readonly source: Source;
  readonly path: string;
  readonly files: Succession;
  private origin!: Origin;
  private readonly originOf: () => Origin;
  /** Of the labels that the origin has. */
  private version = -1;
  /** Encoded attributes of every record, by stream: none, stdout, stderr; none of a stream that is quiet. */
  private fields: (Uint8Array | undefined)[] = [];
  /** Of records that have nothing but these. */
  private outline: Outline | undefined;
  private readonly pen: Pen;
  private readonly pendings: (Pending | undefined)[] = [];
  private file!: LogFile;
  private buf = NOTHING;
  private base = 0;
  private now = 0;

  /** `originOf` answers anew when labels of pods have changed. */
  constructor(source: Source, path: string, originOf: () => Origin, pen: Pen) {
    this.source = source;
    this.path = path;
    this.files = new Succession(path);
    this.originOf = originOf;
    this.pen = pen;
  }

  /** The lines that follow are of `file`; byte 0 of `buf` is byte `base` of it. */
  begin(file: LogFile, buf: Uint8Array, base: number, now: number): void {
    this.file = file;
    this.buf = buf;
    this.base = base;
    this.now = now;
    if (file.header !== undefined) this.source.parser.header?.(file.header);
    const { record } = this.pen;
    const version = this.source.pods?.version ?? 0;
    if (version !== this.version) {
      this.version = version;
      this.origin = this.originOf();
    }
    record.origin = this.origin;
    record.observedSeconds = Math.floor(now / 1000);
    record.observedNanos = (now % 1000) * 1e6;
  }

  line(start: number, end: number, next: number, piece: number): boolean {
    if (this.base + start < this.file.headerEnd) return true;
    const { decoder } = this.file.text;
    if (decoder === undefined) return this.take(this.buf, start, end, start, next, piece, true);
    const isWhole = decoder.decode(this.buf, start, end);
    return this.take(decoder.bytes, 0, decoder.length, start, next, piece, isWhole);
  }

  /** A line's text is bytes `from..to` of `buf`; it stands at bytes `start..next` of the file's own. */
  private take(
    buf: Uint8Array,
    from: number,
    to: number,
    start: number,
    next: number,
    piece: number,
    isWhole: boolean,
  ): boolean {
    const { unwrap, format } = this.source.parser;
    if (piece === Piece.First) this.file.begun = this.base + start;
    if (unwrap === undefined && this.source.rule === undefined) {
      this.fill(buf, from, to, start, next, 0);
      const { record } = this.pen;
      if (!isWhole) record.attributes.value(ORIGINAL, bytesValue(this.buf, start, next));
      else if (piece === Piece.Whole && format === undefined) {
        record.outline = this.outline ??= encodeOutline(record);
        return this.pen.out.push(record);
      }
      return this.send(piece, this.partOf(piece));
    }
    const { unwrapped } = this.source;
    if (unwrap === undefined) {
      unwrapped.buf = buf;
      unwrapped.start = from;
      unwrapped.end = to;
      unwrapped.partial = goesOn(piece);
    } else if (!unwrap(buf, from, to, unwrapped)) {
      this.fill(buf, from, to, start, next, 0);
      this.pen.record.attributes.fields(this.source.unwrapError);
      return this.push(piece, this.partOf(piece));
    }
    return this.join(unwrapped, start, next, piece);
  }

  /** Takes a line into the record it belongs to, and sends what is complete. */
  private join(line: Unwrapped, start: number, next: number, piece: number): boolean {
    this.pendings[line.stream] ??= this.resumed(line.stream);
    const pending = this.pendings[line.stream]!;
    const { rule, limit } = this.source;
    const size = line.end - line.start;
    let more = true;
    if (!pending.open && (piece === Piece.Middle || piece === Piece.Last) && this.source.rule !== undefined) {
      // Its beginning was handed out in an earlier run.
      pending.open = pending.complete = true;
      pending.part = this.partOf(piece);
    }
    let joins = pending.open;
    let complete = pending.complete;
    if (!joins) {
      const verdict = rule?.(pending.state, line.buf, line.start, line.end) ?? Verdict.Single;
      pending.state = verdict >> 2;
      joins = (verdict & 3) === Verdict.Continue && pending.lines > 0;
      complete = (verdict & 3) === Verdict.Single;
    }
    const isFull = pending.length + size >= limit.maxBytes || pending.lines >= MAX_LINES;
    if (pending.lines > 0 && (!joins || isFull)) {
      more = this.emit(pending, joins && pending.open);
      joins = false;
    }
    if (!joins && complete && !line.partial) {
      this.fill(line.buf, line.start, line.end, start, next, line.stream);
      this.stamp(line.seconds, line.nanos);
      if (line.fields.pos > 0) this.pen.record.attributes.fields(line.fields.buf, 0, line.fields.pos);
      return this.send(piece, this.partOf(piece)) && more;
    }
    if (!joins || pending.lines === 0) pending.begin(line, this.file, this.base + start);
    else if (!pending.open) pending.newline();
    pending.add(line, next - start);
    pending.hold(this.file, this.base + start);
    pending.open = line.partial;
    pending.complete = complete;
    pending.at = this.now;
    if (complete && !line.partial) return this.emit(pending, false) && more;
    return more;
  }

  get isHolding(): boolean {
    return this.pendings.some(pending => pending !== undefined && pending.lines > 0);
  }

  /** No line follows soon: gives back what is made anew for the next. */
  rest(): void {
    if (this.buf === NOTHING) return;
    this.fields = [];
    this.outline = undefined;
    this.buf = NOTHING;
  }

  /**
   * Sends held records to which nothing was added since `before`, or since `beforePart` where a container's line is known to
   * go on; room time in ms.
   */
  flush(before: number, beforePart: number, now: number): void {
    const beforeOpen = this.source.parser.unwrap === undefined ? before : beforePart;
    for (const pending of this.pendings)
      if (pending !== undefined && pending.lines > 0 && pending.at <= (pending.open ? beforeOpen : before)) {
        this.begin(pending.first, pending.bytes, 0, now);
        this.emit(pending, pending.open);
        pending.rest();
        this.buf = pending.bytes;
      }
  }

  private emit(pending: Pending, isPartial: boolean): boolean {
    const { record } = this.pen;
    const stream = this.pendings.indexOf(pending);
    this.fill(pending.bytes, 0, pending.length, 0, pending.sourceBytes, stream);
    record.sourceHigh = pending.uidHigh;
    record.sourceLow = pending.uidLow;
    record.position = pending.position;
    this.stamp(pending.seconds, pending.nanos);
    if (pending.fields.length > 0) record.attributes.fields(pending.fields, 0, pending.fields.length);
    const { part } = pending;
    const isMore = part !== undefined;
    const piece = isPartial ? (isMore ? Piece.Middle : Piece.First) : isMore ? Piece.Last : Piece.Whole;
    pending.part = isPartial ? (part ?? uidOf(pending, pending.position)) : undefined;
    this.remember(stream, pending.part);
    const more = this.send(piece, part ?? pending.part);
    for (const file of pending.clear(this.pen.out.pushed)) this.pen.released(file);
    pending.open = isPartial;
    return more;
  }

  /** Nothing is held, unless an earlier run has sent the beginning of a line of this stream. */
  private resumed(stream: number): Pending {
    const pending = new Pending();
    const part = this.files.partOf(stream);
    if (part !== '') {
      pending.open = pending.complete = true;
      pending.part = utf8(part);
    }
    return pending;
  }

  /** Notes for a restart which record began the line of which a piece was sent: in the file of the piece alone. */
  private remember(stream: number, part: Uint8Array | undefined): void {
    for (const file of this.files) {
      const wanted = file === this.file && part !== undefined ? Buffer.from(part).toString('latin1') : '';
      if (file.parts[stream] === wanted) continue;
      file.parts[stream] = wanted;
      file.marked = -1;
      this.pen.released(file);
    }
  }

  /** The id of the record that began the line that this is a piece of, where that is known. */
  private partOf(piece: number): Uint8Array | undefined {
    const { file } = this;
    return piece === Piece.Whole || piece === Piece.Cut || file.begun < 0
      ? undefined
      : uidOf(file, file.begun);
  }

  private fill(
    buf: Uint8Array,
    bodyStart: number,
    bodyEnd: number,
    start: number,
    next: number,
    stream: number,
  ): void {
    const { record } = this.pen;
    record.clear();
    record.buf = buf;
    record.bodyStart = bodyStart;
    record.bodyEnd = bodyEnd;
    record.sourceHigh = this.file.uidHigh;
    record.sourceLow = this.file.uidLow;
    record.position = this.base + start;
    record.sourceBytes = next - start;
    this.fields[stream] ??= fieldsOf(this.path, stream);
    record.attributes.fields(this.fields[stream]);
  }

  private stamp(seconds: number, nanos: number): void {
    this.pen.record.seconds = seconds;
    this.pen.record.nanos = nanos;
  }

  private send(piece: number, part: Uint8Array | undefined): boolean {
    const { record } = this.pen;
    const { format } = this.source.parser;
    if (format !== undefined) {
      // A time of the line's own is better than that of its wrapping.
      const { seconds, nanos } = record;
      record.seconds = 0;
      applyFormat(record, format, this.source.parseError);
      if (record.seconds === 0) this.stamp(seconds, nanos);
    }
    return this.push(piece, part);
  }

  /** `part` is the id of the record that began the line that this is a piece of. */
  private push(piece: number, part: Uint8Array | undefined): boolean {
    const { record, out } = this.pen;
    const { claims } = this.source;
    if (claims !== undefined) record.origin = claims.originOf(record, this.origin);
    if (piece === Piece.Cut) record.attributes.bool(TRUNCATED, true);
    else if (piece !== Piece.Whole) {
      record.attributes.bool(PARTIAL, goesOn(piece));
      if (part !== undefined) record.attributes.text(PARTIAL_UID, part);
    }
    return out.push(record);
  }
}

/** `log.record.uid` of a record. */
function uidOf({ uidHigh, uidLow }: { uidHigh: number; uidLow: number }, position: number): Uint8Array {
  const digits = (word: number) => (word >>> 0).toString(16).padStart(8, '0');
  return utf8(digits(uidHigh) + digits(uidLow) + digits(position / 2 ** 32) + digits(position));
}
