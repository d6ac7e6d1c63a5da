// The JSON behind the console and `eudaemon status`: the daemon table, the families and the store, joined.

import { join } from 'node:path';
import type {
  AgentView,
  CertificatesView,
  DaemonsView,
  DaemonView,
  EndpointsView,
  ExporterView,
  LedgerView,
  LogsView,
  SamplesView,
} from '../console/api.ts';
import { query } from '../exporters/store/query.ts';
import type { Samples } from './core/certificate.ts';
import { type Family, type Point, prometheusName } from './core/metric.ts';
import { tellPosture } from './core/posture.ts';
import { Stopped } from './core/processor.ts';
import { severityLabel } from './core/record.ts';
import { VERSION } from './core/version.ts';
import type { Certificates } from './identity/certificates.ts';
import type { Recorder } from './identity/recorder.ts';
import { sentence } from './identity/sentence.ts';
import type { DaemonTable } from './identity/table.ts';

export interface ApiSources {
  readonly host: string;
  readonly startedAt: number;
  now(): number;
  families(): Promise<Iterable<Family>>;
  table: Pick<DaemonTable, 'snapshot'>;
  certificates: Pick<Certificates, 'of'>;
  recorder: Pick<Recorder, 'samples' | 'cpu' | 'exhaustion'>;
  /** What these processes hold, looked up now. */
  endpoints(pids: readonly number[]): EndpointsView;
  faults(): readonly string[];
  config(): AgentView['config'];
  /** Directory of the local store; undefined while it is off. */
  store(): string | undefined;
}

export type Api = Readonly<Record<string, (query: URLSearchParams) => unknown>>;

const NO_SAMPLES: Samples = { at: [], cpu: [], memory: [], fds: [], fdUsage: [] };
/** Figures of a spark: ten minutes. */
const SPARK = 40;
const SPARK_MS = 15_000;
/** Holds two samples of all but the slowest sampler. */
const RECENT_MS = 10 * 60_000;
/** Most lines one answer holds. */
const MAX_LINES = 1000;
/** Drops that were asked for. */
const WANTED = new Set<string | undefined>(Object.values(Stopped));

/** Families by Prometheus base name, asked by label values. */
function createFigures(families: Iterable<Family>) {
  const byName = new Map<string, Family[]>();
  for (const family of families) {
    const name = prometheusName(family.desc);
    byName.set(name, [...(byName.get(name) ?? []), family]);
  }
  const points = function* (name: string, ...labels: string[]): Iterable<Point> {
    for (const family of byName.get(name) ?? [])
      for (const point of family.points)
        if (labels.every((label, i) => point.labels[i] === label)) yield point;
  };
  return {
    points,
    /** Sum over the series whose first labels are these; undefined when there is none. */
    sum(name: string, ...labels: string[]): number | undefined {
      let sum: number | undefined;
      for (const point of points(name, ...labels)) sum = (sum ?? 0) + point.value;
      return sum;
    },
  };
}
type Figures = ReturnType<typeof createFigures>;

