// The last log records of each declared daemon, as they were encoded, for its death certificate. A batch notes where
// its latest records begin, and one copy is made of them at the seal: 3 % of what the flow costs (bench/last-words.ts).

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

/** Encoded records, one behind the other. */
export interface Noted {
  /** They end where it is written on. */
  readonly writer: { readonly buf: Uint8Array; readonly pos: number };
  /** Where the latest of them begin: number `n` at `n % NOTED`. */
  readonly starts: Int32Array;
  /** How many were noted. */
  readonly noted: number;
}

export interface LastWords {
  /** Copies the latest of these. */
  keep(daemon: string, records: Noted): void;
  /** Oldest first. */
  of(daemon: string): LastWord[];
  /** Forgets all but these. */
  declare(daemons: ReadonlySet<string>): void;
}

interface Piece {
  readonly bytes: Uint8Array;
  readonly records: number;
}

export function createLastWords(): LastWords {
  const daemons = new Map<string, Piece[]>();

  return {
    keep(daemon, { writer, starts, noted }) {
      let first = Math.max(0, noted - RECORDS);
      while (first < noted && writer.pos - starts[first % NOTED]! > MAX_BYTES) first++;
      if (first === noted) return;
      const bytes = writer.buf.slice(starts[first % NOTED]!, writer.pos);
      const pieces = [...(daemons.get(daemon) ?? []), { bytes, records: noted - first }];
      let records = 0;
      let size = 0;
      let from = pieces.length;
      while (from > 0 && records < RECORDS && size + pieces[from - 1]!.bytes.length <= MAX_BYTES) {
        from--;
        records += pieces[from]!.records;
        size += pieces[from]!.bytes.length;
      }
      daemons.set(daemon, pieces.slice(from));
    },
    of(daemon) {
      const words = (daemons.get(daemon) ?? [])
        .flatMap(({ bytes }) => [...decodeRecords(bytes)])
        .filter(({ eventName }) => eventName === '')
        .map(wordOf)
        .sort((a, b) => a.at - b.at)
        .slice(-RECORDS);
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
