// An ExportLogsServiceRequest in two halves, by records, for a receiver that finds it too large. Pure; throws a plain
// Error for what is no request. Resources, scopes and fields that are unknown here go to both.

import { ProtoWriter, Wire } from '../../agent/core/protobuf.ts';
import { ProtoReader } from '../../agent/core/protobuf-reader.ts';

/** The first `count` records, and the rest. */
export function splitRequest(request: Uint8Array, count: number): [Uint8Array, Uint8Array] {
  return [cutRequest(request, 0, count), cutRequest(request, count, Number.POSITIVE_INFINITY)];
}

/** The request with records `from..to` only. */
function cutRequest(request: Uint8Array, from: number, to: number): Uint8Array {
  let seen = 0;
  /** Field 2 of ScopeLogs is a record. */
  const scopeLogs = (bytes: Uint8Array): Uint8Array | undefined => {
    const before = seen;
    const kept = copy(bytes, (field, value) => {
      if (field !== 2) return value;
      const at = seen++;
      return at >= from && at < to ? value : undefined;
    });
    return Math.min(seen, to) > Math.max(before, from) ? kept : undefined;
  };
  const resourceLogs = (bytes: Uint8Array): Uint8Array | undefined => {
    let any = false;
    const kept = copy(bytes, (field, value) => {
      if (field !== 2) return value;
      const scope = scopeLogs(value);
      any ||= scope !== undefined;
      return scope;
    });
    return any ? kept : undefined;
  };
  return copy(request, (field, value) => (field === 1 ? resourceLogs(value) : value));
}

/** The message with each length-delimited field as `keep` has it; other fields are not in these messages' schema. */
function copy(
  message: Uint8Array,
  keep: (field: number, value: Uint8Array) => Uint8Array | undefined,
): Uint8Array {
  const reader = new ProtoReader(message);
  const w = new ProtoWriter(message.length + 16);
  while (reader.next()) {
    if (reader.wire !== Wire.Bytes) {
      reader.skip();
      continue;
    }
    const { field } = reader;
    const value = keep(field, reader.bytes());
    if (value === undefined) continue;
    w.tag(field, Wire.Bytes);
    w.bytes(value);
  }
  return w.copy();
}
