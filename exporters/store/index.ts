// The local store: log records as lines of JSON in segment files, bounded by age and size. Needs no backend.

import { decodeInOrder } from '../../agent/core/decode.ts';
import { causeOf, codeOf } from '../../agent/core/errors.ts';
import { type ExporterRoom, type LogExporter, RetryLater } from '../../agent/core/exporter.ts';
import { createEncoder } from '../../agent/core/line.ts';
import type { Desc } from '../../agent/core/metric.ts';
import type { StoreOptions } from './options.ts';
import { openRing } from './ring.ts';

const SIZE: Desc = {
  name: 'eudaemon.store.size',
  type: 'gauge',
  unit: 'By',
  help: 'Bytes of the local store.',
};

/**
 * Writes below `room.stateDir`; rejects when that cannot be done. Batches delivered twice, as after a crash, are
 * stored twice.
 */
export async function logs(options: StoreOptions, room: ExporterRoom): Promise<LogExporter> {
  const encode = createEncoder(room.host);
  const size = room.meter.instrument(SIZE).with();
  const ring = await openRing(room.stateDir, { maxBytes: options.max_size, retentionMs: options.retention });
  size.set(ring.bytes);

  /** One thing at a time happens to the ring: an append, or a tick between two. */
  let turn = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work);
    turn = done.then(
      () => {},
      () => {},
    );
    return done;
  };

  return {
    concurrency: 1,
    async deliver({ bytes, records }) {
      let lines: Buffer;
      try {
        lines = Buffer.from(
          decodeInOrder(bytes)
            .map(record => encode(record))
            .join(''),
        );
      } catch (error) {
        room.log.error(`cannot store a batch of ${records} records: ${causeOf(error)}`);
        return { rejected: records, reason: 'undecodable' };
      }
      let left: number;
      try {
        left = await inTurn(() => ring.append(lines, room.now()));
      } catch (error) {
        const full = ['ENOSPC', 'EDQUOT'].includes(codeOf(error) ?? '');
        const cause = `cannot write store "${room.stateDir}": ${causeOf(error)}`;
        throw new RetryLater(full ? 'disk_full' : 'write_failed', cause, undefined, error);
      }
      size.set(ring.bytes);
      return left > 0 ? { rejected: left, reason: 'too_large' } : { rejected: 0 };
    },
    /** Stored records may be lost by a power failure for so long, and their age is kept so exactly. */
    tick() {
      inTurn(async () => {
        await ring.sync();
        await ring.expire(room.now());
        size.set(ring.bytes);
      }).catch(error => room.log.warn(`cannot keep store "${room.stateDir}": ${causeOf(error)}`));
    },
    close: () => inTurn(ring.close),
  };
}
