// The web configuration in force: its files are looked at when somebody connects or asks, and a bad change keeps what was.

import { statSync } from 'node:fs';
import { causeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { WebConfig, WebSource } from '../core/web.ts';

/** Looks are at least so far apart. */
const LOOK_MS = 1000;

interface Loaded {
  readonly config: WebConfig;
  readonly files: readonly string[];
}

export const OPEN: WebSource = {
  current: () => ({ tls: undefined, users: new Map(), headers: {} }),
};

export interface WebFiles extends WebSource {
  /** What was read of them by somebody else. Parts that did not change stay the same objects. */
  take(loaded: Loaded): void;
}

/** `elapsed` in monotonic ms. `load` reads the files again; `first` is what it gave before. */
export function watchWeb(room: {
  first: Loaded;
  load: () => Loaded;
  log: Log;
  elapsed: () => number;
}): WebFiles {
  const { log, elapsed } = room;
  let { config, files } = room.first;
  let seen = state(files);
  let lookedAt = elapsed();

  const take = (next: Loaded) => {
    const tls = JSON.stringify(next.config.tls) === JSON.stringify(config.tls) ? config.tls : next.config.tls;
    config = { ...next.config, tls };
    files = next.files;
    seen = state(files);
  };

  const look = () => {
    const found = state(files);
    if (found === seen) return;
    seen = found;
    try {
      take(room.load());
      log.info('web configuration read again', { users: config.users.size, tls: config.tls !== undefined });
    } catch (error) {
      log.error('cannot read the web configuration again: the old one stays in force');
      for (const line of causeOf(error).split('\n')) log.error(line);
    }
  };

  return {
    take,
    current() {
      if (elapsed() - lookedAt >= LOOK_MS) {
        lookedAt = elapsed();
        look();
      }
      return config;
    },
  };
}

/** Changes when one of the files does; a missing one counts as well. */
function state(files: readonly string[]): string {
  return files
    .map(path => {
      try {
        const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path);
        return [dev, ino, size, mtimeMs, ctimeMs].join(' ');
      } catch (error) {
        return causeOf(error);
      }
    })
    .join('\n');
}
