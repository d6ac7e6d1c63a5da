// The contract of a collector: what it is given, and the two shapes it may have.

import type { EventValue } from './attribute.ts';
import type { DaemonLookup, DaemonReports } from './daemon.ts';
import type { Log } from './log.ts';
import type { Meter, SampleSink } from './meter.ts';
import type { Schema } from './options.ts';
import type { Patterns } from './pattern.ts';
import type { LogRecord, Origin, Origins } from './record.ts';

/** Everything a collector may touch; handed in, nothing else is imported. */
export interface Room {
  readonly name: string;
  /** Where the host's `/` is found: `/` or `/host`. Nothing opens /proc, /sys or /var/log but through it. */
  readonly root: string;
  /** Private directory below `agent.state_dir`, for checkpoints. */
  readonly stateDir: string;
  /** `agent.run_dir`: sockets, and the mapped syslog ring. */
  readonly runDir: string;
  readonly log: Log;
  readonly meter: Meter;
  /** Answers by the configuration of this moment; a reload changes the answers, not the object. */
  readonly daemons: DaemonLookup;
  readonly patterns: Patterns;
  /** Memory of a `Begun`, where somebody watches programs begin. */
  readonly begun?: SharedArrayBuffer;
  /** Unix ms. Time is an argument: collectors never call Date.now(). */
  readonly now: () => number;
}

/** A room of the main thread: it may also report what it saw, and tell events. */
export interface SamplerRoom extends Room {
  /** Monotonic ms: ages, rates and budgets are measured by it, for somebody may set the other clock. */
  readonly elapsed: () => number;
  readonly reports: DaemonReports;
  readonly events: EventSink;
}

/** An open file that outlives the stream: held by a socket unit or the store of systemd as well, or by us alone. */
export interface Held {
  readonly fd: number;
  readonly name: string;
  readonly by: 'unit' | 'store' | 'us';
}

/** A room of the data worker. */
export interface StreamRoom extends Room {
  readonly origins: Origins;
  readonly events: EventSink;
  /** What one stream leaves open for the next of its name. */
  readonly held: Held[];
  /** What else it leaves to that one: they know what it is. */
  readonly legacy: unknown[];
}

/** A figure-taking actor. Main thread; the scheduler never makes two calls at once, spreads them and times them. */
export interface Sampler {
  /** Label of the collector's own metrics, e.g. `processes`; the checks of `health` share theirs. */
  readonly name: string;
  readonly everyMs: number;
  /** Throws NoData for "nothing here". `signal` aborts when the agent stops. */
  sample(out: SampleSink, signal: AbortSignal): Promise<void> | void;
  close?(): Promise<void>;
}

/** A sampler that exists because a daemon is declared; one of the same `id` that runs already is left alone. */
export interface SamplerPlan {
  readonly id: string;
  create(): Sampler;
}

/** What a collector gives: its samplers, or, when they follow from the daemons, what tells which there are to be now. */
export type Samplers = Sampler[] | (() => SamplerPlan[]);

/** What a stream writes into. */
export interface RecordSink {
  /**
   * Copies the record. `false`: accepted, but full now: stop reading until `resume()`.
   */
  push(record: LogRecord): boolean;
  /** Records this stream has pushed so far; `committed()` counts in the same way. */
  readonly pushed: number;
  /** Records that were received and given up here, by reason; they count as received and dropped in the ledger. */
  drop(reason: string, count: number): void;
  /** Loss that happened before us, as well as it can be told: `eudaemon_records_lost_estimate_total`. */
  lost(reason: string, estimate: number): void;
  /** What was pushed, and those of its batch, may not wait any more: its source needs the room. */
  settle(): void;
}

/** A record-giving actor. Data worker. */
export interface Stream {
  /** What it does not read is kept where it reads: it has to stop long before anything would be given up to make room. */
  readonly waits?: boolean;
  /** Opens its sources; resolves when it listens. Sources that cannot be opened are `faults()`, not a throw. */
  open(out: RecordSink): Promise<void>;
  /** Reading may go on after a `push()` that returned false. */
  resume(): void;
  /** The first `written` pushed records are delivered or in the spool and outlive kill -9; the first `synced` outlive power loss. */
  committed(written: number, synced: number): void;
  /** The daemons of the room are others now: what was remembered of them is asked again. */
  redeclared?(): void;
  /** Once a second: what comes round here, together with what does elsewhere, so that the thread wakes once for all. */
  tick?(): void;
  /** Sources that do not flow, for `/readyz` and `eudaemon_collector_up`; empty when all is well. */
  faults(): readonly string[];
  /**
   * Stops reading, hands over what it holds, releases its sources. Called with the sink still open. `again`: another
   * takes its place at once.
   */
  close(again?: boolean): Promise<void>;
  /** Behind the last `committed()`, some time after `close()`: what it has kept for that is of no more use. */
  release?(): void;
}

/** An event of the agent's own: a record with an EventName. */
export interface AgentEvent {
  /** e.g. `eudaemon.daemon.exited`. */
  readonly name: string;
  readonly daemon: string | undefined;
  /** Whom it speaks for, where that is not the daemon or the agent; within the data worker. */
  readonly origin?: Origin;
  /** OpenTelemetry SeverityNumber. */
  readonly severity: number;
  readonly body: string;
  /** Those that are undefined are left out. */
  readonly attributes: Readonly<Record<string, EventValue | undefined>>;
  /** Unix ms. */
  readonly at: number;
}

export interface EventSink {
  emit(event: AgentEvent): void;
}

/** One line of the table in collectors/index.ts. `name` is the folder, the config key and the metric label. */
export type CollectorEntry<O = unknown> =
  | {
      readonly name: string;
      readonly thread: 'main';
      readonly options: Schema<O>;
      /** Runs when its key is absent from the file. */
      readonly byDefault: boolean;
      readonly load: () => Promise<{ create(options: O, room: SamplerRoom): Samplers }>;
    }
  | {
      readonly name: string;
      readonly thread: 'data';
      readonly options: Schema<O>;
      readonly byDefault: boolean;
      readonly load: () => Promise<{ create(options: O, room: StreamRoom): Stream }>;
    };
