// What the console and `eudaemon status` read: the JSON of /api. Times are Unix ms; a figure nobody may see is absent.

import type { Certificate } from '../agent/core/certificate.ts';
import type { DaemonState, Exit } from '../agent/core/daemon.ts';
import type { Held } from '../agent/core/endpoints.ts';

/** `GET /api/agent` */
export interface AgentView {
  readonly version: string;
  readonly host: string;
  readonly pid: number;
  readonly now: number;
  readonly startedAt: number;
  /** Resident memory of the agent, in bytes. */
  readonly memory: number;
  /** Reasons for not being ready; none when data flows. */
  readonly faults: readonly string[];
  readonly config: {
    /** Absent when the embedded default runs. */
    readonly file?: string;
    readonly loadedAt: number;
    /** What kept the last reload from taking effect. */
    readonly problems: readonly string[];
  };
  readonly collectors: readonly { readonly name: string; readonly up: boolean }[];
  readonly exporters: readonly ExporterView[];
  readonly ledger: LedgerView;
}

/** Records; `up` is absent before the first attempt. */
export interface ExporterView {
  readonly name: string;
  readonly up?: boolean;
  readonly delivered: number;
  readonly dropped: number;
  readonly spooled: number;
  readonly failures: number;
}

/** Records; for every exporter received = delivered + dropped (its own and these) + spooled. */
export interface LedgerView {
  readonly received: number;
  /** Given up before the spool. */
  readonly dropped: number;
  /** What of `dropped` processors did as they were told. */
  readonly processed: number;
  /** Estimate of what was lost before the agent saw it. */
  readonly lost: number;
  readonly spoolBytes: number;
}

/** `GET /api/daemons` */
export interface DaemonsView {
  readonly now: number;
  readonly daemons: readonly DaemonView[];
}

export interface DaemonView {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: DaemonState;
  readonly stateSince: number;
  /** While it is hung, why. */
  readonly hangs?: string;
  readonly up: boolean;
  readonly instances: readonly { readonly pid: number; readonly startedAt: number }[];
  /** Cores in use over the last sampling interval: 0.5 is half a core. */
  readonly cpu?: number;
  /** Resident bytes. */
  readonly memory?: number;
  readonly threads?: number;
  readonly openFds?: number;
  /** Of the worst process, against its soft limit: 0 to 1. */
  readonly fdUsage?: number;
  readonly restarts: number;
  readonly lastExit?: Exit & { readonly at: number };
  /** In one sentence; of an earlier life of the agent as well. */
  readonly lastDeath?: { readonly at: number; readonly text: string };
  /** Seconds until it has used up `fds`, `memory` or `disk`, where there is a trend. */
  readonly exhaustion: Readonly<Record<string, number>>;
  /** In a crash loop, when the next start is to be expected. */
  readonly nextStartAt?: number;
  /** Somebody has said so; without `until` until it has come up again. */
  readonly expectedDown?: { readonly since: number; readonly until?: number; readonly reason?: string };
  /** What whoever manages it says while it does not run. */
  readonly manager?: string;
  readonly checks: readonly CheckView[];
  readonly expectations: readonly ExpectationView[];
  readonly lastLogAt?: number;
  /** How its first main process runs, in words by what it is about: `user`, `capabilities`, `seccomp`, … */
  readonly posture?: Readonly<Record<string, string>>;
}

export interface CheckView {
  readonly name: string;
  /** Absent before the first verdict. */
  readonly healthy?: boolean;
  readonly message: string;
  /** When it came to this verdict. */
  readonly since: number;
}

export interface ExpectationView {
  readonly name: string;
  /** As configured: `< 80%`. */
  readonly condition: string;
  readonly met?: boolean;
}

/**
 * `GET /api/certificates?daemon=NAME`: its deaths, newest first. Without a name: of all, the newest of each daemon,
 * without samples and log records.
 */
export interface CertificatesView {
  readonly now: number;
  readonly certificates: readonly (Certificate & { readonly text: string })[];
}

/** `GET /api/samples`: of each daemon as many figures as there are times, oldest first; null where there is none. */
export interface SamplesView {
  readonly at: readonly number[];
  readonly daemons: Readonly<
    Record<string, Readonly<Record<'cpu' | 'memory' | 'fds', readonly (number | null)[]>>>
  >;
}

/** `GET /api/endpoints?daemon=NAME`: by what others reach it, and the logs it writes. */
export type EndpointsView = Held;

/** `GET /api/logs?daemon=NAME&limit=N`: the newest lines of a daemon, oldest first; 404 without a local store. */
export interface LogsView {
  readonly lines: readonly {
    readonly at: number;
    /** Syslog keyword: `emerg` to `debug`, or `none`. */
    readonly severity: string;
    readonly body: string;
  }[];
}
