// What is kept of the death of a daemon's main process. Times in Unix ms.

import type { Exit } from './daemon.ts';

/** Equally long lists, oldest first; null for a figure nobody gave. */
export interface Samples {
  readonly at: readonly number[];
  /** Cores in use since the sample before. */
  readonly cpu: readonly (number | null)[];
  /** Resident bytes. */
  readonly memory: readonly (number | null)[];
  readonly fds: readonly (number | null)[];
  /** Of the worst process, against its soft limit: 0 to 1. */
  readonly fdUsage: readonly (number | null)[];
}

/** One of the last log records. */
export interface LastWord {
  /** When it was received. */
  readonly at: number;
  /** Syslog keyword: `emerg` to `debug`, or `none`. */
  readonly severity: string;
  readonly body: string;
  /** Of the process that wrote it, where the kernel told. */
  readonly pid?: number;
}

export interface Certificate {
  readonly daemon: string;
  readonly pid: number;
  readonly program: string;
  readonly at: number;
  /** Unknown of a process that lived between two looks. */
  readonly startedAt?: number;
  readonly exit: Exit;
  /** Where the kernel puts cores: /proc/sys/kernel/core_pattern. Told when one was dumped, or could have been. */
  readonly corePattern?: string;
  /** Open file descriptors when last seen, the soft limit, and the share of it that the worst process used. */
  readonly fds?: { readonly open: number; readonly limit?: number; readonly usage?: number };
  readonly memory?: number;
  /** Verdicts as they stood. */
  readonly checks: readonly {
    readonly name: string;
    readonly healthy: boolean;
    readonly message: string;
    readonly since: number;
  }[];
  /** Of the last ten minutes. */
  readonly samples: Samples;
  /** The last 50 records before the end, oldest first. */
  readonly logs: readonly LastWord[];
  /** Other main processes that ended within ten seconds, before or after. */
  readonly alsoDied: readonly {
    readonly daemon: string;
    readonly pid: number;
    readonly at: number;
    readonly exit: Exit;
  }[];
  /** Who took its place. */
  readonly restart?: { readonly pid: number; readonly at: number };
  /** Further ends of the daemon's processes in the ten seconds after, which have no certificate of their own. */
  readonly repeats?: { readonly count: number; readonly lastAt: number; readonly lastExit: Exit };
}
