// Redaction inside of encoded values: lists and maps (structured data, nested JSON), however deep, names and all.

import { ProtoWriter, Wire } from '../../core/protobuf.ts';
import { ProtoReader } from '../../core/protobuf-reader.ts';
import { writeWide } from '../../core/wide.ts';
import { textOf } from './text.ts';

interface Rules {
  /** The text without secrets; undefined when it has none. */
  redact(text: string): string | undefined;
  /** Whether the whole value under this name goes. */
  isSecret(name: string): boolean;
  readonly replacement: string;
}

/** Writes an AnyValue message (opentelemetry/proto/common/v1) anew; undefined when nothing in it is secret. */
export function createValueRedactor({ redact, isSecret, replacement }: Rules) {
  const w = new ProtoWriter(1024);
  let changed = false;

  const clean = (text: string): string => {
    const found = redact(text);
    if (found !== undefined) changed = true;
    return found ?? text;
  };
  const text = (value: string) => {
    w.tag(1, Wire.Bytes);
    w.string(value);
  };
  /** A number without secrets in its digits stays one. */
  const number = (digits: string, write: () => void) => {
    const found = redact(digits);
    if (found === undefined) return write();
    changed = true;
    text(found);
  };

  const value = (reader: ProtoReader): void => {
    while (reader.next()) {
      if (reader.is(1, Wire.Bytes)) text(clean(reader.string()));
      else if (reader.is(2, Wire.Varint)) {
        w.tag(2, Wire.Varint);
        w.varint(reader.varint());
      } else if (reader.is(3, Wire.Varint)) {
        const whole = reader.int64();
        number(String(whole), () => {
          w.tag(3, Wire.Varint);
          if (typeof whole === 'bigint') writeWide(w, whole);
          else w.int64(whole);
        });
      } else if (reader.is(4, Wire.Fixed64)) {
        const double = reader.double();
        number(String(double), () => {
          w.tag(4, Wire.Fixed64);
          w.double(double);
        });
      } else if (reader.is(5, Wire.Bytes)) list(reader.message());
      else if (reader.is(6, Wire.Bytes)) map(reader.message());
      else if (reader.is(7, Wire.Bytes)) {
        const bytes = reader.bytes();
        const found = redact(textOf(bytes, 0, bytes.length));
        if (found === undefined) {
          w.tag(7, Wire.Bytes);
          w.bytes(bytes);
        } else {
          changed = true;
          text(found);
        }
      } else reader.skip();
    }
  };

  const list = (reader: ProtoReader) => {
    w.tag(5, Wire.Bytes);
    const all = w.begin();
    while (reader.next()) {
      if (!reader.is(1, Wire.Bytes)) {
        reader.skip();
        continue;
      }
      w.tag(1, Wire.Bytes);
      const item = w.begin();
      value(reader.message());
      w.end(item);
    }
    w.end(all);
  };

  const map = (reader: ProtoReader) => {
    w.tag(6, Wire.Bytes);
    const all = w.begin();
    while (reader.next()) {
      if (reader.is(1, Wire.Bytes)) member(reader.message());
      else reader.skip();
    }
    w.end(all);
  };

  const member = (reader: ProtoReader) => {
    let secret = false;
    w.tag(1, Wire.Bytes);
    const entry = w.begin();
    while (reader.next()) {
      if (reader.is(1, Wire.Bytes)) {
        const name = reader.string();
        secret = isSecret(name);
        text(clean(name));
      } else if (reader.is(2, Wire.Bytes)) {
        w.tag(2, Wire.Bytes);
        const any = w.begin();
        if (secret) {
          reader.message();
          text(replacement);
          changed = true;
        } else value(reader.message());
        w.end(any);
      } else reader.skip();
    }
    w.end(entry);
  };

  return (bytes: Uint8Array, start: number, end: number): Uint8Array | undefined => {
    w.reset();
    changed = false;
    value(new ProtoReader(bytes, start, end));
    return changed ? w.copy() : undefined;
  };
}
