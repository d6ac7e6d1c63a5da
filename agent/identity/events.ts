// What happens to daemons, told as events. Pure.

import type { Alert } from '../core/alert.ts';
import type { Certificate } from '../core/certificate.ts';
import type { AgentEvent } from '../core/collector.ts';
import type { DaemonState } from '../core/daemon.ts';
import { isClean } from './liveness.ts';
import type { Member } from './roster.ts';
import { how, sentence } from './sentence.ts';

const INFO = 9;
const WARN = 13;
const ERROR = 17;

const SEVERITY: Readonly<Record<DaemonState, number>> = {
  healthy: INFO,
  starting: INFO,
  stopped: INFO,
  unhealthy: WARN,
  absent: ERROR,
  crash_looping: ERROR,
  hung: ERROR,
};

export function started(daemon: string, process: Member, restart: boolean, at: number): AgentEvent {
  return {
    name: 'eudaemon.daemon.started',
    daemon,
    severity: INFO,
    body: `${daemon} ${restart ? 'restarted' : 'started'} as process ${process.pid}`,
    attributes: {
      'process.pid': process.pid,
      'process.executable.name': process.comm,
      'eudaemon.restart': restart,
    },
    at,
  };
}

/**
 * The death certificate. A `brief` one is of a further end within seconds of the daemon's last, and leaves out what
 * that certificate has said.
 */
export function exited(certificate: Certificate, brief = false): AgentEvent {
  const { daemon, pid, program, at, startedAt, exit, fds, restart, samples } = certificate;
  const { reason, code, signal, coreDumped } = exit;
  const full: AgentEvent['attributes'] = {
    'eudaemon.exit.fds.open': fds?.open,
    'eudaemon.exit.fds.limit': fds?.limit,
    'eudaemon.exit.fds.usage': fds?.usage,
    'eudaemon.exit.memory': certificate.memory,
    'eudaemon.exit.checks': certificate.checks.map(({ name, healthy, message, since }) => ({
      name,
      healthy,
      message,
      since: iso(since),
    })),
    'eudaemon.exit.also_died': certificate.alsoDied.map(other => ({
      daemon: other.daemon,
      pid: other.pid,
      how: how(other.exit),
      seconds: (other.at - at) / 1000,
    })),
    'eudaemon.exit.samples': {
      seconds: samples.at.map(time => (time - at) / 1000),
      cpu: samples.cpu,
      memory: samples.memory,
      fds: samples.fds,
    },
    'eudaemon.exit.logs': certificate.logs.map(({ at, severity, body }) => ({
      time: iso(at),
      severity,
      body,
    })),
  };
  return {
    name: 'eudaemon.daemon.exited',
    daemon,
    severity: isClean(exit) ? INFO : reason === 'unknown' ? WARN : ERROR,
    body: sentence(certificate),
    attributes: {
      'process.pid': pid,
      'process.executable.name': program,
      'process.creation.time': startedAt === undefined ? undefined : iso(startedAt),
      'process.exit.time': iso(at),
      'process.exit.code': reason === 'exit' ? code : undefined,
      'process.uptime': startedAt === undefined ? undefined : (at - startedAt) / 1000,
      'eudaemon.exit.reason': reason,
      'eudaemon.exit.signal':
        reason === 'exit' ? undefined : (signal ?? (code && `signal ${code}`) ?? undefined),
      'eudaemon.exit.signal_number': reason === 'exit' ? undefined : code,
      'eudaemon.exit.oom': reason === 'oom',
      'eudaemon.exit.core_dumped': coreDumped,
      'eudaemon.exit.core_pattern': certificate.corePattern,
      'eudaemon.exit.source': exit.source,
      'eudaemon.exit.last_seen.time': exit.lastSeenAt === undefined ? undefined : iso(exit.lastSeenAt),
      'eudaemon.exit.systemd_result': exit.systemdResult,
      'eudaemon.exit.restart.pid': restart?.pid,
      'eudaemon.exit.restart.seconds': restart && (restart.at - at) / 1000,
      ...(brief ? { 'eudaemon.exit.brief': true } : full),
    },
    at,
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** `nextStartAt` in Unix ms, where it can be estimated. */
export function stateChanged(
  daemon: string,
  from: DaemonState,
  to: DaemonState,
  at: number,
  { nextStartAt, hangs }: { readonly nextStartAt: number | undefined; readonly hangs: string | undefined },
): AgentEvent {
  return {
    name: 'eudaemon.daemon.state_changed',
    daemon,
    severity: SEVERITY[to],
    body: `${daemon} is ${to.replace('_', ' ')}, was ${from.replace('_', ' ')}${hangs ? `: ${hangs}` : ''}`,
    attributes: {
      'eudaemon.state': to,
      'eudaemon.state.previous': from,
      'eudaemon.next_start.time': nextStartAt === undefined ? undefined : iso(nextStartAt),
    },
    at,
  };
}

export function checkChanged(
  daemon: string,
  check: string,
  healthy: boolean,
  message: string,
  at: number,
): AgentEvent {
  return {
    name: 'eudaemon.check.changed',
    daemon,
    severity: healthy ? INFO : WARN,
    body: `check ${check} of ${daemon} ${healthy ? 'holds' : 'fails'}${message === '' ? '' : `: ${message}`}`,
    attributes: { 'eudaemon.check': check, 'eudaemon.check.healthy': healthy },
    at,
  };
}

export function alertTold(alert: Alert, at: number): AgentEvent {
  const { name, daemon, severity, labels, summary, startsAt, endsAt } = alert;
  const isOver = endsAt !== undefined;
  return {
    name: isOver ? 'eudaemon.alert.resolved' : 'eudaemon.alert.fired',
    daemon,
    severity: isOver ? INFO : severity === 'critical' ? ERROR : WARN,
    body: isOver ? `${name} of ${daemon} is over: ${summary}` : `${name}: ${summary}`,
    attributes: {
      'eudaemon.alert.name': name,
      'eudaemon.alert.labels': labels,
      'eudaemon.alert.start.time': iso(startsAt),
    },
    at,
  };
}
