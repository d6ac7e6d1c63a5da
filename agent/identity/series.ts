// The series of declared daemons. Every one of them has all of these from the first sample, process or not; only the
// start time and what cannot be known are absent.

import { DAEMON_STATES, type DaemonState, type Exit } from '../core/daemon.ts';
import type { SampleSink } from '../core/meter.ts';
import type { Desc } from '../core/metric.ts';
import type { Posture } from '../core/posture.ts';
import type { LastEnd } from './certificates.ts';

const UP: Desc = {
  name: 'eudaemon.daemon.up',
  type: 'gauge',
  help: 'Whether the expected instances of the daemon run.',
  labels: ['daemon'],
};
const STATE: Desc = {
  name: 'eudaemon.daemon.state',
  type: 'gauge',
  help: 'The state of the daemon: 1 for the one it is in, 0 for the others.',
  labels: ['daemon', 'state'],
};
const INSTANCES: Desc = {
  name: 'eudaemon.daemon.instances',
  type: 'gauge',
  help: 'Running instances of the daemon, their child processes not counted.',
  labels: ['daemon'],
};
const START_TIME: Desc = {
  name: 'eudaemon.daemon.start_time',
  type: 'gauge',
  unit: 's',
  help: 'Unix time when the oldest running instance of the daemon began.',
  labels: ['daemon'],
};
const RESTARTS: Desc = {
  name: 'eudaemon.daemon.restarts',
  type: 'counter',
  help: 'Instances that began after another had ended.',
  labels: ['daemon'],
};
const EXITS: Desc = {
  name: 'eudaemon.daemon.exits',
  type: 'counter',
  help: 'Instances that ended, by reason as far as known.',
  labels: ['daemon', 'reason'],
};
const OOM_KILLS: Desc = {
  name: 'eudaemon.daemon.oom_kills',
  type: 'counter',
  help: 'Processes of the daemon, children counted in, that the kernel killed because memory ran out.',
  labels: ['daemon'],
};
const EXPECTED_DOWN: Desc = {
  name: 'eudaemon.daemon.expected_down',
  type: 'gauge',
  help: 'Whether somebody has told the agent to expect the daemon down.',
  labels: ['daemon'],
};
const EXPECTATION: Desc = {
  name: 'eudaemon.expectation.met',
  type: 'gauge',
  help: 'Whether the expectation holds.',
  labels: ['daemon', 'expectation'],
};

const INFO: Desc = {
  name: 'eudaemon.daemon.info',
  type: 'gauge',
  help: 'How the main processes of the daemon run; always 1.',
  labels: ['daemon', 'user', 'capabilities', 'seccomp', 'no_new_privs', 'confinement'],
};

export const EXIT_REASONS: readonly Exit['reason'][] = ['exit', 'signal', 'oom', 'unknown'];

/** A daemon as `eudaemon status` and the API tell it. Times in Unix ms. */
export interface DaemonStatus {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly up: boolean;
  readonly state: DaemonState;
  /** When it came into this state. */
  readonly since: number;
  /** While it is hung, why. */
  readonly hangs?: string;
  /** How many instances run, and when the oldest of them began. */
  readonly running: number;
  readonly startedAt: number | undefined;
  readonly instances: readonly { readonly pid: number; readonly startedAt: number }[];
  /** Of all its processes, instances and their children. */
  readonly pids: readonly number[];
  readonly restarts: number;
  readonly exits: Readonly<Record<Exit['reason'], number>>;
  /** Of all its processes. */
  readonly oomKills: number;
  readonly lastExit: LastEnd | undefined;
  /** While it crashes again and again, when its next start is to be expected. */
  readonly nextStartAt?: number;
  /** Somebody said so, and until when; without `until` until it has come up again. */
  readonly expectedDown?: { readonly since: number; readonly until?: number; readonly reason?: string };
  /** What whoever manages it says while it does not run. */
  readonly manager?: string;
  readonly checks: readonly CheckStatus[];
  /** How a main process of it runs, as far as told. */
  readonly posture?: Posture;
  /** Labels of `eudaemon_daemon_info` behind the daemon, each that a main process has. */
  readonly infos: readonly (readonly string[])[];
  /** `met` is undefined when it cannot be told. */
  readonly expectations: readonly {
    readonly name: string;
    readonly condition: string;
    readonly met: boolean | undefined;
  }[];
}

export interface CheckStatus {
  readonly name: string;
  readonly healthy: boolean;
  readonly message: string;
  /** There was no answer in time. */
  readonly timedOut?: boolean;
  /** When it came to this verdict. */
  readonly since: number;
  /** When it last held. */
  readonly heldAt?: number;
}

export function writeSeries(out: SampleSink, daemon: DaemonStatus): void {
  const { name, running, startedAt } = daemon;
  out.set(UP, daemon.up ? 1 : 0, name);
  for (const state of DAEMON_STATES) out.set(STATE, state === daemon.state ? 1 : 0, name, state);
  out.set(INSTANCES, running, name);
  if (startedAt !== undefined) out.set(START_TIME, startedAt / 1000, name);
  out.set(EXPECTED_DOWN, daemon.expectedDown ? 1 : 0, name);
  out.set(RESTARTS, daemon.restarts, name);
  for (const reason of EXIT_REASONS) out.set(EXITS, daemon.exits[reason], name, reason);
  out.set(OOM_KILLS, daemon.oomKills, name);
  for (const info of daemon.infos) out.set(INFO, 1, name, ...info);
  for (const { name: expectation, met } of daemon.expectations)
    if (met !== undefined) out.set(EXPECTATION, met ? 1 : 0, name, expectation);
}
