// The last log records of each declared daemon, as they were encoded, for its death certificate. A batch notes where
// its latest records begin; copying them at the seal costs a flood next to nothing.

import type { LastWord } from '../core/certificate.ts';
import { type DecodedRecord, decodeRecords } from '../core/decode.ts';
import { severityLabel } from '../core/record.ts';

/** Of a daemon; a power of two that is not smaller is what a batch notes. */
const RECORDS = 50;
export const NOTED = 64;
/** Of a daemon, encoded. A record that is larger than all of it is not kept. */
const MAX_BYTES = 64 * 1024;
/** Characters of a body in a certificate, and of all its bodies. */
const MAX_BODY = 2000;
const MAX_TEXT = 32 * 1024;

export interface LastWords {
  /** Keeps the records that begin at the latest `count` of `starts`, a ring of `NOTED`, in `buf`. */
  keep(daemon: string, buf: Uint8Array, starts: Int32Array, count: number): void;
  /** Oldest first. */
  of(daemon: string): LastWord[];
  /** Forgets all but these. */
  declare(daemons: ReadonlySet<string>): void;
}

interface Kept {
  readonly records: Uint8Array[];
  bytes: number;
}

export function createLastWords(): LastWords {
  const daemons = new Map<string, Kept>();

  return {
    keep(daemon, buf, starts, count) {
      let kept = daemons.get(daemon);
      if (!kept) {
        kept = { records: [], bytes: 0 };
        daemons.set(daemon, kept);
      }
      for (let i = Math.max(0, count - RECORDS); i < count; i++) {
        const start = starts[i % NOTED]!;
        const end = endOf(buf, start);
        if (end - start > MAX_BYTES) continue;
        kept.records.push(buf.slice(start, end));
        kept.bytes += end - start;
        while (kept.records.length > RECORDS || kept.bytes > MAX_BYTES)
          kept.bytes -= kept.records.shift()!.length;
      }
    },
    of(daemon) {
      const records = daemons.get(daemon)?.records ?? [];
      const words = records.flatMap(bytes => [...decodeRecords(bytes)].map(wordOf));
      words.sort((a, b) => a.at - b.at);
      let from = words.length;
      for (let room = MAX_TEXT; from > 0 && words[from - 1]!.body.length <= room; from--)
        room -= words[from - 1]!.body.length;
      return words.slice(from);
    },
    declare(names) {
      for (const name of daemons.keys()) if (!names.has(name)) daemons.delete(name);
    },
  };
}

/** Where the entry that begins with a tag of one byte and a length ends. */
function endOf(buf: Uint8Array, start: number): number {
  let at = start + 1;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = buf[at++]!;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return at + length;
  }
}

function wordOf({ observed, time, severity, body, attributes }: DecodedRecord): LastWord {
  const pid = attributes['process.pid'];
  const text = typeof body === 'string' ? body : JSON.stringify(body, plain);
  return {
    at: Number((observed || time) / 1_000_000n),
    severity: severityLabel(severity),
    body: text.length > MAX_BODY ? `${text.slice(0, MAX_BODY)} …` : text,
    ...(typeof pid === 'number' && { pid }),
  };
}

const plain = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);
