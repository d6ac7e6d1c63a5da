// The record street as a whole: spool, flow, streams and pumps, brought to whatever the configuration asks for.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LastWord } from '../core/certificate.ts';
import type { AgentEvent, CollectorEntry, Held, Stream, StreamRoom } from '../core/collector.ts';
import type { ChangingLookup, DaemonSpec } from '../core/daemon.ts';
import { causeOf } from '../core/errors.ts';
import type { ExporterEntry, LogExporter, Refusal } from '../core/exporter.ts';
import type { Log } from '../core/log.ts';
import type { Meter } from '../core/meter.ts';
import type { Family } from '../core/metric.ts';
import type { Patterns } from '../core/pattern.ts';
import type { ProcessorSpec } from '../core/processor.ts';
import { createOrigins } from '../core/record.ts';
import type { Claims } from './claims.ts';
import { makePrivate } from './directory.ts';
import { createEvents } from './events.ts';
import { createFlow } from './flow.ts';
import { identityOf } from './identity.ts';
import { type Kept, keep, type SpoolConfig } from './keep.ts';
import { createLastWords } from './last-words.ts';
import { createLedger } from './ledger.ts';
import { createProcessors } from './processors/index.ts';
import { createPump, type Pump } from './pump.ts';
import { createGauges } from './spool/gauges.ts';

/** The part of the configuration the record street follows. */
export interface DataConfig {
  readonly agent: { readonly state_dir: string; readonly run_dir: string; readonly host_root: string };
  readonly daemons: readonly DaemonSpec[];
  readonly collectors: Readonly<Record<string, unknown>>;
  readonly exporters: Readonly<Record<string, unknown>>;
  readonly processors: readonly ProcessorSpec[];
  readonly spool: SpoolConfig;
}

export interface Data<C extends DataConfig> {
  /** Starts, stops and replaces what differs from what runs; the rest is not touched. */
  apply(config: C): Promise<void>;
  emit(event: AgentEvent): void;
  /** The last records of a declared daemon, oldest first. */
  lastWords(daemon: string): LastWord[];
  /** Output files are opened anew, as whoever moved them away expects. */
  reopen(): Promise<void>;
  /** Once a second: everything that comes round. */
  tick(): void;
  /** Brings gauges up to date before they are read. */
  refresh(): void;
  /** Figures that processors make of records. */
  families(): Iterable<Family>;
  /** Why data does not flow, one line each; as of the last refresh. */
  faults(): string[];
  /** Closes streams, drains what exporters take within the deadline, syncs the spool. False when something failed. */
  stop(deadlineMs: number): Promise<boolean>;
}

interface Running<T> {
  /** What it was made from; another key means another instance. */
  readonly key: string;
  readonly actor: T;
}

