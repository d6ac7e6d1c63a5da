// Which troubles of daemons somebody should be told of: those that last, and that they are over when they have been for as long.

import type { Alert } from '../core/alert.ts';
import type { Clock } from '../core/clock.ts';
import type { EventSink } from '../core/collector.ts';
import type { DaemonState } from '../core/daemon.ts';
import { alertTold } from './events.ts';
import { isClean } from './liveness.ts';
import { how } from './sentence.ts';
import type { DaemonStatus } from './series.ts';
import type { DaemonTable } from './table.ts';

/** Whoever stops a daemon may start it again soon. */
const STOPPED_MS = 15 * 60_000;
/** An end is news for so long; further ones meanwhile are the same news. */
const DIED_MS = 10 * 60_000;

export interface Alerts {
  /** What has begun since the last call, and what is over. */
  judge(afterMs: number): Alert[];
  /** What was told and is not over. */
  readonly firing: readonly Alert[];
}

type Trouble = Pick<Alert, 'name' | 'severity' | 'summary'> & {
  readonly about?: Readonly<Record<string, string>>;
  /** It is not told before, however short `afterMs`. */
  readonly leastMs?: number;
};

interface Entry {
  alert: Alert;
  /** Monotonic ms. */
  readonly since: number;
  goneSince?: number;
  told: boolean;
}

/** `firing` in the life of the agent before. */
export function createAlerts(room: {
  readonly table: Pick<DaemonTable, 'snapshot'>;
  readonly events: EventSink;
  readonly clock: Pick<Clock, 'now' | 'elapsed'>;
  readonly firing: readonly Alert[];
}): Alerts {
  const { table, events, clock } = room;
  const { elapsed } = clock;
  const entries = new Map<string, Entry>(
    room.firing.map(alert => [keyOf(alert), { alert, since: elapsed(), told: true }]),
  );

  const see = (alert: Alert, lastsMs: number): Alert | undefined => {
    const key = keyOf(alert);
    const entry = entries.get(key) ?? { alert, since: elapsed(), told: false };
    entries.set(key, entry);
    entry.alert = { ...alert, startsAt: entry.alert.startsAt };
    delete entry.goneSince;
    if (entry.told || elapsed() - entry.since < lastsMs) return undefined;
    entry.told = true;
    return entry.alert;
  };
  /** The alert when its end is news. */
  const miss = (key: string, entry: Entry, afterMs: number, now: number): Alert | undefined => {
    entry.goneSince ??= elapsed();
    const isNews = entry.told && !isBrief(entry.alert);
    if (isNews && elapsed() - entry.goneSince < afterMs) return undefined;
    entries.delete(key);
    return isNews ? { ...entry.alert, endsAt: now } : undefined;
  };

  return {
    judge(afterMs) {
      const now = clock.now();
      const seen = new Set<string>();
      const news: Alert[] = [];
      const tell = (alert: Alert | undefined) => {
        if (!alert) return;
        news.push(alert);
        events.emit(alertTold(alert, now));
      };
      for (const daemon of table.snapshot(now))
        for (const trouble of troublesOf(daemon, now)) {
          const { name, severity, summary, about = {}, leastMs = 0 } = trouble;
          const labels = { ...daemon.labels, ...about };
          const alert = { name, daemon: daemon.name, severity, labels, summary, startsAt: now };
          seen.add(keyOf(alert));
          tell(see(alert, isBrief(alert) ? 0 : Math.max(afterMs, leastMs)));
        }
      for (const [key, entry] of entries) if (!seen.has(key)) tell(miss(key, entry, afterMs, now));
      return news;
    },
    get firing() {
      return [...entries.values()].filter(({ told }) => told).map(({ alert }) => alert);
    },
  };
}

const DIED = 'EudaemonDaemonDied';
/** It has happened and lasts no time: its end is no news. */
const isBrief = ({ name }: Alert): boolean => name === DIED;

const keyOf = ({ name, daemon, labels: { check, expectation } }: Alert): string =>
  JSON.stringify([name, daemon, check, expectation]);

function troublesOf(daemon: DaemonStatus, now: number): Trouble[] {
  const { name, state, hangs, lastExit, checks, expectations, expectedDown } = daemon;
  const troubles: Trouble[] = [];
  if (lastExit && !isClean(lastExit) && now - lastExit.at < DIED_MS && state !== 'stopped')
    troubles.push({
      name: DIED,
      severity: 'warning',
      summary: `${name}[${lastExit.pid}] ${how(lastExit)}`,
    });
  const standing = STANDING[state];
  if (standing) {
    const last = lastExit && state !== 'hung' ? `; ${name}[${lastExit.pid}] ${how(lastExit)}` : '';
    const summary = `${name} ${standing.says}${hangs ? `: ${hangs}` : last}`;
    if (!(state === 'stopped' && expectedDown)) troubles.push({ ...standing, summary });
    // What else is the matter with it follows from that.
    return troubles;
  }
  for (const { name: check, healthy, message } of checks)
    if (!healthy)
      troubles.push({
        name: 'EudaemonHealthCheckFailing',
        severity: 'warning',
        summary: `check ${check} of ${name} fails${message === '' ? '' : `: ${message}`}`,
        about: { check },
      });
  for (const { name: expectation, condition, met } of expectations)
    if (met === false)
      troubles.push({
        name: 'EudaemonExpectationUnmet',
        severity: 'warning',
        summary: `${name} is expected to have ${expectation} ${condition}, and has not`,
        about: { expectation },
      });
  return troubles;
}

const STANDING: Partial<
  Record<DaemonState, Pick<Trouble, 'name' | 'severity' | 'leastMs'> & { readonly says: string }>
> = {
  absent: { name: 'EudaemonDaemonDown', severity: 'critical', says: 'is not running' },
  crash_looping: { name: 'EudaemonDaemonCrashLooping', severity: 'critical', says: 'dies again and again' },
  hung: {
    name: 'EudaemonDaemonHung',
    severity: 'critical',
    says: 'runs, but hangs',
  },
  stopped: {
    name: 'EudaemonDaemonStopped',
    severity: 'warning',
    says: 'was stopped and not started again',
    leastMs: STOPPED_MS,
  },
};
