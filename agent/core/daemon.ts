// The one word both streets share: a daemon, how it is recognised, and whom to ask about it.

import type { Posture } from './posture.ts';

/** How processes are recognised; all given keys must hold. */
export interface MatchSpec {
  readonly systemd_unit?: string;
  readonly pidfile?: string;
  /** Absolute path of the executable, compared with the target of /proc/PID/exe. */
  readonly exe?: string;
  /** /proc/PID/comm: at most 15 bytes. */
  readonly comm?: string;
  /** Regular expression over the arguments joined by spaces. */
  readonly cmdline?: string;
  /** User name or numeric uid. */
  readonly user?: string;
  /** Cgroup path or a prefix of it ending at a `/`. */
  readonly cgroup?: string;
  /** A TCP port it listens on. */
  readonly port?: number;
  /** Container id or a prefix of at least 12 digits. */
  readonly container?: string;
}

/** The formats that have a name. */
export type FormatName =
  | 'none'
  | 'json'
  | 'logfmt'
  | 'csv'
  | 'cri'
  | 'docker'
  | 'container'
  | 'nginx'
  | 'apache'
  | 'syslog'
  | 'klog'
  | 'postgres'
  | 'mysql'
  | 'redis';

/** Which fields of a line are its time, severity and message, and how they are written. */
export interface Meanings {
  readonly time?: string;
  readonly severity?: string;
  readonly body?: string;
  /** What the severity holds, as the word of the severity it means. */
  readonly severities?: Readonly<Record<string, string>>;
  /** IANA name of the zone of times that have none; the agent's own when absent. */
  readonly timezone?: string;
}

export interface RegexFormat extends Meanings {
  readonly regex: string;
  readonly format?: undefined;
}

export interface NamedFormat extends Meanings {
  readonly format: FormatName;
  /** csv: names of the fields in their order; an empty one is passed over. */
  readonly columns?: readonly string[];
  /** csv: the first line of a file has the names. */
  readonly header?: boolean;
  /** csv: one byte. */
  readonly delimiter?: string;
  /** cri, docker, container: what the text within is. */
  readonly content?: LineFormat;
}

export type LineFormat = FormatName | NamedFormat | RegexFormat;

export type Multiline =
  | 'java'
  | 'python'
  | 'go'
  | 'ruby'
  | 'node'
  | 'dotnet'
  | 'php'
  | 'rust'
  | 'dart'
  | {
      /**
       * Patterns: of first lines, and one of last lines, of further lines, or of lines that go on in the next; one of the
       * two may be absent.
       */
      readonly start?: string;
      readonly end?: string;
      readonly continue?: string;
      readonly continue_past?: string;
    };

export interface LogSpec {
  /** Syslog tags that claim to be this daemon. */
  readonly identifiers: readonly string[];
  /** Globs of its log files. */
  readonly files: readonly string[];
  readonly parse: LineFormat;
  readonly multiline?: Multiline;
  /** Of its log files, by a name of the WHATWG Encoding Standard; UTF-8 when absent. */
  readonly encoding?: string;
  /** Whether compressed ones are read; `skip` when absent. */
  readonly compressed?: 'skip' | 'read';
  /** Nobody has named these files, they were found: one that cannot be read leaves nobody without what they asked for. */
  readonly presumed?: boolean;
  /** Silence longer than this, in ms, is an unmet expectation; `learn` takes it from the daemon's own rhythm. */
  readonly expect_every?: number | 'learn';
}

