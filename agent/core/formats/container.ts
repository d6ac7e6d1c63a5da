// What container runtimes wrap around each line a program writes: the CRI log format and Docker's json-file. Pure.

import { writeKey } from '../key-value.ts';
import { ProtoWriter } from '../protobuf.ts';
import { utf8 } from '../record.ts';
import { Stamp } from './stamp.ts';
import { JsonValues } from './value.ts';

/** A line without its wrapping. One instance is reused. */
export class Unwrapped {
  seconds = 0;
  nanos = 0;
  /** 0 unknown, 1 stdout, 2 stderr. */
  stream = 0;
  /** The line goes on in the next of its stream. */
  partial = false;
  /** The program's text: bytes `start..end` of `buf`, until the next line. */
  buf: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  /** What else the wrapping says, as `Attributes.fields()` takes it. */
  readonly fields = new ProtoWriter(64);
}

/** Reads bytes `start..end`; false when they are not wrapped so. */
export type Unwrap = (buf: Uint8Array, start: number, end: number, out: Unwrapped) => boolean;

const STDOUT = utf8('stdout');
const STDERR = utf8('stderr');

function streamOf(buf: Uint8Array, start: number, end: number): number {
  if (end - start !== STDOUT.length) return 0;
  let out = true;
  let err = true;
  for (let i = 0; i < STDOUT.length; i++) {
    const byte = buf[start + i];
    out &&= byte === STDOUT[i];
    err &&= byte === STDERR[i];
  }
  return out ? 1 : err ? 2 : 0;
}

/** `<RFC 3339 time> <stdout|stderr> <P|F>[:more tags] <text>` (kubernetes: pkg/kubelet/kuberuntime/logs). */
export function createCri(): Unwrap {
  const stamp = new Stamp();
  return (buf, start, end, out) => {
    if (!stamp.iso(buf, start, end) || buf[stamp.end] !== 0x20) return false;
    const name = stamp.end + 1;
    out.stream = streamOf(buf, name, name + STDOUT.length);
    const tag = name + STDOUT.length + 1;
    if (out.stream === 0 || tag >= end || buf[tag - 1] !== 0x20) return false;
    if (buf[tag] !== 0x50 && buf[tag] !== 0x46) return false;
    let text = tag + 1;
    while (text < end && buf[text] !== 0x20) text++;
    if (text > tag + 1 && buf[tag + 1] !== 0x3a) return false;
    out.seconds = stamp.seconds;
    out.nanos = stamp.nanos;
    out.fields.reset();
    out.partial = buf[tag] === 0x50;
    out.buf = buf;
    out.start = Math.min(text + 1, end);
    out.end = end;
    return true;
  };
}

const LOG = utf8('log');
const STREAM = utf8('stream');
const TIME = utf8('time');

/** `{"log":"text\n","stream":"stdout","time":"…","attrs":{…}}`; a text without its newline goes on. */
export function createDocker(): Unwrap {
  const scan = new JsonValues();
  const stamp = new Stamp();
  const is = (key: Uint8Array) => {
    if (scan.to - scan.from !== key.length) return false;
    return key.every((byte, i) => scan.text[scan.from + i] === byte);
  };
  return (buf, start, end, out) => {
    scan.reset(buf, end);
    if (scan.peek(start) !== 0x7b) return false;
    out.stream = 0;
    out.seconds = 0;
    out.nanos = 0;
    out.fields.reset();
    let text = false;
    for (let at = start; ; ) {
      at = scan.key(scan.space(at + 1));
      if (at < 0) return false;
      const member = is(LOG) ? LOG : is(STREAM) ? STREAM : is(TIME) ? TIME : undefined;
      if (member === undefined) at = keep(scan, at, out.fields);
      else at = scan.peek(at) === 0x22 ? scan.string(at) : -1;
      if (at < 0) return false;
      if (member === LOG) {
        text = true;
        out.buf = scan.text;
        out.start = scan.from;
        out.end = scan.to;
      } else if (member === STREAM) out.stream = streamOf(scan.text, scan.from, scan.to);
      else if (member === TIME) {
        if (!stamp.iso(scan.text, scan.from, scan.to) || stamp.end !== scan.to) return false;
        out.seconds = stamp.seconds;
        out.nanos = stamp.nanos;
      }
      at = scan.space(at);
      if (scan.peek(at) === 0x7d) break;
      if (scan.peek(at) !== 0x2c) return false;
    }
    out.partial = out.end === out.start || out.buf[out.end - 1] !== 0x0a;
    if (!out.partial) out.end--;
    return text;
  };
}

/** The member at `at` whose key was read last, as an attribute; the place behind its value, -1 when it is broken. */
function keep(scan: JsonValues, at: number, fields: ProtoWriter): number {
  // A key with escapes stands where the value's text will.
  const key = scan.text.slice(scan.from, scan.to);
  const start = scan.any.pos;
  const behind = scan.encode(at);
  if (behind < 0) return -1;
  writeKey(fields, 6, key, 0, key.length, scan.any.pos - start);
  fields.raw(scan.any.buf, start, scan.any.pos);
  return behind;
}

/** Either of them, line by line. */
export function createContainer(): Unwrap {
  const cri = createCri();
  const docker = createDocker();
  return (buf, start, end, out) => (buf[start] === 0x7b ? docker : cri)(buf, start, end, out);
}
