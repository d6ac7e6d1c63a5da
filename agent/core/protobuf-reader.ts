// Protocol Buffers wire format, read by hand. Pure. Takes hostile input: it throws a plain Error or ends, and never
// loops or reads outside its range.

import { Wire } from './protobuf.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Reads one message: `next()`, look at `field` and `wire`, take the value with the method that fits or `skip()`. */
export class ProtoReader {
  field = 0;
  wire = 0;
  private readonly buf: Uint8Array;
  private readonly view: DataView;
  private readonly end: number;
  private pos: number;

  /** `view` of all of `buf`, where there is one already. */
  constructor(
    buf: Uint8Array,
    start = 0,
    end = buf.length,
    view = new DataView(buf.buffer, buf.byteOffset, buf.byteLength),
  ) {
    this.buf = buf;
    this.view = view;
    this.pos = start;
    this.end = end;
  }

  private fail(cause: string): never {
    throw new Error(`cannot decode protobuf at byte ${this.pos}: ${cause}`);
  }

  /** Whether nothing is left. */
  get done(): boolean {
    return this.pos >= this.end;
  }

  /** Moves to the next field; false at the end of the message. */
  next(): boolean {
    if (this.done) return false;
    const tag = this.varint();
    this.field = Math.floor(tag / 8);
    this.wire = tag % 8;
    if (this.field === 0 || this.field >= 2 ** 29) this.fail(`field number ${this.field}`);
    return true;
  }

  /** Whether the current field is this one; a field of another wire type is a stranger. */
  is(field: number, wire: number): boolean {
    return this.field === field && this.wire === wire;
  }

  /** A varint up to 2^53; larger is damage. */
  varint(): number {
    const value = this.uint64();
    return typeof value === 'number' ? value : this.fail('number too large');
  }

  /** uint64: a bigint only where a number would lose digits. */
  uint64(): number | bigint {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      if (this.pos >= this.end) this.fail('varint cut short');
      const byte = this.buf[this.pos++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : this.wide(i + 1);
      scale *= 0x80;
    }
    return this.fail('varint longer than ten bytes');
  }

  /** The varint of `length` bytes that ends here, exactly. */
  private wide(length: number): bigint {
    let value = 0n;
    for (let i = 1; i <= length; i++) value = (value << 7n) | BigInt(this.buf[this.pos - i]! & 0x7f);
    return BigInt.asUintN(64, value);
  }

  /** int64: a bigint only where a number would lose digits. */
  int64(): number | bigint {
    const value = this.uint64();
    if (typeof value === 'number') return value;
    const signed = BigInt.asIntN(64, value);
    return signed < 0n && signed >= -BigInt(Number.MAX_SAFE_INTEGER) ? Number(signed) : signed;
  }

  /** Where a value of `length` bytes starts; moves behind it. */
  private take(length: number): number {
    const start = this.pos;
    if (length > this.end - start) this.fail('value runs past the end');
    this.pos = start + length;
    return start;
  }

  fixed64(): bigint {
    return this.view.getBigUint64(this.take(8), true);
  }

  fixed32(): number {
    return this.view.getUint32(this.take(4), true);
  }

  double(): number {
    return this.view.getFloat64(this.take(8), true);
  }

  /** A view of a length-delimited value; lives as long as the input. */
  bytes(): Uint8Array {
    const length = this.varint();
    const start = this.take(length);
    return this.buf.subarray(start, start + length);
  }

  string(): string {
    return decoder.decode(this.bytes());
  }

  /** A second reader of what is left of this message. */
  again(): ProtoReader {
    return new ProtoReader(this.buf, this.pos, this.end, this.view);
  }

  /** A reader of a nested message. */
  message(): ProtoReader {
    const length = this.varint();
    const start = this.take(length);
    return new ProtoReader(this.buf, start, start + length, this.view);
  }

  /** Passes over the current value. */
  skip(): void {
    switch (this.wire) {
      case Wire.Varint:
        this.uint64();
        return;
      case Wire.Fixed64:
        this.take(8);
        return;
      case Wire.Bytes:
        this.take(this.varint());
        return;
      case Wire.Fixed32:
        this.take(4);
        return;
      default:
        this.fail(`wire type ${this.wire}`);
    }
  }
}
