// The contract of an exporter: logs arrive as sealed batches, metrics as families, alerts one by one.

import type { AlertExporter } from './alert.ts';
import type { Log } from './log.ts';
import type { Meter } from './meter.ts';
import type { Family } from './metric.ts';
import type { Schema } from './options.ts';

/** A run of records, encoded once: an OTLP ExportLogsServiceRequest. It is what the spool keeps and `/v1/logs` takes. */
export interface SealedBatch {
  /** Borrowed until `deliver()` settles. */
  readonly bytes: Uint8Array;
  readonly records: number;
  /** Whether their sources hold them until they hear that they are written. */
  readonly mayWait?: boolean;
}

/** What became of a batch that is finished with. The rest, `records - rejected`, was delivered. */
export interface Delivery {
  /** Records the receiver refused for good: counted as dropped with `reason`, never sent again. */
  readonly rejected: number;
  readonly reason?: string;
  /** Those of the rejected records that are known: whole requests, for the dead-letter file. */
  readonly refused?: readonly Refusal[];
}

/** A request the receiver refused as a whole, in its own words. */
export interface Refusal extends SealedBatch {
  readonly reason: string;
  readonly message: string;
}

/** "Not now": keep the batch and come again. Thrown by `deliver()`; the pipeline owns the back-off. */
export class RetryLater extends Error {
  override name = 'RetryLater';
  /** Label of `eudaemon_exporter_failures_total`: `refused`, `timeout`, `http_503`, `disk_full`, … */
  readonly reason: string;
  /** The receiver's own wish (Retry-After), in ms. */
  readonly afterMs: number | undefined;
  constructor(reason: string, message: string, afterMs?: number, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
    this.afterMs = afterMs;
  }
}

/** Takes sealed batches, in order; may hold up to `concurrency` at once. Data worker. */
export interface LogExporter {
  readonly concurrency: number;
  /** One attempt with its own deadline. Throws RetryLater; any other error is a bug. */
  deliver(batch: SealedBatch, signal: AbortSignal): Promise<Delivery>;
  /** Closes output files, so that the next batch goes to what stands at their paths then. */
  reopen?(): Promise<void>;
  /** Once a second. */
  tick?(): void;
  close(): Promise<void>;
}

/** Pushes all families every `everyMs`. Main thread. */
export interface MetricExporter {
  readonly everyMs: number;
  /** One attempt; cumulative figures make a lost one harmless. Throws RetryLater. */
  push(families: Iterable<Family>, now: number, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface ExporterRoom {
  readonly name: string;
  readonly stateDir: string;
  readonly log: Log;
  readonly meter: Meter;
  /** Attributes of the resource that is this host: `host.name`, `host.id`, `os.type`, … */
  readonly host: ReadonlyArray<readonly [string, string]>;
  readonly now: () => number;
}

/** The rest of a configuration, as far as an exporter may have to do with it. */
export interface Beside {
  readonly collectors: Readonly<Record<string, unknown>>;
  readonly runDir: string;
}

/** One line of the table in exporters/index.ts. Prometheus, which is asked rather than told, is wired in assemble.ts. */
export interface ExporterEntry<O = unknown> {
  readonly name: string;
  readonly options: Schema<O>;
  /** What is wrong with the options beside those of the collectors; undefined when nothing is. */
  readonly conflict?: (options: O, beside: Beside) => string | undefined;
  readonly logs?: (options: O, room: ExporterRoom) => Promise<LogExporter | undefined>;
  readonly metrics?: (options: O, room: ExporterRoom) => Promise<MetricExporter | undefined>;
  readonly alerts?: (options: O, room: ExporterRoom) => Promise<AlertExporter | undefined>;
}
