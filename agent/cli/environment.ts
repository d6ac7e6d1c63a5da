// What this host lacks for a configuration: each finding with its exact fix and what stays unseen without it.

import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  globSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statfsSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from '../config/index.ts';
import { attempt, causeOf } from '../core/errors.ts';
import { PROGRAM } from '../core/version.ts';
import { unseenProcesses } from '../identity/namespace.ts';
import { parsePasswd } from '../identity/parse.ts';
import { exposed } from './advice.ts';
import type { Env, Finding } from './finding.ts';
import { rights } from './rights.ts';
import { targets } from './targets.ts';

/** Looks at the host below `agent.host_root`; `self` is the process whose rights and limits count. */
export async function examine(
  config: Config,
  env: Env,
  { self = '/proc/self', now = Date.now() } = {},
): Promise<Finding[]> {
  const root = config.agent.host_root;
  return [
    ...rights(root, self, config),
    ...[unseenProcesses(root, env, process.pid)].filter(found => found !== undefined),
    ...devLog(root, config),
    ...kernelLog(root, config),
    ...limits(self),
    ...queue(root, config),
    ...logFiles(root, config),
    ...users(root, config),
    ...executables(root, config),
    ...disk(config),
    ...exposed(config),
    ...clock(now),
    ...(await targets(config, env)),
  ];
}

const read = (path: string): string | undefined => attempt(() => readFileSync(path, 'utf8'));

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

/** Users that a match names and this host does not know. */
function users(root: string, { daemons }: Config): Finding[] {
  const known = parsePasswd(read(join(root, 'etc/passwd')) ?? '');
  return daemons.flatMap(({ name, match: { user } }) =>
    user === undefined || known.has(user) || /^\d+$/.test(user)
      ? []
      : [
          {
            what: `user "${user}" of ${name} is not in ${join(root, 'etc/passwd')}`,
            fix: `correct daemons.${name}.match.user, or name the uid`,
            costs: `all of ${name}: nothing fits its match`,
          },
        ],
  );
}

/** A slip, a pattern, a program that is not installed; or it is there in a container alone, so no more than a note. */
function executables(root: string, { daemons }: Config): Finding[] {
  return daemons.flatMap(({ name, match: { exe } }) =>
    exe === undefined || existsSync(join(root, exe))
      ? []
      : [
          {
            what: `"${exe}" of ${name} is not on this host`,
            fix: `correct daemons.${name}.match.exe, which is the path of one file, unless only a container has it`,
          },
        ],
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
