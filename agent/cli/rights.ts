// What the agent may, and what stays unseen where it may not: capabilities, `agent.user`, low ports.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/index.ts';
import { findAccount } from '../control/user.ts';
import { attempt, causeOf } from '../core/errors.ts';
import type { Finding } from './finding.ts';

/** Of the process whose files are in `self`, on the host below `root`. */
export function rights(root: string, self: string, config: Config): Finding[] {
  const holds = capabilities(self);
  return [...missing(root, holds), ...account(config), ...ports(root, holds, config)];
}

const read = (path: string): string | undefined => attempt(() => readFileSync(path, 'utf8'));

/** capabilities(7): what each is needed for. */
const CAPABILITIES: readonly {
  readonly bit: number;
  readonly name: string;
  readonly costs: string;
  /** From this kernel on everybody may. */
  readonly until?: number;
}[] = [
  { bit: 2, name: 'CAP_DAC_READ_SEARCH', costs: 'log files that only their owner may read' },
  {
    bit: 12,
    name: 'CAP_NET_ADMIN',
    until: 6.06,
    costs: 'how processes ended: exit codes, signals, and lives shorter than an interval',
  },
  { bit: 19, name: 'CAP_SYS_PTRACE', costs: 'open files, I/O and executables of other users’ daemons' },
];

/** Whether the capability of this number is held; also where that cannot be told. */
type Holds = (bit: number) => boolean;

function capabilities(self: string): Holds {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(read(join(self, 'status')) ?? '')?.[1];
  return bit => effective === undefined || ((BigInt(`0x${effective}`) >> BigInt(bit)) & 1n) !== 0n;
}

/** Linux 6.6 is 6.06, 5.10 is 5.1; 0 where that cannot be told. */
function kernel(root: string): number {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(read(join(root, 'proc/sys/kernel/osrelease')) ?? '') ?? [];
  return Number(major ?? 0) + Number(minor ?? 0) / 100;
}

function missing(root: string, holds: Holds): Finding[] {
  const release = kernel(root);
  const needed = CAPABILITIES.filter(({ until = Infinity }) => release < until);
  return needed
    .filter(({ bit }) => !holds(bit))
    .map(({ name, costs }) => ({
      what: `the right ${name} is missing`,
      fix: `run as root, or set AmbientCapabilities=${name} in the unit`,
      costs,
    }));
}

/** The agent becomes `agent.user` only after its start, so that a wrong one would be told late. */
function account({ agent: { user } }: Config): Finding[] {
  if (user === undefined) return [];
  try {
    findAccount(user);
    return [];
  } catch (error) {
    return [{ what: causeOf(error), costs: 'everything: the agent does not start' }];
  }
}

const CAP_NET_BIND_SERVICE = 10;
/** The kernel's default of the first port that everybody may open. */
const UNPRIVILEGED = 1024;

function ports(root: string, holds: Holds, { collectors }: Config): Finding[] {
  const syslog = collectors['syslog'] as
    | { listen?: readonly { udp?: string; tcp?: string }[] }
    | false
    | undefined;
  const free = Number(read(join(root, 'proc/sys/net/ipv4/ip_unprivileged_port_start')) ?? UNPRIVILEGED);
  if (!syslog || holds(CAP_NET_BIND_SERVICE)) return [];
  return (syslog.listen ?? []).flatMap(({ udp, tcp }) => {
    const address = udp ?? tcp;
    const port = Number(address?.slice(address.lastIndexOf(':') + 1) ?? 0);
    if (port === 0 || port >= free) return [];
    return [
      {
        what: `the right CAP_NET_BIND_SERVICE is missing to listen on "${address}"`,
        fix: `run as root, set AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit, or listen on a port from ${free} on`,
        costs: 'what is sent there',
      },
    ];
  });
}