export function createData<C extends DataConfig>(room: {
  collectors: readonly CollectorEntry[];
  exporters: readonly ExporterEntry[];
  host: ReadonlyArray<readonly [string, string]>;
  log: Log;
  meter: Meter;
  now: () => number;
  patterns: Patterns;
  daemons: ChangingLookup;
  /** Memory of a `Begun`. */
  begun?: SharedArrayBuffer;
  spoolDir: string;
  /** Keeps what a receiver refused for good; never rejects. */
  refused?: (exporter: string, refused: readonly Refusal[]) => Promise<void>;
}): Data<C> {
  const { log, meter, now, host, daemons } = room;
  const ledger = createLedger(meter);
  const gauges = createGauges(meter, now);
  const streams = new Map<string, Running<Stream>>();
  const pumps = new Map<string, Running<Pump>>();
  const failed = new Map<string, string>();
  const left = new Map<string, { held: Held[]; legacy: unknown[] }>();
  let kept: Kept | undefined;
  /** Faults of what runs. */
  let standing: string[] = [];

  const lastWords = createLastWords();
  const flow = createFlow({
    lastWords,
    host,
    meter,
    ledger,
    outlet: {
      append(batch) {
        if (!kept) return undefined;
        const seq = kept.spool.append(batch);
        if (seq && kept.spool.known().length === 0) ledger.dropped('no_exporter', '', batch.records);
        return seq;
      },
      settle: () => kept?.spool.settle(),
      isCrowded: () => kept?.spool.isCrowded() === true,
    },
    sealed({ mayWait }) {
      kept?.keeper.stored(mayWait === true);
      for (const { actor } of pumps.values()) actor.wake();
    },
  });
  const here = host.find(([key]) => key === 'host.name')?.[1];
  const specOf = (daemon: string) => daemons.declared.find(({ name }) => name === daemon);
  const origins = createOrigins(undefined, (daemon, abroad) => identityOf(specOf(daemon), abroad ?? here));
  const events = createEvents(flow, origins);
  const processors = createProcessors({ flow, events, patterns: room.patterns, now });

  const exporterRoom = (config: C, name: string) => ({
    name,
    stateDir: join(config.agent.state_dir, name),
    log: log.room(`exporter/${name}`),
    meter,
    host,
    now,
  });

  const startPump = async (config: C, entry: ExporterEntry, key: string, claims: Claims) => {
    const { name } = entry;
    const pumpRoom = exporterRoom(config, name);
    let exporter: LogExporter | undefined;
    try {
      exporter = await entry.logs!(config.exporters[name], pumpRoom);
    } catch (error) {
      // An exporter that cannot start has its claim all the same: its records wait in the spool.
      claims.claim(name);
      throw error;
    }
    if (!exporter) return claims.release(name);
    const reader = claims.claim(name);
    const gone = reader.rewind();
    const pump = createPump({
      name,
      exporter,
      reader,
      log: pumpRoom.log,
      meter,
      settled(delivered, rejected, reason) {
        ledger.delivered(name, delivered);
        if (rejected > 0) ledger.dropped(reason, name, rejected);
      },
      refused: async refused => room.refused?.(name, refused),
    });
    ledger.delivered(name, 0);
    ledger.dropped('spool_full', name, gone);
    pumps.set(name, { key, actor: pump });
  };

  const startStream = async (config: C, entry: CollectorEntry, key: string) => {
    if (entry.thread !== 'data') return;
    const { name } = entry;
    const stateDir = join(config.agent.state_dir, name);
    makePrivate(stateDir);
    const streamRoom: StreamRoom = {
      name,
      root: config.agent.host_root,
      stateDir,
      runDir: config.agent.run_dir,
      log: log.room(name),
      meter,
      daemons,
      patterns: room.patterns,
      ...(room.begun && { begun: room.begun }),
      now,
      origins,
      events,
      ...left.getOrInsert(name, { held: [], legacy: [] }),
    };
    const stream = (await entry.load()).create(config.collectors[name], streamRoom);
    streams.set(name, { key, actor: stream });
    await stream.open(flow.attach(name, stream));
  };

  const attempt = async (what: string, work: () => Promise<void>) => {
    failed.delete(what);
    try {
      await work();
    } catch (error) {
      failed.set(what, `${what}: ${causeOf(error)}`);
      log.error(`cannot start ${what}: ${causeOf(error)}`);
    }
  };

  /** What it returns ends the last of it: what the stream has not heard of as safe until then is read again. */
  const closeStream = async (name: string, again: boolean) => {
    const actor = streams.get(name)?.actor;
    if (!actor) return undefined;
    streams.delete(name);
    await actor.close(again);
    flow.flush();
    await kept?.keeper.run();
    return () => {
      flow.detach(name);
      actor.release?.();
    };
  };

  return {
    async apply(config) {
      mkdirSync(config.agent.run_dir, { recursive: true, mode: 0o755 });
      const first = kept === undefined;
      kept ??= keep({ dir: room.spoolDir, config: config.spool, flow, ledger, gauges, events, log, now });
      const { spool, claims, tellLosses } = kept;
      if (!first) spool.limit({ maxSize: config.spool.max_size, whenFull: config.spool.when_full });
      const wanted = (name: string) => (config.exporters[name] ?? false) !== false;

      for (const entry of room.exporters) {
        if (!entry.logs) continue;
        const key = JSON.stringify(config.exporters[entry.name]);
        const running = pumps.get(entry.name);
        if (running?.key === key) continue;
        if (running) await running.actor.leave();
        pumps.delete(entry.name);
        if (wanted(entry.name))
          await attempt(`exporter ${entry.name}`, () => startPump(config, entry, key, claims));
      }
      for (const name of spool.known()) if (!wanted(name)) claims.release(name);
      if (first) tellLosses();

      flow.declare(new Set(config.daemons.map(({ name }) => name)));
      processors.apply(config.processors, config.daemons);
      const { declared } = daemons;
      daemons.declare(config.daemons);
      if (daemons.declared !== declared) for (const { actor } of streams.values()) actor.redeclared?.();
      for (const entry of room.collectors) {
        if (entry.thread !== 'data') continue;
        const options = config.collectors[entry.name];
        const key = JSON.stringify(options);
        if (streams.get(entry.name)?.key === key) continue;
        await attempt(`collector ${entry.name}`, async () => {
          const isOn = options !== undefined && options !== false;
          (await closeStream(entry.name, isOn))?.();
          if (isOn) await startStream(config, entry, key);
        });
      }
    },
    emit: events.emit,
    async reopen() {
      await Promise.all([...pumps.values()].map(({ actor }) => actor.reopen()));
    },
    lastWords(daemon) {
      flow.flush();
      return lastWords.of(daemon);
    },
    families: processors.families,
    tick() {
      for (const { actor } of streams.values()) actor.tick?.();
      for (const { actor } of pumps.values()) actor.tick();
      processors.tick();
      kept?.keeper.tick();
    },
    refresh() {
      if (!kept) return;
      kept.claims.refresh(performance.now());
      const stats = kept.spool.stats();
      const found = [...streams].map(([name, { actor }]) => [name, actor.faults()] as const);
      gauges.set(stats);
      gauges.collectors(found.map(([name, faults]) => [name, faults.length === 0]));
      standing = [
        ...found.flatMap(([name, faults]) => faults.map(fault => `collector ${name}: ${fault}`)),
        ...[...pumps.values()].flatMap(({ actor }) => actor.fault() ?? []),
        ...stats.faults,
      ];
    },
    faults: () => [...failed.values(), ...standing],
    async stop(deadlineMs) {
      const end = performance.now() + deadlineMs;
      let clean = true;
      const closed: Awaited<ReturnType<typeof closeStream>>[] = [];
      for (const name of [...streams.keys()]) {
        try {
          closed.push(await closeStream(name, false));
        } catch (error) {
          clean = false;
          log.error(`cannot close collector ${name}: ${causeOf(error)}`);
        }
      }
      processors.close();
      flow.flush();
      // What is on disk waits there for the next life; of what is not, the last try has to succeed.
      const failures = kept?.spool.settle() === false ? Number.POSITIVE_INFINITY : 1;
      const leftMs = Math.max(0, end - performance.now());
      await Promise.all([...pumps.values()].map(({ actor }) => actor.stop(leftMs, failures)));
      await kept?.keeper.run();
      for (const detach of closed) detach?.();
      kept?.keeper.stop();
      this.refresh();
      await kept?.spool.close();
      return clean;
    },
  };
}
