// Logs to an OTLP receiver: a batch is one request, or several where the receiver finds that too large. What was taken
// of a batch is remembered, so that a failure in the middle repeats only the rest.

import type { Delivery, ExporterRoom, LogExporter, Refusal, SealedBatch } from '../../agent/core/exporter.ts';
import type { Sender } from './send.ts';
import { splitRequest } from './split.ts';

/** Batches under way at once: enough to hide a receiver's latency, few enough to keep the order within reach. */
const CONCURRENCY = 4;

interface Progress {
  /** Last first. */
  readonly left: SealedBatch[];
  readonly refused: Refusal[];
  rejected: number;
  reason: string | undefined;
}

/** `tell` hears of what the receiver rejected within a request it took, and of its warnings. */
export function createLogs(
  sender: Sender,
  target: string,
  room: Pick<ExporterRoom, 'log'>,
  tell: (rejected: number, message: string) => void,
): LogExporter {
  const begun = new WeakMap<SealedBatch, Progress>();
  /** Requests from this size on were too large: they are split before they are sent. */
  let tooLarge = Number.POSITIVE_INFINITY;

  /** Puts both halves in the place of the last part; false when it has none. */
  const halve = ({ left }: Progress): boolean => {
    const { bytes, records } = left.at(-1)!;
    if (records < 2) return false;
    const first = Math.ceil(records / 2);
    try {
      const [one, other] = splitRequest(bytes, first);
      left.splice(-1, 1, { bytes: other, records: records - first }, { bytes: one, records: first });
      return true;
    } catch {
      return false;
    }
  };

  const sendNext = async (progress: Progress, signal: AbortSignal) => {
    const part = progress.left.at(-1)!;
    if (part.bytes.length >= tooLarge && halve(progress)) return;
    const verdict = await sender.send(part.bytes, signal);
    if (verdict.outcome === 'refused' && verdict.tooLarge && halve(progress)) {
      tooLarge = Math.min(tooLarge, part.bytes.length);
      return;
    }
    progress.left.pop();
    if (verdict.outcome === 'refused') {
      room.log.warn(`cannot deliver logs to "${target}": refused for good: ${verdict.message}`);
      progress.refused.push({ ...part, reason: verdict.reason, message: verdict.message });
      progress.rejected += part.records;
      progress.reason ??= verdict.reason;
      return;
    }
    const rejected = Math.min(verdict.rejected, part.records);
    tell(rejected, verdict.message);
    progress.rejected += rejected;
    if (rejected > 0) progress.reason ??= 'partial_success';
  };

  return {
    concurrency: CONCURRENCY,
    async deliver(batch, signal): Promise<Delivery> {
      if (batch.records === 0) return { rejected: 0 };
      const progress = begun.get(batch) ?? { left: [batch], refused: [], rejected: 0, reason: undefined };
      begun.set(batch, progress);
      while (progress.left.length > 0) await sendNext(progress, signal);
      const { rejected, reason, refused } = progress;
      if (reason === undefined) return { rejected };
      return refused.length > 0 ? { rejected, reason, refused } : { rejected, reason };
    },
    close: () => sender.close(),
  };
}
