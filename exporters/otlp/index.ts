// OTLP: sealed batches of logs and all families of metrics, to one receiver each.

import {
  type ExporterRoom,
  type LogExporter,
  type MetricExporter,
  RetryLater,
} from '../../agent/core/exporter.ts';
import { encodeMetrics } from './metrics.ts';
import type { OtlpOptions } from './options.ts';
import { createSender, type Sender } from './send.ts';
import { resolve, type Settings, type Signal } from './settings.ts';

/** Batches under way at once: enough to hide a receiver's latency, few enough to keep the order within reach. */
const CONCURRENCY = 4;

const open = (
  options: OtlpOptions,
  room: ExporterRoom,
  signal: Signal,
): { settings: Settings; sender: Sender } => {
  const settings = resolve(options, process.env, signal);
  for (const warning of settings.warnings) room.log.warn(warning);
  return { settings, sender: createSender(settings, room.now) };
};

/** Undefined when logs are switched off. Throws SetupError for certificates that cannot be read. */
export async function logs(options: OtlpOptions, room: ExporterRoom): Promise<LogExporter | undefined> {
  if (!options.logs) return undefined;
  const { settings, sender } = open(options, room, 'logs');
  return {
    concurrency: CONCURRENCY,
    async deliver(batch, signal) {
      if (batch.records === 0) return { rejected: 0 };
      const verdict = await sender.send(batch.bytes, signal);
      if (verdict.outcome === 'refused') {
        room.log.warn(
          `cannot deliver logs to "${settings.url.origin}": refused for good: ${verdict.message}`,
        );
        return { rejected: batch.records, reason: verdict.reason };
      }
      const rejected = Math.min(verdict.rejected, batch.records);
      tell(room, 'log records', rejected, verdict.message);
      return rejected > 0 ? { rejected, reason: 'partial_success' } : { rejected: 0 };
    },
    close: () => sender.close(),
  };
}

/** Undefined when metrics are switched off. Throws SetupError for certificates that cannot be read. */
export async function metrics(options: OtlpOptions, room: ExporterRoom): Promise<MetricExporter | undefined> {
  if (!options.metrics) return undefined;
  const { sender } = open(options, room, 'metrics');
  const { createTelemetry } = await import('./sdk.ts');
  const telemetry = createTelemetry(sender, room.host, options.interval);
  return {
    everyMs: options.interval,
    async push(families, now, signal) {
      for (const request of encodeMetrics(families, room.host, now)) {
        const verdict = await sender.send(request, signal);
        if (verdict.outcome === 'refused') throw new RetryLater(verdict.reason, verdict.message);
        tell(room, 'metric points', verdict.rejected, verdict.message);
      }
    },
    async close() {
      await telemetry.close();
      await sender.close();
    },
  };
}

/** A message without rejections is a receiver's warning. */
function tell(room: ExporterRoom, items: string, rejected: number, message: string): void {
  if (rejected > 0)
    room.log.warn(`receiver rejected ${items}: ${message || 'no reason given'}`, { rejected });
  else if (message !== '') room.log.warn(`receiver warns: ${message}`);
}
