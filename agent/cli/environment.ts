// What this host lacks for a configuration: each finding with its exact fix and what stays unseen without it.

import {
  accessSync,
  closeSync,
  constants,
  globSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statfsSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from '../config/index.ts';
import { findAccount } from '../control/user.ts';
import { attempt, causeOf } from '../core/errors.ts';
import { PROGRAM } from '../core/version.ts';
import { foreignPids } from '../identity/namespace.ts';
import { exposed } from './advice.ts';
import type { Env, Finding } from './finding.ts';
import { targets } from './targets.ts';

/** Looks at the host below `agent.host_root`; `self` is the process whose rights and limits count. */
export async function examine(
  config: Config,
  env: Env,
  { self = '/proc/self', now = Date.now() } = {},
): Promise<Finding[]> {
  const root = config.agent.host_root;
  const holds = capabilities(self);
  return [
    ...rights(root, holds),
    ...account(config),
    ...ports(root, holds, config),
    ...[foreignPids(root, env, process.pid)].filter(found => found !== undefined),
    ...devLog(root, config),
    ...kernelLog(root, config),
    ...limits(self),
    ...queue(root, config),
    ...logFiles(root, config),
    ...disk(config),
    ...exposed(config),
    ...clock(now),
    ...(await targets(config, env)),
  ];
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

function rights(root: string, holds: Holds): Finding[] {
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

const JOURNAL = '/run/systemd/journal/';

function devLog(root: string, { agent, collectors }: Config): Finding[] {
  const syslog = collectors['syslog'] as
    | { listen?: readonly { path?: string; activation?: string }[] }
    | false
    | undefined;
  if (!syslog || collectors['journald']) return [];
  const paths = (syslog.listen ?? []).map(each => each.path);
  if (paths.includes(`${JOURNAL}syslog`)) return [];
  const costs = 'what daemons write with syslog(3)';
  let socket = '/dev/log';
  try {
    socket = readlinkSync(join(root, socket));
  } catch {
    // A socket of its own, or none.
  }
  if (socket.startsWith(JOURNAL))
    return [
      {
        what: 'systemd-journald owns /dev/log',
        fix: `set ForwardToSyslog=yes in journald.conf, and have collectors.syslog listen on { path: ${JOURNAL}syslog } alone`,
        costs,
      },
    ];
  const owner = socketOwner(root, socket);
  const isPassed = (syslog.listen ?? []).some(each => each.activation !== undefined);
  // Until the agent starts, systemd (pid 1) holds what it will pass.
  if (owner && !owner.ours && !(isPassed && owner.pid === 1))
    return [
      {
        what: `${owner.name} owns ${socket}`,
        fix: `let it forward to the socket in ${agent.run_dir}, or stop it and have collectors.syslog listen on { path: ${socket} }`,
        costs,
      },
    ];
  if (owner || paths.includes('/dev/log')) return [];
  return [
    { what: 'nobody listens on /dev/log', fix: 'add { path: /dev/log } to collectors.syslog.listen', costs },
  ];
}

/** It takes a right of its own, which only opening it tells. */
function kernelLog(root: string, { collectors }: Config): Finding[] {
  const kmsg = collectors['kmsg'] as { path: string } | false | undefined;
  if (!kmsg) return [];
  const path = join(root, kmsg.path);
  try {
    closeSync(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
    return [];
  } catch (error) {
    return [
      {
        what: `cannot open "${path}": ${causeOf(error)}`,
        fix: 'run as root, or set AmbientCapabilities=CAP_SYSLOG and ProtectKernelLogs=no in the unit; in a container, mount it',
        costs: 'what the kernel says',
      },
    ];
  }
}

/** Who holds the Unix socket bound at a path: `rsyslogd (pid 71)`, or `another process` when it cannot be told. */
function socketOwner(root: string, path: string): { name: string; pid?: number; ours: boolean } | undefined {
  const bound = (read(join(root, 'proc/net/unix')) ?? '').split('\n').find(line => line.endsWith(` ${path}`));
  const inode = bound?.trim().split(/\s+/)[6];
  if (inode === undefined) return undefined;
  for (const pid of readdirSync(join(root, 'proc')).filter(name => /^\d+$/.test(name))) {
    const process = join(root, 'proc', pid);
    try {
      const fds = readdirSync(join(process, 'fd'));
      if (!fds.some(fd => readlinkSync(join(process, 'fd', fd)) === `socket:[${inode}]`)) continue;
      const comm = read(join(process, 'comm'))?.trim();
      return { name: `${comm} (pid ${pid})`, pid: Number(pid), ours: comm === PROGRAM };
    } catch {
      // It has ended, or is not ours to look into.
    }
  }
  return { name: 'another process', ours: false };
}

const ENOUGH_FILES = 4096;

function limits(self: string): Finding[] {
  const soft = /^Max open files\s+(\d+)/m.exec(read(join(self, 'limits')) ?? '')?.[1];
  if (soft === undefined || Number(soft) >= ENOUGH_FILES) return [];
  return [
    {
      what: `at most ${soft} files may be open`,
      fix: 'set LimitNOFILE=65536 in the unit, or run `ulimit -n 65536` before the agent',
      costs: 'log files and connections beyond that number',
    },
  ];
}

/** Under systemd it is 512; the kernel's own 10 stops loggers, or loses their lines, at every burst. */
const ENOUGH_QUEUE = 512;

function queue(root: string, config: Config): Finding[] {
  const length = Number(read(join(root, 'proc/sys/net/unix/max_dgram_qlen')) ?? ENOUGH_QUEUE);
  if (!config.collectors['syslog'] || length >= ENOUGH_QUEUE) return [];
  return [
    {
      what: `net.unix.max_dgram_qlen is ${length}`,
      fix: `sysctl -w net.unix.max_dgram_qlen=${ENOUGH_QUEUE}, and the same line in /etc/sysctl.d/eudaemon.conf`,
      costs: 'lines of daemons that do not wait when the queue is full',
    },
  ];
}

/** Log files of declared daemons that this user may not read. */
export function logFiles(root: string, config: Pick<Config, 'daemons' | 'agent'>): Finding[] {
  return config.daemons.flatMap(({ name, logs }) =>
    logs.files
      .flatMap(glob => globSync(join(root, glob)))
      .flatMap(path => {
        try {
          accessSync(path, constants.R_OK);
          return [];
        } catch (error) {
          return [
            {
              what: `cannot read log file "${path}": ${causeOf(error)}`,
              fix: `run as root, or setfacl -m u:${config.agent.user ?? 'eudaemon'}:r "${path}"`,
              costs: `that log of ${name}`,
            },
          ];
        }
      }),
  );
}

function disk({ agent, spool, exporters }: Config): Finding[] {
  const store = exporters['store'] as { max_size?: number } | false | undefined;
  const wanted = spool.max_size + (store ? (store.max_size ?? 0) : 0);
  let existing = agent.state_dir;
  for (;;) {
    try {
      accessSync(existing, constants.W_OK);
      break;
    } catch (error) {
      if (causeOf(error) !== 'no such file or directory' || existing === '/')
        return [
          {
            what: `cannot write in "${existing}": ${causeOf(error)}`,
            fix: `make ${agent.state_dir} a directory of the agent's user, or set agent.state_dir`,
            costs: 'everything: the agent does not start',
          },
        ];
      existing = dirname(existing);
    }
  }
  const { bavail, bsize } = statfsSync(existing);
  const free = bavail * bsize;
  if (free >= wanted) return [];
  return [
    {
      what: `${existing} has ${mebibytes(free)} free, spool and store may take ${mebibytes(wanted)}`,
      fix: 'make room, or set spool.max_size and exporters.store.max_size to what is there',
      costs: 'records, when a backend is away for long',
    },
  ];
}

const mebibytes = (bytes: number): string => `${Math.floor(bytes / 2 ** 20)}MiB`;

const OLDEST_SENSIBLE = Date.UTC(2026, 0, 1);

function clock(now: number): Finding[] {
  if (now >= OLDEST_SENSIBLE) return [];
  return [
    {
      what: `the clock says ${new Date(now).toISOString()}`,
      fix: 'timedatectl set-ntp true, or start chronyd',
      costs: 'records and samples that backends refuse as too old',
    },
  ];
}
