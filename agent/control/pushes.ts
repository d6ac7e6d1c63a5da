// The exporters that figures are pushed to, brought to whatever the configuration asks for.

import { join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import type { ExporterEntry } from '../core/exporter.ts';
import type { Log } from '../core/log.ts';
import type { Meter } from '../core/meter.ts';
import type { Family } from '../core/metric.ts';
import { createPush, type Push } from './push.ts';

/** Of the time left until the deadline: records matter more. */
const SHARE = 0.2;

interface PushesConfig {
  readonly agent: { readonly state_dir: string };
  readonly exporters: Readonly<Record<string, unknown>>;
}

export interface Pushes {
  /** Starts, stops and replaces what differs from what runs. */
  apply(config: PushesConfig): Promise<void>;
  faults(): string[];
  stop(leftMs: number): Promise<void>;
}

export function createPushes(room: {
  exporters: readonly ExporterEntry[];
  families: () => Promise<Iterable<Family>>;
  clock: Clock;
  log: Log;
  meter: Meter;
  host: ReadonlyArray<readonly [string, string]>;
}): Pushes {
  const { families, clock, meter, host } = room;
  const running = new Map<string, Push>();
  const keys = new Map<string, string>();

  return {
    async apply(config) {
      for (const entry of room.exporters) {
        if (!entry.metrics) continue;
        const { name } = entry;
        const options = config.exporters[name];
        const key = JSON.stringify(options);
        if (keys.get(name) === key) continue;
        await running.get(name)?.stop();
        running.delete(name);
        keys.delete(name);
        const log = room.log.room(`exporter/${name}`);
        const stateDir = join(config.agent.state_dir, name);
        const exporter = options
          ? await entry.metrics(options, { name, stateDir, log, meter, host, now: clock.now })
          : undefined;
        // One that could not be made is tried again by the next reload.
        keys.set(name, key);
        if (!exporter) continue;
        const push = createPush({ name, exporter, families, clock, log, meter });
        running.set(name, push);
        push.start();
      }
    },
    faults: () => [...running.values()].flatMap(push => push.fault() ?? []),
    async stop(leftMs) {
      await Promise.all([...running.values()].map(push => push.stop(leftMs * SHARE)));
    },
  };
}
