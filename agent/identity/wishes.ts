// Which daemons somebody has told us to expect down, and until when; kept over restarts of the agent.

import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { causeOf, codeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { replaceFile } from '../native/replace.ts';

/** Unix ms. Without `until` it holds until the daemon has come up again. */
export interface Wish {
  readonly since: number;
  readonly until?: number;
  readonly reason?: string;
}

export interface Wishes {
  of(daemon: string, now: number): Wish | undefined;
  set(daemon: string, wish: Wish): void;
  /** False when there was none. */
  drop(daemon: string): boolean;
}

const MAX_BYTES = 2 ** 20;

export function createWishes(stateDir: string, log: Pick<Log, 'warn'>): Wishes {
  const path = join(stateDir, 'identity', 'expected-down.json');
  const wishes = new Map(load(path, log));
  const save = () => {
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      replaceFile(path, JSON.stringify(Object.fromEntries(wishes)));
    } catch (error) {
      log.warn(
        `cannot write "${path}": ${causeOf(error)}; who is expected down is forgotten when the agent ends`,
      );
    }
  };
  const self: Wishes = {
    of(daemon, now) {
      const wish = wishes.get(daemon);
      if (wish?.until !== undefined && wish.until <= now) self.drop(daemon);
      return wishes.get(daemon);
    },
    set(daemon, wish) {
      wishes.set(daemon, wish);
      save();
    },
    drop(daemon) {
      const had = wishes.delete(daemon);
      if (had) save();
      return had;
    },
  };
  return self;
}

function load(path: string, log: Pick<Log, 'warn'>): [string, Wish][] {
  try {
    const text = readFileSync(path, 'utf8');
    if (text.length > MAX_BYTES) throw new Error('it is damaged');
    return Object.entries(JSON.parse(text) as Record<string, Partial<Wish>>).flatMap(([daemon, wish]) =>
      typeof wish?.since === 'number' && (wish.until === undefined || typeof wish.until === 'number')
        ? [[daemon, { ...wish, since: wish.since }] as [string, Wish]]
        : [],
    );
  } catch (error) {
    if (codeOf(error) !== 'ENOENT')
      log.warn(`cannot read "${path}": ${causeOf(error)}; nobody is expected down`);
    return [];
  }
}
