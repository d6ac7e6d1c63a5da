// The collectors of the main thread, brought to whatever the configuration asks for.

import { join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import type { CollectorEntry, Sampler, SamplerPlan, SamplerRoom } from '../core/collector.ts';
import { causeOf, takesNothing } from '../core/errors.ts';
import { makeDirectory } from './directories.ts';
import type { Scheduler } from './scheduler.ts';

interface SamplingConfig {
  readonly agent: { readonly state_dir: string; readonly run_dir: string; readonly host_root: string };
  readonly collectors: Readonly<Record<string, unknown>>;
}

export interface Sampling<C extends SamplingConfig> {
  /**
   * Starts, stops and replaces what differs from what runs; the daemons of the room are those of `config` already.
   * Resolves after the first cycle of what is new, or when that takes too long.
   */
  apply(config: C): Promise<void>;
  faults(): string[];
  stop(): Promise<void>;
}

/** First cycles are waited for so long, all together: a check may have any timeout, and the agent is not to wait for it. */
const PATIENCE_MS = 5000;

interface Running {
  /** What it was made from; another key means another instance. */
  readonly key: string;
  /** Undefined when its samplers are what they are, whatever is declared. */
  readonly plan: (() => SamplerPlan[]) | undefined;
  /** By id where they follow from the daemons. */
  readonly samplers: Map<string, Sampler>;
}

export function createSampling<C extends SamplingConfig>(shared: {
  collectors: readonly CollectorEntry[];
  scheduler: Scheduler;
  clock: Pick<Clock, 'after'>;
  room: Omit<SamplerRoom, 'name' | 'stateDir' | 'runDir' | 'root'>;
}): Sampling<C> {
  const { scheduler, room } = shared;
  const running = new Map<string, Running>();
  const failed = new Map<string, string>();

  type Begin = (samplers: readonly Sampler[]) => Promise<void>;

  const start = async (config: C, entry: CollectorEntry, key: string, begin: Begin) => {
    if (entry.thread !== 'main') return;
    const { name } = entry;
    const { state_dir, run_dir, host_root } = config.agent;
    const stateDir = join(state_dir, name);
    try {
      makeDirectory(stateDir, 0o700);
    } catch (error) {
      if (!takesNothing(error)) throw error;
    }
    const made = (await entry.load()).create(config.collectors[name], {
      ...room,
      name,
      stateDir,
      runDir: run_dir,
      root: host_root,
      log: room.log.room(name),
    });
    const fixed = Array.isArray(made) ? made : [];
    const plan = Array.isArray(made) ? undefined : made;
    const started = { key, plan, samplers: new Map(fixed.map((each, i) => [String(i), each])) };
    running.set(name, started);
    await begin(fixed);
    await follow(started, begin);
  };

  /** Stops the samplers that are no longer wanted, then starts those that are new. */
  const follow = async ({ plan, samplers }: Running, begin: Begin) => {
    if (!plan) return;
    const wanted = new Map(plan().map(each => [each.id, each]));
    const gone = [...samplers].filter(([id]) => !wanted.has(id));
    for (const [id] of gone) samplers.delete(id);
    await scheduler.stop(gone.map(([, sampler]) => sampler));
    const fresh = [...wanted.values()].filter(({ id }) => !samplers.has(id));
    for (const { id, create } of fresh) samplers.set(id, create());
    await begin(fresh.map(({ id }) => samplers.get(id)!));
  };

  const stop = async (name: string) => {
    const { samplers } = running.get(name) ?? {};
    running.delete(name);
    if (samplers) await scheduler.stop([...samplers.values()]);
  };

  return {
    async apply(config) {
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const cancel = shared.clock.after(PATIENCE_MS, resolve);
      const looking = new Set<string>();
      const begin: Begin = async samplers => {
        for (const { name } of samplers) looking.add(name);
        const all = scheduler.start(samplers).then(() => {
          for (const { name } of samplers) looking.delete(name);
        });
        await Promise.race([all, late]);
      };
      for (const entry of shared.collectors) {
        if (entry.thread !== 'main') continue;
        const { name } = entry;
        const options = config.collectors[name];
        const key = JSON.stringify(options);
        const before = running.get(name);
        try {
          if (before?.key === key) {
            await follow(before, begin);
            continue;
          }
          await stop(name);
          failed.delete(name);
          if (options !== undefined && options !== false) await start(config, entry, key, begin);
        } catch (error) {
          failed.set(name, causeOf(error));
          room.log.error(`cannot start collector ${name}: ${causeOf(error)}`);
        }
      }
      cancel();
      if (looking.size > 0)
        room.log.warn(`going on before the first look of ${[...looking].join(', ')} has ended`, {
          seconds: PATIENCE_MS / 1000,
        });
    },
    faults: () => [...failed, ...scheduler.faults()].map(([name, reason]) => `collector ${name}: ${reason}`),
    async stop() {
      await Promise.all([...running.keys()].map(stop));
    },
  };
}
