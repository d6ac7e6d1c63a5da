// A record of /dev/kmsg (Documentation/ABI/testing/dev-kmsg). Pure.
// `priority,sequence,microseconds,flags[,more];message`, then a line ` KEY=value` for each of its properties. Bytes that
// do not print stand as \xNN.

import { hexDigit } from '../../agent/core/record.ts';

const NEWLINE = 10;
const SPACE = 0x20;
const BACKSLASH = 0x5c;
const SEMICOLON = 0x3b;
const COMMA = 0x2c;
const EQUALS = 0x3d;
const CALLER = 'caller=';

/** Where the record that begins at `start` ends, behind its last line; -1 when the bytes hold no whole line. */
export function frameRecord(buf: Uint8Array, start: number, size: number): number {
  for (let at = start; ; ) {
    const newline = buf.indexOf(NEWLINE, at);
    if (newline < 0 || newline >= size) return at === start ? -1 : at;
    at = newline + 1;
    if (at >= size || buf[at] !== SPACE) return at;
  }
}

/** One instance is reused; texts are valid until the next `parse()`. */
export class KernelRecord {
  facility = 0;
  severity = 0;
  sequence = 0;
  /** Since boot, as CLOCK_MONOTONIC has it. */
  micros = 0;
  /** A fragment of a line: others of it are records of their own. */
  isFragment = false;
  /** `T<tid>` or `C<cpu>`, where the kernel tells it. */
  caller = '';
  /** The message: bytes `start..end` of `text`, escapes undone. */
  text: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  /** Properties, e.g. `SUBSYSTEM` and `DEVICE`. */
  readonly properties: [key: string, value: string][] = [];
  private readonly decoder = new TextDecoder();

  /** Reads bytes `start..end`, the last newline included; false when they are no such record. */
  parse(buf: Uint8Array, start: number, end: number): boolean {
    const semicolon = buf.indexOf(SEMICOLON, start);
    if (semicolon < 0 || semicolon >= end || !this.prefix(buf, start, semicolon)) return false;
    if (this.text.length < end - start) this.text = new Uint8Array(2 * (end - start));
    this.start = 0;
    let at = this.line(buf, semicolon + 1, end);
    this.end = this.used;
    this.properties.length = 0;
    while (at < end) {
      const from = this.used;
      at = this.line(buf, at + 1, end);
      const equals = this.text.indexOf(EQUALS, from);
      if (equals <= from || equals >= this.used) continue;
      this.properties.push([
        this.decoder.decode(this.text.subarray(from, equals)),
        this.decoder.decode(this.text.subarray(equals + 1, this.used)),
      ]);
    }
    return true;
  }

  private used = 0;

  private prefix(buf: Uint8Array, start: number, end: number): boolean {
    this.used = 0;
    this.caller = '';
    this.isFragment = false;
    let field = 0;
    for (let at = start; at <= end; field++) {
      const comma = buf.indexOf(COMMA, at);
      const stop = comma < 0 || comma > end ? end : comma;
      if (field < 3) {
        const value = numberIn(buf, at, stop);
        if (value < 0) return false;
        if (field === 0) {
          this.facility = Math.floor(value / 8);
          this.severity = value % 8;
        } else if (field === 1) this.sequence = value;
        else this.micros = value;
      } else if (field === 3) this.isFragment = buf[at] === 0x63 || buf[at] === 0x2b;
      else {
        const more = this.decoder.decode(buf.subarray(at, stop));
        if (more.startsWith(CALLER)) this.caller = more.slice(CALLER.length);
      }
      at = stop + 1;
    }
    return field >= 4;
  }

  /** Takes a line over without its escapes; returns the place behind its newline. */
  private line(buf: Uint8Array, start: number, end: number): number {
    const { text } = this;
    let at = start;
    for (; at < end && buf[at] !== NEWLINE; at++) {
      const code =
        buf[at] === BACKSLASH && buf[at + 1] === 0x78 && at + 3 < end
          ? (hexDigit(buf[at + 2]!) << 4) | hexDigit(buf[at + 3]!)
          : -1;
      if (code >= 0) at += 3;
      text[this.used++] = code >= 0 ? code : buf[at]!;
    }
    return at + 1;
  }
}

function numberIn(buf: Uint8Array, start: number, end: number): number {
  let value = end > start && end - start <= 16 ? 0 : -1;
  for (let i = start; i < end && value >= 0; i++) {
    const digit = buf[i]! - 48;
    value = digit >= 0 && digit <= 9 ? value * 10 + digit : -1;
  }
  return value;
}
