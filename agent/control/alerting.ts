// Whom the configuration names is told of the troubles of daemons; what they have not heard of yet outlives the agent.

import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Alert, AlertExporter } from '../core/alert.ts';
import type { Clock } from '../core/clock.ts';
import { causeOf } from '../core/errors.ts';
import type { ExporterEntry } from '../core/exporter.ts';
import type { Log } from '../core/log.ts';
import type { Meter } from '../core/meter.ts';
import type { Desc } from '../core/metric.ts';
import { readReplaced, replaceFile } from '../native/replace.ts';
import { createTeller, type Teller } from './teller.ts';

const FIRING: Desc = {
  name: 'eudaemon.alerts.firing',
  type: 'gauge',
  unit: '{alert}',
  help: 'Alerts that were told and are not over.',
  labels: ['severity'],
};
/** Of the time left until the deadline: records matter more. */
const SHARE = 0.2;

const TEST: Omit<Alert, 'startsAt'> = {
  name: 'EudaemonTest',
  daemon: 'eudaemon',
  severity: 'warning',
  labels: {},
  summary: 'this is a test of alerts, nothing is the matter',
};
const TEST_MS = 50_000;

interface AlertingConfig {
  readonly agent: { readonly state_dir: string };
  readonly exporters: Readonly<Record<string, unknown>>;
}

/** What outlives the agent. */
interface Saved {
  readonly firing: readonly Alert[];
  /** By target. */
  readonly waiting: Readonly<Record<string, readonly Alert[]>>;
}

/** `error` is absent of a target that has heard it. */
export interface Tested {
  readonly target: string;
  readonly error?: string;
}

export interface Alerting {
  /** Starts, stops and replaces what differs from what runs. */
  apply(config: AlertingConfig): Promise<void>;
  /** Once a second. */
  look(): void;
  /** Tells every target something that means nothing; what came of it. */
  test(): Promise<Tested[]>;
  faults(): string[];
  stop(leftMs: number): Promise<void>;
}

export function createAlerting(room: {
  readonly exporters: readonly ExporterEntry[];
  readonly stateDir: string;
  /** Goes on from what fired in the life of the agent before. */
  readonly watch: (firing: readonly Alert[]) => {
    judge(afterMs: number): readonly Alert[];
    readonly firing: readonly Alert[];
  };
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  readonly host: ReadonlyArray<readonly [string, string]>;
}): Alerting {
  const { exporters, clock, meter, host } = room;
  const path = join(room.stateDir, 'alerts', 'alerts.json');
  const log = room.log.room('alerts');
  const firing = meter.instrument(FIRING);
  const saved = load(path, log);
  const alerts = room.watch(saved.firing);
  let exporter: AlertExporter | undefined;
  let tellers = new Map<string, Teller>();
  let key = '';

  const save = () => {
    const waiting = Object.fromEntries([...tellers].map(([name, teller]) => [name, teller.waiting]));
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      replaceFile(path, JSON.stringify({ firing: alerts.firing, waiting } satisfies Saved));
    } catch (error) {
      log.warn(`cannot write "${path}": ${causeOf(error)}; alerts nobody has heard of end with the agent`);
    }
  };

  return {
    async apply(config) {
      const entry = exporters.find(({ alerts: tells }) => tells !== undefined);
      const options = entry && config.exporters[entry.name];
      const next = JSON.stringify(options) ?? '';
      if (next === key) return;
      key = next;
      const stateDir = join(config.agent.state_dir, entry!.name);
      const its = { name: entry!.name, stateDir, log, meter, host, now: clock.now };
      exporter = options ? await entry!.alerts!(options, its) : undefined;
      const before = tellers;
      tellers = new Map();
      for (const target of exporter?.targets ?? []) {
        const waiting = before.get(target.name)?.waiting ?? saved.waiting[target.name] ?? [];
        tellers.set(target.name, createTeller({ target, waiting, heard: save, clock, log, meter }));
      }
      await Promise.all([...before.values()].map(teller => teller.stop(0)));
    },
    look() {
      if (!exporter) return;
      const news = alerts.judge(exporter.afterMs);
      for (const alert of news) {
        log.info(`${alert.endsAt === undefined ? 'alert' : 'over'}: ${alert.summary}`, { name: alert.name });
        for (const teller of tellers.values()) teller.add(alert);
      }
      if (news.length > 0) save();
      for (const severity of ['critical', 'warning'])
        firing.with(severity).set(alerts.firing.filter(alert => alert.severity === severity).length);
      for (const teller of tellers.values()) teller.tick(alerts.firing);
    },
    test: () =>
      Promise.all(
        (exporter?.targets ?? []).map(async ({ name: target, tell }) => {
          const alert = { ...TEST, startsAt: clock.now() };
          return tell(alert, AbortSignal.timeout(TEST_MS)).then(
            () => ({ target }),
            error => ({ target, error: causeOf(error) }),
          );
        }),
      ),
    faults: () => [...tellers.values()].flatMap(teller => teller.fault() ?? []),
    async stop(leftMs) {
      exporter = undefined;
      await Promise.all([...tellers.values()].map(teller => teller.stop(leftMs * SHARE)));
    },
  };
}

function load(path: string, log: Pick<Log, 'warn'>): Saved {
  try {
    const { firing, waiting } = JSON.parse(readReplaced(path) ?? '{}') as Partial<Saved>;
    const queues = Object.entries(waiting ?? {}).map(([name, queue]) => [name, alertsOf(queue)]);
    return { firing: alertsOf(firing), waiting: Object.fromEntries(queues) };
  } catch (error) {
    log.warn(`cannot read "${path}": ${causeOf(error)}; alerts that fired may be told again`);
    return { firing: [], waiting: {} };
  }
}

/** Those of a list that are some, whatever else stands in a file that somebody has edited. */
const alertsOf = (list: unknown): Alert[] =>
  (Array.isArray(list) ? list : []).filter(
    (each: Partial<Alert> | null) =>
      [each?.name, each?.daemon, each?.summary].every(text => typeof text === 'string') &&
      Number.isFinite(each?.startsAt) &&
      typeof each?.labels === 'object',
  );
