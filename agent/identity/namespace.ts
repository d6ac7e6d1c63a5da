// Whether we see the processes of the host we look at, and by its pids: in a container we do not, unless it is told to share,
// and neither where /proc hides those of others.

import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../core/errors.ts';

export interface Unseen {
  readonly what: string;
  readonly fix: string;
  readonly costs: string;
}

/** Undefined when all is well. */
export const unseenProcesses = (
  root: string,
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): Unseen | undefined => foreignPids(root, env, pid) ?? hiddenPids(root);

/** Every pid namespace has a first process, and whoever may not see it sees none of others. Source: hidepid in proc(5). */
function hiddenPids(root: string): Unseen | undefined {
  const see = (path: string) => attempt(() => readFileSync(join(root, 'proc', path))) !== undefined;
  return see('1/stat') || !see('self/stat')
    ? undefined
    : {
        what: `"${join(root, 'proc')}" hides the processes of other users (hidepid)`,
        fix: 'give the agent CAP_SYS_PTRACE, or the group that the mount option gid= names',
        costs: 'every daemon of another user, which is told as absent',
      };
}

/**
 * A host's /proc that is mounted below `root` names us by another pid than we know; in a
 * pod without it, pid 2 is no kernel thread.
 */
function foreignPids(
  root: string,
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): Unseen | undefined {
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
