// Reloading: the new configuration is read whole before anything is touched; a bad one keeps the old one running.

import { ConfigError, causeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Meter } from '../core/meter.ts';
import type { Desc } from '../core/metric.ts';

const SUCCESSFUL: Desc = {
  name: 'eudaemon.config.last_reload_successful',
  type: 'gauge',
  help: 'Whether the last load of the configuration succeeded.',
};
const TRIED: Desc = {
  name: 'eudaemon.config.last_reload_timestamp',
  type: 'gauge',
  unit: 's',
  help: 'When the configuration was last loaded, whether that succeeded or not, in Unix seconds.',
};
const TIMESTAMP: Desc = {
  name: 'eudaemon.config.last_reload_success_timestamp',
  type: 'gauge',
  unit: 's',
  help: 'When the configuration in force was loaded, in Unix seconds.',
};

/** Resolves with the problems that kept the old configuration, or undefined when the new one runs. */
export type Reload = () => Promise<readonly string[] | undefined>;

/** Reloads asked for while one is under way run after it, once. */
export function createReload<C>(room: {
  load: () => Promise<C>;
  apply: (config: C) => Promise<void>;
  log: Log;
  /** Before what the log tells of a reload. */
  answer?: () => void;
  meter: Meter;
  now: () => number;
}): Reload {
  const { log, now } = room;
  const successful = room.meter.instrument(SUCCESSFUL).with();
  const timestamp = room.meter.instrument(TIMESTAMP).with();
  const tried = room.meter.instrument(TRIED).with();
  successful.set(1);
  tried.set(now() / 1000);
  timestamp.set(now() / 1000);
  let running: ReturnType<Reload> = Promise.resolve(undefined);
  let next: ReturnType<Reload> | undefined;

  const reload: Reload = async () => {
    tried.set(now() / 1000);
    room.answer?.();
    try {
      await room.apply(await room.load());
      successful.set(1);
      timestamp.set(now() / 1000);
      log.info('configuration reloaded');
      return undefined;
    } catch (error) {
      successful.set(0);
      const problems = error instanceof ConfigError ? error.message.split('\n') : [causeOf(error)];
      log.error('cannot reload the configuration: the old one stays in force');
      for (const problem of problems) log.error(problem);
      return problems;
    }
  };
  return () => {
    next ??= running.then(() => {
      next = undefined;
      running = reload();
      return running;
    });
    return next;
  };
}