export function createApi(sources: ApiSources): Api {
  const { now, recorder } = sources;

  const daemonView = (status: ReturnType<DaemonTable['snapshot']>[number], figures: Figures): DaemonView => {
    const { name } = status;
    const last = figures.sum('eudaemon_log_last_timestamp_seconds', name);
    const runs = status.running > 0;
    const used = (family: string) => (runs ? figures.sum(family, name) : undefined);
    const [death] = sources.certificates.of(name);
    return {
      name,
      labels: status.labels,
      state: status.state,
      stateSince: status.since,
      hangs: status.hangs,
      up: status.up,
      instances: status.instances,
      cpu: runs ? recorder.cpu(name, now() - RECENT_MS) : undefined,
      memory: used('eudaemon_daemon_resident_memory_bytes'),
      threads: used('eudaemon_daemon_threads'),
      openFds: used('eudaemon_daemon_open_fds'),
      fdUsage: used('eudaemon_daemon_max_fds_ratio'),
      restarts: status.restarts,
      lastExit: status.lastExit,
      ...(death && { lastDeath: { at: death.at, text: sentence(death) } }),
      exhaustion: recorder.exhaustion(name),
      nextStartAt: status.nextStartAt,
      expectedDown: status.expectedDown,
      manager: status.manager,
      checks: status.checks,
      expectations: status.expectations,
      ...(status.posture && { posture: Object.fromEntries(tellPosture(status.posture)) }),
      lastLogAt: last ? last * 1000 : undefined,
    };
  };

  const exporterView = (name: string, figures: Figures): ExporterView => {
    const up = figures.sum('eudaemon_exporter_up', name);
    let dropped = 0;
    for (const point of figures.points('eudaemon_records_dropped'))
      if (point.labels[1] === name) dropped += point.value;
    return {
      name,
      up: up === undefined ? undefined : up === 1,
      delivered: figures.sum('eudaemon_records_delivered', name) ?? 0,
      dropped,
      spooled: figures.sum('eudaemon_spool_records', name) ?? 0,
      failures: figures.sum('eudaemon_exporter_failures', name) ?? 0,
    };
  };

  const ledgerView = (figures: Figures): LedgerView => {
    let dropped = 0;
    let processed = 0;
    for (const { labels, value } of figures.points('eudaemon_records_dropped')) {
      if (labels[1] !== '') continue;
      dropped += value;
      if (WANTED.has(labels[0])) processed += value;
    }
    return {
      received: figures.sum('eudaemon_records_received') ?? 0,
      dropped,
      processed,
      lost: figures.sum('eudaemon_records_lost_estimate') ?? 0,
      spoolBytes: figures.sum('eudaemon_spool_bytes') ?? 0,
    };
  };

  return {
    async '/api/agent'(): Promise<AgentView> {
      const figures = createFigures(await sources.families());
      return {
        version: VERSION,
        host: sources.host,
        pid: process.pid,
        now: now(),
        startedAt: sources.startedAt,
        memory: process.memoryUsage.rss(),
        faults: sources.faults(),
        config: sources.config(),
        collectors: [...figures.points('eudaemon_collector_up')].map(({ labels, value }) => ({
          name: labels[0]!,
          up: value === 1,
        })),
        exporters: [...figures.points('eudaemon_spool_records')].map(({ labels }) =>
          exporterView(labels[0]!, figures),
        ),
        ledger: ledgerView(figures),
      };
    },
    async '/api/daemons'(): Promise<DaemonsView> {
      const figures = createFigures(await sources.families());
      return {
        now: now(),
        daemons: sources.table.snapshot(now()).map(status => daemonView(status, figures)),
      };
    },
    '/api/certificates'(asked): CertificatesView {
      const daemon = asked.get('daemon');
      const certificates =
        daemon === null
          ? sources.table
              .snapshot(now())
              .flatMap(({ name }) => sources.certificates.of(name).slice(0, 1))
              .map(newest => ({ ...newest, samples: NO_SAMPLES, logs: [] }))
              .sort((a, b) => b.at - a.at)
          : sources.certificates.of(daemon);
      return { now: now(), certificates: certificates.map(each => ({ ...each, text: sentence(each) })) };
    },
    '/api/samples'(): SamplesView {
      const end = now();
      const at = Array.from({ length: SPARK }, (_, i) => end - (SPARK - 1 - i) * SPARK_MS);
      const names = sources.table.snapshot(end).map(({ name }) => name);
      return {
        at,
        daemons: Object.fromEntries(
          names.map(name => [name, condense(recorder.samples(name, at[0]! - SPARK_MS), at)]),
        ),
      };
    },
    '/api/endpoints'(asked): EndpointsView | undefined {
      const daemon = sources.table.snapshot(now()).find(({ name }) => name === asked.get('daemon'));
      return daemon && sources.endpoints(daemon.pids);
    },
    async '/api/logs'(asked): Promise<LogsView | undefined> {
      const directory = sources.store();
      if (directory === undefined) return undefined;
      const limit = Math.min(MAX_LINES, Math.max(1, Number(asked.get('limit')) || 100));
      const lines: LogsView['lines'][number][] = [];
      const daemon = asked.get('daemon') ?? undefined;
      for await (const { record } of query(directory, { daemon, newestFirst: true, limit }))
        lines.push({
          at: Date.parse(record.time),
          severity: severityLabel(record.severity_number ?? 0),
          body: typeof record.body === 'string' ? record.body : JSON.stringify(record.body),
        });
      return { lines: lines.reverse() };
    },
  };
}

/** At each time the latest figure since the time before. */
function condense(samples: Samples, at: readonly number[]): SamplesView['daemons'][string] {
  const row = (): (number | null)[] => at.map(() => null);
  const condensed = { cpu: row(), memory: row(), fds: row() };
  for (const [i, time] of samples.at.entries()) {
    const to = at.findIndex(end => time <= end);
    if (to < 0) continue;
    for (const key of ['cpu', 'memory', 'fds'] as const) condensed[key][to] = samples[key][i]!;
  }
  return condensed;
}

/** Where the local store of a configuration is. */
export const storeDirectory = (config: {
  readonly agent: { readonly state_dir: string };
  readonly exporters: Readonly<Record<string, unknown>>;
}): string | undefined => (config.exporters['store'] ? join(config.agent.state_dir, 'store') : undefined);
