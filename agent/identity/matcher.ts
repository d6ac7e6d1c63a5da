// A match of the configuration as a predicate over a process. All given keys must hold; the cheap ones are asked first.

import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { MatchSpec, ProcessFacts } from '../core/daemon.ts';
import type { Log } from '../core/log.ts';
import type { Patterns } from '../core/pattern.ts';
import { commOf } from '../core/procstat.ts';
import { createBoot } from '../native/boot.ts';
import type { Facts } from './facts.ts';
import { type Cgroup, parsePasswd } from './parse.ts';
import { createPidfile } from './pidfile.ts';
import { createSockets } from './sockets.ts';

export interface Host {
  readonly root: string;
  readonly patterns: Patterns;
  /** Unix ms. */
  readonly now: () => number;
  /** Monotonic ms. */
  readonly elapsed: () => number;
}

export interface Matcher {
  /** The keys that stay as they are while a process runs one program. */
  fixed(facts: Facts): boolean;
  /** Whether it has such as may come true later, a pidfile or a port. */
  readonly moves: boolean;
  /** Those: cheap, asked every time. */
  moving(process: ProcessFacts): boolean;
}

const REREAD_MS = 60_000;
/** A link is turned to the next release a moment before that begins. */
const LINK_MS = 1000;

/** What several matchers ask of one host is looked up once. `log` is told once what it may not see. */
export function createMatchers(
  host: Host & { readonly log?: Pick<Log, 'warn'> },
): (spec: MatchSpec) => Matcher {
  let told = false;
  const portOwners = createSockets(host.root, host.elapsed, port => {
    if (!told)
      host.log?.warn(
        `cannot see who listens on port "${port}": permission denied; daemons of other users that are matched by a port are absent: give the agent CAP_SYS_PTRACE`,
      );
    told = true;
  });
  const boot = createBoot(host.root, host.now, host.elapsed);
  return spec => createMatcher(spec, { ...host, portOwners, boot });
}

interface Asked extends Host {
  /** Pids that own a listening TCP port. */
  readonly portOwners: (port: number) => ReadonlySet<number>;
  /** When the machine began, in Unix ms; throws where that is not told. */
  readonly boot: () => number;
}

function createMatcher(spec: MatchSpec, host: Asked): Matcher {
  const { root, elapsed } = host;
  const fixed: ((facts: Facts) => boolean)[] = [];
  const moving: ((process: ProcessFacts) => boolean)[] = [];

  if (spec.comm !== undefined) {
    const comm = commOf(spec.comm);
    fixed.push(({ process }) => process.comm === comm);
  }
  if (spec.exe !== undefined) {
    const exe = spec.exe;
    const named = commOf(exe.slice(exe.lastIndexOf('/') + 1));
    const real = reread(elapsed, LINK_MS, () => withoutRoot(realpathSync(join(root, exe)), root));
    fixed.push(facts => {
      const target = facts.exe();
      // Where the target may not be read, the name the kernel gave at exec is the best there is.
      if (target === undefined) return facts.denied() && facts.process.comm === named;
      return target === exe || target === real();
    });
  }
  if (spec.user !== undefined) {
    const user = spec.user;
    const users = reread(elapsed, REREAD_MS, () =>
      parsePasswd(readFileSync(join(root, 'etc/passwd'), 'utf8')),
    );
    fixed.push(facts => facts.uid() === (/^\d+$/.test(user) ? Number(user) : (users()?.get(user) ?? -1)));
  }
  if (spec.systemd_unit !== undefined) {
    const unit = /\.(service|scope)$/.test(spec.systemd_unit)
      ? spec.systemd_unit
      : `${spec.systemd_unit}.service`;
    fixed.push(facts => facts.cgroup()?.unit === unit);
  }
  if (spec.cgroup !== undefined) {
    const path = spec.cgroup;
    fixed.push(facts => within(facts.cgroup(), path));
  }
  if (spec.container !== undefined) {
    const id = spec.container;
    fixed.push(facts => facts.cgroup()?.container?.startsWith(id) ?? false);
  }
  if (spec.cmdline !== undefined) {
    const pattern = host.patterns.regex(spec.cmdline);
    fixed.push(facts => pattern.test(facts.cmdline() ?? ''));
  }
  if (spec.pidfile !== undefined) moving.push(createPidfile(spec.pidfile, host));
  if (spec.port !== undefined) {
    const port = spec.port;
    moving.push(process => host.portOwners(port).has(process.pid));
  }

  return {
    fixed: facts => fixed.every(holds => holds(facts)),
    moves: moving.length > 0,
    moving: process => moving.every(holds => holds(process)),
  };
}

const withoutRoot = (path: string, root: string): string =>
  root !== '/' && path.startsWith(root) ? path.slice(root.length) : path;

function within(cgroup: Cgroup | undefined, prefix: string): boolean {
  const below = prefix.endsWith('/') ? prefix : `${prefix}/`;
  return cgroup?.paths.some(path => path === prefix || path.startsWith(below)) ?? false;
}

/** A value that seldom changes, read again when it is so old; undefined when it cannot be read. */
function reread<T>(elapsed: () => number, ms: number, read: () => T): () => T | undefined {
  let value: T | undefined;
  let readAt = -Infinity;
  return () => {
    if (elapsed() - readAt >= ms) {
      readAt = elapsed();
      try {
        value = read();
      } catch {
        value = undefined;
      }
    }
    return value;
  };
}
