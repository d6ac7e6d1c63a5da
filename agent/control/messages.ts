// What the main thread and the data worker say to each other; `C` is the configuration.

import type { LastWord } from '../core/certificate.ts';
import type { AgentEvent } from '../core/collector.ts';
import type { Report } from './report.ts';

/** Given to the worker when it starts. */
export interface DataSetup<C> {
  readonly config: C;
  readonly host: ReadonlyArray<readonly [string, string]>;
  /** Memory of a `Begun`. */
  readonly begun: SharedArrayBuffer;
}

export type ToData<C> =
  | { readonly type: 'events'; readonly events: readonly AgentEvent[] }
  | { readonly type: 'words'; readonly daemon: string }
  | { readonly type: 'reopen' }
  | { readonly type: 'apply'; readonly config: C }
  | { readonly type: 'stop'; readonly deadlineMs: number };

export type FromData =
  /** The configuration is in force: what could be opened listens. */
  | { readonly type: 'applied' }
  | { readonly type: 'report'; readonly report: Report }
  /** The last records of a daemon, in the order they were asked for. */
  | { readonly type: 'words'; readonly words: readonly LastWord[] }
  /** Everything is closed; `clean` when nothing was cut short. */
  | { readonly type: 'stopped'; readonly clean: boolean };

/** Name of the directory below `agent.state_dir` of records that were refused for good. */
export const DEAD_LETTER_DIRECTORY = 'dead-letter';

/** Name of the control socket below `agent.run_dir`. */
export const CONTROL_SOCKET = 'control.sock';
