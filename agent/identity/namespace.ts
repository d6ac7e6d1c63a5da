// Whether pids mean the same to us and to the host we look at: in a container they do not, unless it is told to share.

import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../core/errors.ts';

export interface Foreign {
  readonly what: string;
  readonly fix: string;
  readonly costs: string;
}

/**
 * Undefined when all is well. A host's /proc that is mounted below `root` names us by another pid than we know; in a
 * pod without it, pid 2 is no kernel thread.
 */
export function foreignPids(
  root: string,
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): Foreign | undefined {
  const fix = 'set hostPID: true in the pod, or run the container with --pid=host';
  if (root !== '/') {
    const self = attempt(() => readlinkSync(join(root, 'proc/self')));
    return self === undefined || self === String(pid)
      ? undefined
      : {
          what: `the agent is in a pid namespace of its own: it is pid ${pid} to itself and pid ${self} below ${root}`,
          fix,
          costs: 'which daemon sent a line of syslog, and how processes ended',
        };
  }
  if (env['KUBERNETES_SERVICE_HOST'] === undefined) return undefined;
  if (attempt(() => readFileSync('/proc/2/comm', 'latin1').trim()) === 'kthreadd') return undefined;
  return {
    what: 'the agent is in a pid namespace of its own and sees the processes of its pod alone',
    fix: `${fix}, mount the / of the node at /host and set agent.host_root: /host`,
    costs: 'every daemon of the node',
  };
}