/** A health check; exactly one of the probe keys is set. Times in ms. */
export interface CheckSpec {
  readonly name: string;
  readonly http?: string;
  readonly tcp?: string;
  readonly unix?: string;
  readonly exec?: readonly string[];
  readonly grpc?: string;
  readonly every: number;
  readonly timeout: number;
  /** Consecutive failures until unhealthy, successes until healthy again. */
  readonly failures: number;
  readonly successes: number;
  /** http: method, accepted statuses (`2xx` when empty), extra headers, regex over the body. */
  readonly method?: string;
  readonly status?: readonly number[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly expect?: string;
  /** tcp and unix: bytes sent after connecting. */
  readonly send?: string;
  /** exec: user to run as. grpc: service name. */
  readonly as?: string;
  readonly service?: string;
  /** Skip verification of the server's certificate. */
  readonly tls_insecure?: boolean;
  /** A recipe's guess of where the daemon listens: it has no verdict before it has held once. */
  readonly presumed?: boolean;
}

/** Conditions such as `>= 1`, `< 80%`, `< 2GiB`, `< 3 in 10m`. */
export interface ExpectSpec {
  readonly instances?: string;
  readonly fd_usage?: string;
  readonly memory?: string;
  readonly restarts?: string;
  /** Of its main processes: `!= root`, `== www-data` or `www-data`. */
  readonly user?: string;
  /** No more than these. */
  readonly capabilities?: 'none' | readonly string[];
  readonly seccomp?: 'on' | 'off';
  readonly no_new_privs?: 'on' | 'off';
  /** By AppArmor or SELinux. */
  readonly confinement?: 'on' | 'off';
  /** A controlling one. */
  readonly terminal?: 'on' | 'off';
}

export interface DaemonSpec {
  readonly name: string;
  readonly match: MatchSpec;
  readonly logs: LogSpec;
  readonly health: readonly CheckSpec[];
  readonly expect: ExpectSpec;
  readonly labels: Readonly<Record<string, string>>;
}

/** A process is its pid and the tick it started at; the pid alone is nobody. */
export interface ProcessFacts {
  readonly pid: number;
  readonly ppid: number;
  /** Field 22 of /proc/PID/stat: clock ticks after boot. */
  readonly startTicks: number;
  readonly comm: string;
  /** Device number of its controlling terminal; 0 for none. Pid of the leader of its session. Where its stack begins. */
  readonly terminal?: number;
  readonly session?: number;
  readonly stack?: number;
  /** Arguments joined by blanks, where something other than /proc tells them. */
  readonly cmdline?: string;
  /** What was read when its program began; it may be gone by now. */
  readonly began?: {
    readonly exe: string | undefined;
    readonly uid: number | undefined;
    /** Text of /proc/PID/cgroup. */
    readonly cgroup: string | undefined;
  };
}

/** Who is it? Asked by every collector; never remembers a pid without its start time. */
export interface DaemonLookup {
  readonly declared: readonly DaemonSpec[];
  /**
   * The daemon a process belongs to: claimed itself, or through the nearest claimed ancestor. Who has a terminal, or by a
   * login a session, of their own is not of the daemon that let them in.
   */
  ofProcess(process: ProcessFacts): string | undefined;
  /**
   * The same object while `ofProcess` has nothing else to say of a process that has not run since; absent when that is not
   * known.
   */
  readonly answers?: object | undefined;
  /** The daemon of a living (or lately seen) pid in our pid namespace. */
  ofPid(pid: number): string | undefined;
  /** The daemon that declares a syslog tag. */
  ofIdentifier(tag: string): string | undefined;
  /** The daemon that declares a log file; `undefined` when none does. */
  ofFile(path: string): string | undefined;
}

/** Whom to ask while the declared daemons change: the same object before and after. */
export interface ChangingLookup extends DaemonLookup {
  declare(declared: readonly DaemonSpec[]): void;
}

/** One living process of a daemon as the sampler saw it. */
export interface Instance extends ProcessFacts {
  /** One letter of /proc/PID/stat: R S D Z T t X I. */
  readonly state: string;
  /** The top of its tree: claimed by the daemon's own match, and started by none that lives of the same daemon. */
  readonly claimed: boolean;
  /** Unix seconds. */
  readonly startedAt: number;
  /** Resident memory in bytes; absent when it could not be read. */
  readonly memory?: number | undefined;
  /** Open file descriptors as a share of the soft limit, 0..1; absent when they could not be read. */
  readonly fdUsage?: number | undefined;
  /** Of tops. */
  readonly posture?: Posture | undefined;
}

/** How a process ended, as far as known. */
export interface Exit {
  readonly reason: 'exit' | 'signal' | 'oom' | 'unknown';
  /** Exit status or signal number. */
  readonly code?: number;
  /** `SIGSEGV`, where a signal ended it. */
  readonly signal?: string;
  /** Absent when it cannot be told. */
  readonly coreDumped?: boolean;
  /** Unix ms when it ended, as well as `source` can tell: `sample` is late by up to an interval. */
  readonly at?: number;
  readonly source?: 'netlink' | 'pidfd' | 'sample';
  /** Unix ms of the last look of the agent before, of one that ended while none ran. */
  readonly lastSeenAt?: number;
  /** What systemd made of it: the `Result` of its unit, `exit-code`, `signal`, `core-dump`, `oom-kill`, `timeout` … */
  readonly systemdResult?: string;
  /** It had only begun, ended well, and what it started goes on in its place: so daemons detach. No end of an instance. */
  readonly handedOver?: boolean;
}

/** Of a daemon that does not run. */
export interface ManagerWord {
  readonly by: 'systemd' | 'pidfile';
  /** Whether it was stopped on purpose; otherwise it has crashed, and is absent against somebody's will. */
  readonly stopped: boolean;
  /** As it says it, for people: `inactive (dead), Result=success`. */
  readonly says: string;
  /** systemd's `Result`. */
  readonly result?: string;
}

/** What collectors tell the table; it turns facts into liveness. Times in Unix ms. */
export interface DaemonReports {
  /**
   * All living instances of every daemon, once a sampling cycle. With `awaited` the end of one that is missing will be told
   * by `exited()`, or by a cycle `AWAITED_MS` later it is unknown. One that is missing and `lives` is the daemon's no longer.
   */
  processes(
    now: number,
    instances: ReadonlyMap<string, readonly Instance[]>,
    awaited?: boolean,
    lives?: (process: ProcessFacts) => boolean,
  ): void;
  /** A top that has begun since, told as it happens. */
  began(now: number, daemon: string, instance: Instance): void;
  /** The end of the top of a tree (see `Instance.claimed`), told as it happens; ends nobody tells count as unknown. */
  exited(now: number, daemon: string, process: ProcessFacts, exit: Exit): void;
  /** A child process of it, which is no end of an instance, was killed because memory ran out. */
  oomKilled(daemon: string): void;
  check(
    now: number,
    daemon: string,
    check: string,
    healthy: boolean,
    message: string,
    timedOut?: boolean,
  ): void;
  /** What its manager says of a daemon that does not run; undefined when nobody can tell. */
  managed(now: number, daemon: string, word: ManagerWord | undefined): void;
}

export const DAEMON_STATES = [
  'healthy',
  'unhealthy',
  'starting',
  'absent',
  'stopped',
  'crash_looping',
  'hung',
] as const;
export type DaemonState = (typeof DAEMON_STATES)[number];
