// Dead letters: records a receiver refused for good, kept with its reason, below a size, for a person to look at. They
// stand as in the store, so that the same eyes read them: `eudaemon logs --dead-letter`.

import { decodeLogs } from '../../agent/core/decode.ts';
import { causeOf } from '../../agent/core/errors.ts';
import type { Refusal } from '../../agent/core/exporter.ts';
import { createEncoder, isoTime } from '../../agent/core/line.ts';
import type { Log } from '../../agent/core/log.ts';
import type { Meter } from '../../agent/core/meter.ts';
import type { Desc } from '../../agent/core/metric.ts';
import { openRing, type Ring } from './ring.ts';

const RECORDS: Desc = {
  name: 'eudaemon.dead_letter.records',
  type: 'counter',
  unit: '{record}',
  help: 'Records an exporter was refused for good that were kept as dead letters.',
  labels: ['exporter'],
};

export interface Letters {
  /** Resolves when they are written, or when that failed and was said; never rejects. */
  keep(exporter: string, refused: readonly Refusal[]): Promise<void>;
  close(): Promise<void>;
}

/** Nothing is opened before the first refusal; `maxBytes` 0 keeps none. */
export function createLetters(room: {
  directory: string;
  maxBytes: number;
  host: ReadonlyArray<readonly [string, string]>;
  log: Log;
  meter: Meter;
  now: () => number;
}): Letters {
  const { directory, maxBytes, log, now } = room;
  const encode = createEncoder(room.host);
  const kept = room.meter.instrument(RECORDS);
  let opened: Promise<Ring> | undefined;
  let turn = Promise.resolve();

  const lines = (exporter: string, { bytes, records, reason, message }: Refusal): string[] => {
    const at = isoTime(BigInt(now()) * 1_000_000n);
    const letter = `,"dead_letter":${JSON.stringify({ exporter, reason, message, at })}}\n`;
    try {
      return Array.from(decodeLogs(bytes), record => encode(record).slice(0, -2) + letter);
    } catch {
      // Damage is what was refused: it is kept as it is.
      const body = bytes.toBase64();
      const line = { time: at, observed: at, service: '', body, attributes: { records, encoding: 'base64' } };
      return [JSON.stringify(line).slice(0, -1) + letter];
    }
  };

  const write = async (exporter: string, refusal: Refusal) => {
    const all = lines(exporter, refusal);
    opened ??= openRing(directory, { maxBytes, retentionMs: Number.POSITIVE_INFINITY });
    const ring = await opened.catch(error => {
      opened = undefined;
      throw error;
    });
    const left = await ring.append(Buffer.from(all.join('')), now());
    await ring.sync();
    if (left > 0)
      log.error(
        `cannot keep ${left} of ${all.length} dead letters in "${directory}": spool.dead_letter is too small`,
      );
    kept.with(exporter).add(left < all.length ? refusal.records - left : 0);
  };

  return {
    keep(exporter, refused) {
      turn = turn.then(async () => {
        if (maxBytes === 0) return;
        try {
          for (const refusal of refused) await write(exporter, refusal);
        } catch (error) {
          log.error(`cannot keep dead letters in "${directory}": ${causeOf(error)}; they are lost`);
        }
      });
      return turn;
    },
    close: () => turn.then(async () => (await opened)?.close()),
  };
}
