// Log records as lines of JSON to a file, a named pipe or standard output. A batch is delivered when the kernel has all
// of it, with `fsync` when the disk has; a batch that was cut short by a crash comes again.

import { decodeInOrder } from '../../agent/core/decode.ts';
import { causeOf, codeOf } from '../../agent/core/errors.ts';
import {
  type ExporterRoom,
  type LogExporter,
  RetryLater,
  type SealedBatch,
} from '../../agent/core/exporter.ts';
import { createEncoder } from '../../agent/core/line.ts';
import { createFile } from './file.ts';
import { type FileOptions, STDOUT } from './options.ts';
import { createStream, isStream } from './stream.ts';

/** Where lines go. Never two calls at once. */
export interface Output {
  /** Whole lines; rejects with the system's error. What it wrote before that is taken back, or is not written again. */
  write(lines: Lines, signal: AbortSignal): Promise<void>;
  /** Closes what is open; the next write opens it anew. */
  reopen(): Promise<void>;
}

/** Of one batch; `written` bytes are where they belong. */
export interface Lines {
  readonly bytes: Buffer;
  written: number;
}

interface Encoded extends Lines {
  /** Records that came out of this very file or from the agent's own output, and do not go round again. */
  readonly looped: number;
}

export async function logs(options: FileOptions, room: ExporterRoom): Promise<LogExporter> {
  const { path } = options;
  const encode = createEncoder(room.host);
  const begun = new WeakMap<SealedBatch, Encoded>();
  const output: Output = (await isStream(path)) ? createStream(path) : createFile(options);
  const name = path === STDOUT ? 'standard output' : `file "${path}"`;
  /** One thing at a time happens to the output: a batch, or a reopening between two. */
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work);
    turn = done.catch(() => {});
    return done;
  };

  const lines = (batch: SealedBatch): Encoded => {
    let looped = 0;
    let text = '';
    for (const record of decodeInOrder(batch.bytes)) {
      const { attributes } = record;
      if (
        attributes['log.file.path'] === path ||
        (path === STDOUT && attributes['process.pid'] === process.pid)
      )
        looped++;
      else text += encode(record);
    }
    return { bytes: Buffer.from(text), written: 0, looped };
  };

  return {
    concurrency: 1,
    async deliver(batch, signal) {
      let encoded = begun.get(batch);
      try {
        encoded ??= lines(batch);
      } catch (error) {
        const message = causeOf(error);
        room.log.error(`cannot write a batch of ${batch.records} records: ${message}`);
        const refused = [{ ...batch, reason: 'undecodable', message }];
        return { rejected: batch.records, reason: 'undecodable', refused };
      }
      begun.set(batch, encoded);
      try {
        const { bytes } = encoded;
        if (bytes.length > 0) await inTurn(() => output.write(encoded, signal));
      } catch (error) {
        throw new RetryLater(reasonOf(error), `cannot write ${name}: ${causeOf(error)}`, undefined, error);
      }
      if (encoded.looped === 0) return { rejected: 0 };
      room.log.warn(`a collector reads ${name}: what comes back is not written again; exclude it there`);
      return { rejected: encoded.looped, reason: 'loop' };
    },
    reopen: () => inTurn(() => output.reopen()),
    close: () => inTurn(() => output.reopen()),
  };
}

function reasonOf(error: unknown): string {
  switch (codeOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return 'disk_full';
    case 'EPIPE':
    case 'ENXIO':
      return 'no_reader';
    case 'EAGAIN':
      return 'timeout';
    default:
      return 'write_failed';
  }
}
