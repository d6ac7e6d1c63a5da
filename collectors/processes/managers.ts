// Asks whoever manages a daemon that does not run whether it was stopped on purpose: systemd where it is pid 1, else the
// pidfile, which a daemon that ends well takes away. Seldom, and never while it runs.

import { execFile } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { SamplerRoom } from '../../agent/core/collector.ts';
import type { DaemonSpec, Instance, ManagerWord } from '../../agent/core/daemon.ts';
import { attempt, causeOf, codeOf } from '../../agent/core/errors.ts';
import { MAX_PIDFILE, parsePidfile } from '../../agent/core/pidfile.ts';
import { hasEnded, parseStat } from '../../agent/core/procstat.ts';
import { parseUnit, serviceIn, UNIT_PROPERTIES } from './parse-unit.ts';

export interface Managers {
  /** What runs now, by daemon. */
  seen(instances: ReadonlyMap<string, readonly Pick<Instance, 'pid' | 'claimed'>[]>, now: number): void;
  /** One of the daemon's has just ended. */
  ended(daemon: string, now: number): void;
}

/** A unit that is down is asked again after this, and soon after an end, when systemd has made up its mind. */
const AGAIN_MS = 60_000;
const SOON_MS = 1000;
const TIMEOUT_MS = 5000;

interface ManagersRoom extends Pick<SamplerRoom, 'root' | 'elapsed'> {
  readonly daemons: Pick<SamplerRoom['daemons'], 'declared'>;
  readonly reports: Pick<SamplerRoom['reports'], 'managed'>;
  readonly log: Pick<SamplerRoom['log'], 'debug'>;
}

interface Known {
  unit: string | undefined;
  pid: number;
  running: boolean;
  askedAt: number;
}

/** `show` runs `systemctl show UNIT`; undefined where systemd is not in charge. */
export function createManagers(
  { root, daemons, reports, elapsed, log }: ManagersRoom,
  show: ((unit: string) => Promise<string>) | undefined = systemctl(root),
): Managers {
  const known = new Map<string, Known>();

  const ask = ({ name, match }: DaemonSpec, now: number) => {
    const daemon = known.get(name);
    const unit = match.systemd_unit ?? daemon?.unit;
    if (show && unit !== undefined) {
      if (daemon && elapsed() - daemon.askedAt < AGAIN_MS) return;
      remember(name).askedAt = elapsed();
      show(unit).then(
        text => {
          if (!known.get(name)?.running) reports.managed(now, name, parseUnit(text));
        },
        // What it says is more than can be known otherwise, so without it nothing is wrong.
        error => log.debug(`cannot ask systemd about unit "${unit}": ${causeOf(error)}`),
      );
    } else if (match.pidfile !== undefined) {
      reports.managed(now, name, byPidfile(root, match.pidfile));
    }
  };

  const remember = (name: string): Known => {
    let daemon = known.get(name);
    if (!daemon) {
      daemon = { unit: undefined, pid: -1, running: false, askedAt: -Infinity };
      known.set(name, daemon);
    }
    return daemon;
  };

  const unitOf = (pid: number): string | undefined =>
    attempt(() => serviceIn(readFileSync(join(root, 'proc', String(pid), 'cgroup'), 'utf8')));

  return {
    seen(instances, now) {
      for (const spec of daemons.declared) {
        const pid = instances.get(spec.name)?.findLast(({ claimed }) => claimed)?.pid;
        if (pid === undefined) {
          const daemon = known.get(spec.name);
          if (daemon) daemon.running = false;
          ask(spec, now);
          continue;
        }
        const daemon = remember(spec.name);
        if (show && pid !== daemon.pid) daemon.unit = unitOf(pid);
        if (!daemon.running) reports.managed(now, spec.name, undefined);
        daemon.pid = pid;
        daemon.running = true;
      }
    },
    ended(name, now) {
      const spec = daemons.declared.find(each => each.name === name);
      if (!spec) return;
      const daemon = remember(name);
      daemon.running = false;
      // Not at once, and in a crash loop not every time.
      daemon.askedAt = Math.max(daemon.askedAt, elapsed() - AGAIN_MS + SOON_MS);
      if (spec.match.pidfile !== undefined) ask(spec, now);
    },
  };
}

function byPidfile(root: string, path: string): ManagerWord {
  const word = (says: string, stopped = false): ManagerWord => ({
    by: 'pidfile',
    stopped,
    says: `${path} ${says}`,
  });
  try {
    const file = join(root, path);
    const { size } = statSync(file);
    // What is no file, or a large one, is not read.
    const pid = size > 0 && size <= MAX_PIDFILE ? parsePidfile(readFileSync(file, 'latin1')) : undefined;
    if (pid === undefined) return word('names no process');
    const bytes = attempt(() => readFileSync(join(root, 'proc', String(pid), 'stat')));
    const stat = bytes && parseStat(bytes, bytes.length);
    if (!stat || hasEnded(stat)) return word(`is stale: process ${pid} has ended`);
    return word(`names process ${pid} (${stat.comm}), which is not this daemon`);
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? word('is gone', true) : word(`cannot be read: ${causeOf(error)}`);
  }
}

/** Undefined unless the systemd of this very host is pid 1. */
function systemctl(root: string): ((unit: string) => Promise<string>) | undefined {
  if (root !== '/' || !existsSync('/run/systemd/system')) return undefined;
  try {
    if (readFileSync('/proc/1/comm', 'latin1').trim() !== 'systemd') return undefined;
  } catch {
    return undefined;
  }
  return unit =>
    new Promise((resolve, reject) =>
      execFile(
        'systemctl',
        ['show', unit, '-p', UNIT_PROPERTIES],
        { timeout: TIMEOUT_MS },
        (error, stdout) => (error ? reject(error) : resolve(stdout)),
      ),
    );
}
