// Who of each daemon ran at the last look, kept over restarts of the agent: who is gone by the first look of the next life
// has ended while nobody looked.

import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Instance } from '../core/daemon.ts';
import { causeOf, codeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { isSameProcess } from '../core/procstat.ts';
import { replaceFileLater } from '../native/replace.ts';

export interface Roll {
  /** When it was looked at, Unix ms. */
  readonly at: number;
  readonly tops: readonly Instance[];
  /** Of tops that have ended. */
  readonly leftOver: readonly Instance[];
  /** As it was found, when nobody declared it. */
  readonly found?: unknown;
}

export interface Rolls {
  /** Of the life before, as long as `take` was not called; undefined when it knew nothing, or the host has been restarted. */
  last(daemon: string): Roll | undefined;
  /** By name, those of the life before whom that had found and nobody declared, and whose instances are all gone. */
  formerly(lives: (process: Instance) => boolean): Readonly<Record<string, unknown>>;
  /** By daemon; written when somebody else runs than before, and once a minute. `found`: those that nobody declared. */
  take(rolls: ReadonlyMap<string, Roll>, found?: () => Readonly<Record<string, unknown>>): void;
  /** Resolves when the disk has the latest. */
  flush(): Promise<void>;
}

/** All who ran then, by what runs now: who had begun by then was a top, too, but for what was left over. */
export function running({ at, tops, leftOver }: Roll, instances: readonly Instance[]): readonly Instance[] {
  const sessions = new Set(tops.map(({ session }) => session));
  const isLeft = (each: Instance) =>
    leftOver.some(left => isSameProcess(left, each)) ||
    (each.session !== undefined && sessions.has(each.session));
  const others = instances
    .filter(each => each.startedAt * 1000 < at && !tops.some(top => isSameProcess(top, each)))
    .map(each => ({ ...each, claimed: each.claimed && !isLeft(each) }));
  return [...tops, ...others];
}

const VERSION = 1;
const AGAIN_MS = 60_000;

/** `boot`: which boot of the host this is; empty when that cannot be told. `elapsed` in monotonic ms. */
export function createRolls(
  stateDir: string,
  boot: string,
  log: Pick<Log, 'warn'>,
  elapsed: () => number,
): Rolls {
  const path = join(stateDir, 'identity', 'running.json');
  let before = boot === '' ? new Map<string, Roll>() : load(path, boot, log);
  let latest: ReadonlyMap<string, Roll> = new Map();
  let latestFound: () => Readonly<Record<string, unknown>> = () => ({});
  let written: ReadonlyMap<string, Roll> = latest;
  let writtenAt = -Infinity;
  let writing: Promise<void> | undefined;
  let warned = false;

  const write = async () => {
    while (written !== latest) {
      written = latest;
      try {
        mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
        await replaceFileLater(path, textOf(boot, latest, latestFound()), true, () => true);
        warned = false;
      } catch (error) {
        if (!warned)
          log.warn(
            `cannot write "${path}": ${causeOf(error)}; which daemons end while no agent runs stays unknown`,
          );
        warned = true;
      }
    }
    writing = undefined;
  };
  const save = () => {
    writing ??= write();
  };

  return {
    last: daemon => before.get(daemon),
    formerly: lives =>
      Object.fromEntries(
        [...before].flatMap(([name, { tops, found }]) =>
          found !== undefined && tops.length > 0 && !tops.some(lives) ? [[name, found]] : [],
        ),
      ),
    take(rolls, found = () => ({})) {
      if (rolls.size === 0) return;
      before = new Map();
      const isSame =
        rolls.size === latest.size && [...rolls].every(([name, roll]) => isEqual(roll, latest.get(name)));
      if (isSame && elapsed() - writtenAt < AGAIN_MS) return;
      latest = rolls;
      latestFound = found;
      writtenAt = elapsed();
      save();
    },
    async flush() {
      await writing;
    },
  };
}

const isEqual = (a: Roll, b: Roll | undefined): boolean =>
  b !== undefined && isSameList(a.tops, b.tops) && isSameList(a.leftOver, b.leftOver);

const isSameList = (a: readonly Instance[], b: readonly Instance[]): boolean =>
  a === b ||
  (a.length === b.length &&
    a.every(({ pid, startTicks }, i) => pid === b[i]!.pid && startTicks === b[i]!.startTicks));

const textOf = (
  boot: string,
  rolls: ReadonlyMap<string, Roll>,
  found: Readonly<Record<string, unknown>>,
): string =>
  JSON.stringify({
    version: VERSION,
    boot,
    daemons: Array.from(rolls, ([daemon, { at, tops, leftOver }]) => ({
      daemon,
      at,
      tops: tops.map(kept),
      leftOver: leftOver.map(kept),
      found: found[daemon],
    })),
  });

const kept = ({ pid, startTicks, startedAt, comm, session }: Instance) => ({
  pid,
  startTicks,
  startedAt,
  comm,
  ...(session !== undefined && { session }),
});

function load(path: string, boot: string, log: Pick<Log, 'warn'>): Map<string, Roll> {
  try {
    const content = JSON.parse(readFileSync(path, 'utf8'));
    if (content.version !== VERSION || !Array.isArray(content.daemons) || !content.daemons.every(isRoll))
      throw new Error('it is damaged, or of another version');
    if (content.boot !== boot) return new Map();
    return new Map(
      content.daemons.map(({ daemon, at, tops, leftOver, found }: Roll & { daemon: string }) => [
        daemon,
        {
          at,
          tops: tops.map(restored),
          leftOver: leftOver.map(restored),
          ...(found !== undefined && { found }),
        },
      ]),
    );
  } catch (error) {
    if (codeOf(error) !== 'ENOENT')
      log.warn(
        `cannot read "${path}": ${causeOf(error)}; which daemons have ended while no agent ran stays unknown`,
      );
    return new Map();
  }
}

const restored = (kept: Instance): Instance => ({ ...kept, ppid: 0, state: 'S', claimed: true });

const isRoll = (value: (Partial<Roll> & { daemon?: unknown }) | null): boolean =>
  typeof value?.daemon === 'string' &&
  typeof value.at === 'number' &&
  [value.tops, value.leftOver].every(list => Array.isArray(list) && list.every(isKept));

const isKept = (value: Partial<Instance> | null): boolean =>
  [value?.pid, value?.startTicks, value?.startedAt].every(Number.isFinite) && typeof value?.comm === 'string';
