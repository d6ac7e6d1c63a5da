// Declared daemons for tests: what the configuration would make of a name and a match.
import type { DaemonSpec, Instance, MatchSpec } from '../../../agent/core/daemon.ts';

export const daemon = (name: string, match: MatchSpec, rest: Partial<DaemonSpec> = {}): DaemonSpec => ({
  name,
  match,
  logs: { identifiers: [name], files: [], parse: 'none' },
  health: [],
  expect: {},
  labels: {},
  ...rest,
});

/** Of a daemon `d`, as the sampler tells it. */
export const instance = (pid: number, claimed = true): Instance => ({
  pid,
  ppid: 1,
  startTicks: pid,
  comm: 'd',
  state: 'S',
  claimed,
  startedAt: pid,
});

export const check = (name: string) => ({
  name,
  tcp: '127.0.0.1:1',
  every: 10_000,
  timeout: 1000,
  failures: 1,
  successes: 1,
});

const nothing = () => {};

/** What a table has beside its daemons: it tells nobody, and there was nothing before. */
export const alone = {
  events: { emit: nothing },
  witness: {
    began: nothing,
    managed: nothing,
    ended: nothing,
    lastEnd: () => undefined,
    hasEnded: () => false,
  },
  rolls: { last: () => undefined },
  voices: { heardAt: () => undefined, limit: () => undefined },
  wishes: { of: () => undefined, set: nothing, drop: () => false },
};
