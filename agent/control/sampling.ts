// The collectors of the main thread, brought to whatever the configuration asks for.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CollectorEntry, Sampler, SamplerRoom } from '../core/collector.ts';
import { causeOf } from '../core/errors.ts';
import type { Scheduler } from './scheduler.ts';

interface SamplingConfig {
  readonly agent: { readonly state_dir: string; readonly run_dir: string; readonly host_root: string };
  readonly daemons: unknown;
  readonly collectors: Readonly<Record<string, unknown>>;
}

export interface Sampling<C extends SamplingConfig> {
  /** Starts, stops and replaces what differs from what runs. Resolves after the first cycle of what is new. */
  apply(config: C): Promise<void>;
  faults(): string[];
  stop(): Promise<void>;
}

export function createSampling<C extends SamplingConfig>(shared: {
  collectors: readonly CollectorEntry[];
  scheduler: Scheduler;
  room: Omit<SamplerRoom, 'name' | 'stateDir' | 'runDir' | 'root'>;
}): Sampling<C> {
  const { scheduler, room } = shared;
  const running = new Map<string, { key: string; samplers: Sampler[] }>();
  const failed = new Map<string, string>();

  const start = async (config: C, entry: CollectorEntry, key: string) => {
    if (entry.thread !== 'main') return;
    const { name } = entry;
    const { state_dir, run_dir, host_root } = config.agent;
    const stateDir = join(state_dir, name);
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    const samplers = (await entry.load()).create(config.collectors[name], {
      ...room,
      name,
      stateDir,
      runDir: run_dir,
      root: host_root,
      log: room.log.room(name),
    });
    running.set(name, { key, samplers });
    await scheduler.start(samplers);
  };

  return {
    async apply(config) {
      for (const entry of shared.collectors) {
        if (entry.thread !== 'main') continue;
        const { name } = entry;
        const options = config.collectors[name];
        const key = JSON.stringify([options, config.agent, config.daemons]);
        const before = running.get(name);
        if (before?.key === key) continue;
        if (before) await scheduler.stop(before.samplers);
        running.delete(name);
        failed.delete(name);
        if (options === undefined || options === false) continue;
        try {
          await start(config, entry, key);
        } catch (error) {
          failed.set(name, causeOf(error));
          room.log.error(`cannot start collector ${name}: ${causeOf(error)}`);
        }
      }
    },
    faults: () => [...failed, ...scheduler.faults()].map(([name, reason]) => `collector ${name}: ${reason}`),
    async stop() {
      await Promise.all([...running.values()].map(({ samplers }) => scheduler.stop(samplers)));
      running.clear();
    },
  };
}
