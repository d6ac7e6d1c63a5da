// When each declared daemon last logged, and for how long it may be silent: as configured, or by its own rhythm, which is
// kept over restarts of the agent.

import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DaemonSpec } from '../core/daemon.ts';
import { causeOf, codeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { SampleSink } from '../core/meter.ts';
import type { Desc, Family } from '../core/metric.ts';
import { replaceFile } from '../native/replace.ts';
import { createRhythm, emptyRhythm, isRhythm, type KeptRhythm, type Rhythm } from './rhythm.ts';

/** What the table asks. */
export interface Voices {
  /** Monotonic ms when it was last heard in this life of the agent; undefined while it was not. */
  heardAt(daemon: string): number | undefined;
  /** In ms; undefined while there is nothing to expect. */
  limit(spec: DaemonSpec, now: number): number | undefined;
}

export interface Silence extends Voices {
  /** Takes the latest families of the data worker; gives `now`. */
  take(now: number, families: Iterable<Family>): number;
  /** The last record times the data worker has not seen in this life; 0 for never. */
  sample(out: SampleSink, declared: readonly DaemonSpec[]): void;
  /** Writes what has changed. */
  save(): void;
}

const LAST: Desc = {
  name: 'eudaemon.log.last_timestamp',
  type: 'gauge',
  unit: 's',
  help: 'When the last log record of a daemon was received, in Unix seconds.',
  labels: ['daemon'],
};
const VERSION = 1;
const MAX_DAEMONS = 1000;
const SAVE_MS = 60_000;

interface Voice {
  /** Unix ms of its last record, kept for the series. */
  lastAt: number | undefined;
  heardAt: number | undefined;
  readonly rhythm: Rhythm;
}

/** `elapsed` in monotonic ms: setting the clock makes nobody silent. */
export function createSilence(stateDir: string, log: Pick<Log, 'warn'>, elapsed: () => number): Silence {
  const path = join(stateDir, 'identity', 'voices.json');
  const voices = load(path, log);
  let warned = false;
  let changed = false;
  let savedAt = elapsed();

  const voiceOf = (daemon: string): Voice => {
    let voice = voices.get(daemon);
    if (!voice) {
      voice = { lastAt: undefined, heardAt: undefined, rhythm: createRhythm(emptyRhythm()) };
      voices.set(daemon, voice);
    }
    return voice;
  };

  const self: Silence = {
    heardAt: daemon => voices.get(daemon)?.heardAt,
    limit: ({ name, logs }, now) =>
      logs.expect_every === 'learn' ? voices.get(name)?.rhythm.limit(now) : logs.expect_every,
    take(now, families) {
      for (const { desc, points } of families) {
        if (desc.name !== LAST.name) continue;
        for (const { labels, value } of points) {
          const voice = voiceOf(labels[0]!);
          const lastAt = value * 1000;
          const at = elapsed();
          if (voice.heardAt !== undefined && lastAt === voice.lastAt) continue;
          // A gap that the agent itself has slept through says nothing.
          if (voice.heardAt !== undefined) voice.rhythm.take(at - voice.heardAt, now);
          voice.lastAt = lastAt;
          voice.heardAt = at;
          changed = true;
        }
      }
      if (elapsed() - savedAt >= SAVE_MS) {
        savedAt = elapsed();
        self.save();
      }
      return now;
    },
    sample(out, declared) {
      for (const { name } of declared) {
        const voice = voices.get(name);
        if (voice?.heardAt === undefined) out.set(LAST, (voice?.lastAt ?? 0) / 1000, name);
      }
    },
    save() {
      if (!changed) return;
      const kept = [...voices].slice(-MAX_DAEMONS).map(([daemon, { lastAt, rhythm }]) => ({
        daemon,
        ...(lastAt !== undefined && { lastAt }),
        rhythm: rhythm.kept,
      }));
      try {
        mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
        replaceFile(path, JSON.stringify({ version: VERSION, daemons: kept }));
        changed = false;
      } catch (error) {
        if (!warned)
          log.warn(`cannot write "${path}": ${causeOf(error)}; rhythms are learned anew next time`);
        warned = true;
      }
    },
  };
  return self;
}

function load(path: string, log: Pick<Log, 'warn'>): Map<string, Voice> {
  const voices = new Map<string, Voice>();
  try {
    const { version, daemons } = JSON.parse(readFileSync(path, 'utf8')) as {
      version: unknown;
      daemons: { daemon: unknown; lastAt?: unknown; rhythm: unknown }[];
    };
    if (version !== VERSION || !Array.isArray(daemons))
      throw new Error('it is damaged, or of another version');
    for (const { daemon, lastAt, rhythm } of daemons.slice(-MAX_DAEMONS)) {
      if (typeof daemon !== 'string' || !isRhythm(rhythm)) continue;
      voices.set(daemon, {
        lastAt: typeof lastAt === 'number' ? lastAt : undefined,
        heardAt: undefined,
        rhythm: createRhythm(rhythm as KeptRhythm),
      });
    }
  } catch (error) {
    if (codeOf(error) !== 'ENOENT')
      log.warn(`cannot read "${path}": ${causeOf(error)}; rhythms are learned anew`);
  }
  return voices;
}
