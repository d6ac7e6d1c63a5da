// What a daemon's configuration demands of how it runs, held against what the kernel says. Pure.

import type { ExpectSpec } from '../core/daemon.ts';
import { amountOf, type Posture } from '../core/posture.ts';

export interface Demand {
  readonly text: string;
  /** Undefined when the kernel does not tell it, or not to us. */
  met(posture: Posture): boolean | undefined;
}

type Told = (posture: Posture) => boolean | undefined;

/** What is on or off. */
const SWITCHES: Readonly<Record<string, Told>> = {
  seccomp: ({ seccomp }) => (seccomp === undefined ? undefined : seccomp !== 'off'),
  no_new_privs: ({ noNewPrivs }) => noNewPrivs,
  confinement: ({ confinement }) => confinement !== 'none',
  terminal: ({ terminal }) => terminal,
};

/** By the name of the expectation. */
export function demandsOf(expect: ExpectSpec): Map<string, Demand> {
  const demands = new Map<string, Demand>();
  for (const [name, told] of Object.entries(SWITCHES)) {
    const wanted = expect[name as keyof ExpectSpec] as string | undefined;
    if (wanted === undefined) continue;
    const met: Told = posture => {
      const actual = told(posture);
      return actual === undefined ? undefined : actual === (wanted === 'on');
    };
    demands.set(name, { text: wanted, met });
  }
  if (expect.user !== undefined) demands.set('user', { text: expect.user, met: userDemand(expect.user) });
  if (expect.capabilities !== undefined) {
    const allowed = expect.capabilities === 'none' ? [] : expect.capabilities;
    demands.set('capabilities', {
      text: allowed.join(' ') || 'none',
      met: ({ capabilities }) => capabilities?.every(each => allowed.includes(each)),
    });
  }
  return demands;
}

/** `!= root`, `== www-data`, `www-data`. */
function userDemand(text: string): Told {
  const [, comparison, name] = /^(==|!=)?\s*(.*)$/.exec(text)!;
  return ({ user }) => (user === undefined ? undefined : (user === name) === (comparison !== '!='));
}

/** Label values of `eudaemon_daemon_info` behind the daemon: few, whatever the host holds. */
const infoOf = ({ user, capabilities, seccomp, noNewPrivs, confinement }: Posture): string[] => [
  user ?? 'unknown',
  capabilities === undefined ? 'unknown' : amountOf(capabilities),
  seccomp ?? 'unknown',
  noNewPrivs === undefined ? 'unknown' : noNewPrivs ? 'on' : 'off',
  confinement,
];

/** Those of all these processes, each once; worked out once a posture, for a daemon may have thousands of processes. */
export function createInfos(): (
  processes: readonly { readonly posture?: Posture | undefined }[],
) => string[][] {
  const known = new WeakMap<Posture, { readonly key: string; readonly labels: string[] }>();
  return processes => {
    const distinct = new Map<string, string[]>();
    let last: Posture | undefined;
    for (const { posture } of processes) {
      if (!posture || posture === last) continue;
      last = posture;
      let info = known.get(posture);
      if (!info) {
        const labels = infoOf(posture);
        info = { key: labels.join('\0'), labels };
        known.set(posture, info);
      }
      distinct.set(info.key, info.labels);
    }
    return [...distinct.values()];
  };
}
