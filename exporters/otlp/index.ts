// OTLP: sealed batches of logs and all families of metrics, to one receiver each.

import {
  type ExporterRoom,
  type LogExporter,
  type MetricExporter,
  RetryLater,
} from '../../agent/core/exporter.ts';
import { createLogs } from './logs.ts';
import { encodeMetrics } from './metrics.ts';
import type { OtlpOptions } from './options.ts';
import { createSender, type Sender } from './send.ts';
import { resolve, type Settings, type Signal } from './settings.ts';

const open = (
  options: OtlpOptions,
  room: ExporterRoom,
  signal: Signal,
): { settings: Settings; sender: Sender } => {
  const settings = resolve(options, process.env, signal);
  for (const warning of settings.warnings) room.log.warn(warning);
  return { settings, sender: createSender(settings, room.now, room.log.warn) };
};

/** Undefined when logs are switched off. Throws SetupError for headers and certificates that cannot be read. */
export async function logs(options: OtlpOptions, room: ExporterRoom): Promise<LogExporter | undefined> {
  if (!options.logs) return undefined;
  const { settings, sender } = open(options, room, 'logs');
  return createLogs(sender, settings.url.origin, room, (rejected, message) =>
    tell(room, 'log records', rejected, message),
  );
}

/** Undefined when metrics are switched off. Throws SetupError for headers and certificates that cannot be read. */
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
