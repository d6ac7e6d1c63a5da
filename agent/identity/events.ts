// What happens to daemons, told as events. Pure.

import type { AgentEvent } from '../core/collector.ts';
import type { DaemonState, Exit } from '../core/daemon.ts';
import { isClean } from './liveness.ts';
import type { Member } from './roster.ts';

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

export function exited(daemon: string, process: Member, exit: Exit, at: number): AgentEvent {
  const { pid, comm, startedAt } = process;
  const lived = startedAt === undefined ? undefined : Math.max(0, at / 1000 - startedAt);
  return {
    name: 'eudaemon.daemon.exited',
    daemon,
    severity: isClean(exit) ? INFO : exit.reason === 'unknown' ? WARN : ERROR,
    body: `${daemon}, process ${pid}, ended${how(exit)}${lived === undefined ? '' : ` after ${Math.round(lived)} s`}`,
    attributes: {
      'process.pid': pid,
      'process.executable.name': comm,
      'eudaemon.exit.reason': exit.reason,
      ...(exit.code === undefined
        ? {}
        : { [exit.reason === 'exit' ? 'process.exit.code' : 'eudaemon.exit.signal']: exit.code }),
      ...(lived === undefined ? {} : { 'process.uptime': lived }),
    },
    at,
  };
}

function how({ reason, code }: Exit): string {
  switch (reason) {
    case 'exit':
      return code === undefined ? '' : ` with status ${code}`;
    case 'signal':
      return code === undefined ? ' by a signal' : ` by signal ${code}`;
    case 'oom':
      return ' by the out-of-memory killer';
    case 'unknown':
      return '';
  }
}

export function stateChanged(daemon: string, from: DaemonState, to: DaemonState, at: number): AgentEvent {
  return {
    name: 'eudaemon.daemon.state_changed',
    daemon,
    severity: SEVERITY[to],
    body: `${daemon} is ${to.replace('_', ' ')}, was ${from.replace('_', ' ')}`,
    attributes: { 'eudaemon.state': to, 'eudaemon.state.previous': from },
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
