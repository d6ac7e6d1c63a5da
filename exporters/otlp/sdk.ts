// The door to the OpenTelemetry SDK, loaded only when OTLP metrics are on: the agent's own runtime figures, under its
// own service, detected by the SDK and sent by our sender. A receiver that is away never disturbs the agent.

import { statSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import v8 from 'node:v8';
import { metrics as api, type Meter } from '@opentelemetry/api';
import { ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import {
  envDetector,
  hostDetector,
  osDetector,
  processDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { PeriodicExportingMetricReader, type PushMetricExporter } from '@opentelemetry/sdk-metrics';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { metricResource } from './metrics.ts';
import type { Sender } from './send.ts';

/** Longest wait for the last figures to leave. */
const CLOSE_MS = 2000;
const EXPORT_MS = 10_000;

export interface Telemetry {
  /** Sends the last figures, waiting two seconds at most; never throws. */
  close(): Promise<void>;
}

/** Begins to push every `everyMs`. `host` attributes win over what the detectors find. */
export function createTelemetry(
  sender: Sender,
  host: ReadonlyArray<readonly [string, string]>,
  everyMs: number,
): Telemetry {
  const abort = new AbortController();
  const exporter: PushMetricExporter = {
    export(figures, done) {
      const request = ProtobufMetricsSerializer.serializeRequest(figures) ?? new Uint8Array(0);
      sender.send(request, abort.signal).then(
        verdict => done({ code: verdict.outcome === 'accepted' ? 0 : 1 }),
        error => done({ code: 1, error }),
      );
    },
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: everyMs,
    exportTimeoutMillis: Math.min(everyMs, EXPORT_MS),
  });
  const detected = [processDetector, hostDetector, osDetector, envDetector];
  const { attributes: given } = envDetector.detect();
  const name = (given?.['service.name'] as string | undefined) ?? 'eudaemon';
  const own = resourceFromAttributes(Object.fromEntries([...host, ...metricResource(name, host)]));
  const sdk = new NodeSDK({
    resourceDetectors: [...detected, { detect: () => ({ attributes: own.attributes }) }],
    metricReaders: [reader],
    logRecordProcessors: [],
    spanProcessors: [],
    textMapPropagator: null,
  });
  // A reload may start the next telemetry before the last is closed; the newest one is the global one.
  api.disable();
  sdk.start();
  observe(api.getMeter('eudaemon'));

  return {
    async close() {
      const timer = setTimeout(() => abort.abort(), CLOSE_MS);
      await sdk.shutdown().catch(() => {});
      clearTimeout(timer);
    },
  };
}

/** Semantic conventions for processes, Node.js and V8, as far as reading them costs nothing between two exports. */
function observe(meter: Meter): void {
  meter
    .createObservableCounter('process.cpu.time', { unit: 's', description: 'CPU time of the agent.' })
    .addCallback(result => {
      const { user, system } = process.cpuUsage();
      result.observe(user / 1e6, { 'cpu.mode': 'user' });
      result.observe(system / 1e6, { 'cpu.mode': 'system' });
    });
  meter
    .createObservableUpDownCounter('process.memory.usage', {
      unit: 'By',
      description: 'Resident memory of the agent.',
    })
    .addCallback(result => result.observe(process.memoryUsage.rss()));
  meter
    .createObservableUpDownCounter('process.unix.file_descriptor.count', {
      unit: '{file_descriptor}',
      description: 'Open files of the agent.',
    })
    .addCallback(result => {
      // Before Linux 6.2 a directory of /proc has no size.
      const { size } = statSync('/proc/self/fd', { throwIfNoEntry: false }) ?? { size: 0 };
      if (size > 0) result.observe(size);
    });
  meter
    .createObservableGauge('process.uptime', { unit: 's', description: 'Time since the agent started.' })
    .addCallback(result => result.observe(process.uptime()));
  meter
    .createObservableUpDownCounter('v8js.memory.heap.used', {
      unit: 'By',
      description: 'Memory in use in the heap.',
    })
    .addCallback(result => {
      for (const space of v8.getHeapSpaceStatistics())
        result.observe(space.space_used_size, { 'v8js.heap.space.name': space.space_name });
    });
  let before = performance.eventLoopUtilization();
  meter
    .createObservableGauge('nodejs.eventloop.utilization', {
      unit: '1',
      description: 'Busy share of the main thread.',
    })
    .addCallback(result => {
      const now = performance.eventLoopUtilization();
      result.observe(performance.eventLoopUtilization(now, before).utilization);
      before = now;
    });
}
