// The flight recorder: the latest minutes and hours of each declared daemon's figures, in memory that is taken once.
// It reads what the samplers told, whichever they are. Pure.

import type { Samples } from '../core/certificate.ts';
import type { DaemonSpec } from '../core/daemon.ts';
import type { SampleSink } from '../core/meter.ts';
import type { Family, Point } from '../core/metric.ts';
import {
  type Ceiling,
  createForesight,
  type Exhaustion,
  type Foresight,
  writeExhaustion,
} from './exhaustion.ts';
import { parseCondition } from './expect.ts';
import { createRing, type Ring } from './ring.ts';
import { createTrendFinder } from './slope.ts';

export interface Recorder {
  /** From the next samples on. */
  declare(declared: readonly DaemonSpec[]): void;
  /** What samplers told in one cycle, `at` in monotonic ms. */
  take(at: number, families: Iterable<Family>): void;
  /** An instance began, `at` in Unix ms: figures from before are of another life. */
  began(daemon: string, at: number): void;
  /** From `since` on, in Unix ms. */
  samples(daemon: string, since: number): Samples;
  /** Cores in use between the latest two samples; undefined without two from `since` on, in Unix ms. */
  cpu(daemon: string, since: number): number | undefined;
  exhaustion(daemon: string): Exhaustion;
  /** Writes the exhaustion of every daemon that has one. */
  sample(out: SampleSink): void;
}

/** 128 rows, 10 minutes and more at 5 s, 2 hours at a minute: 14 KiB a daemon. */
const ROWS = 128;
const FINE_MS = 5000;
const COARSE_MS = 60_000;

const CPU = 0;
const MEMORY = 1;
const PRIVATE = 2;
const FDS = 3;
const FD_SHARE = 4;
const DELETED = 5;
const COLUMNS = 6;
/** Columns by what samplers call them; the modes of CPU time are one. */
const COLUMN_OF: Readonly<Record<string, number>> = {
  'eudaemon.daemon.cpu': CPU,
  'eudaemon.daemon.resident_memory': MEMORY,
  'eudaemon.daemon.anonymous_memory': PRIVATE,
  'eudaemon.daemon.open_fds': FDS,
  'eudaemon.daemon.max_fds_ratio': FD_SHARE,
  'eudaemon.daemon.deleted_open': DELETED,
};
const BOUND_OF: Readonly<Record<string, 'memoryLimit' | 'diskFree'>> = {
  'eudaemon.daemon.cgroup_memory_limit': 'memoryLimit',
  'eudaemon.daemon.deleted_open_free': 'diskFree',
};
const HOST_AVAILABLE = 'system.memory.linux.available';

interface Life {
  readonly fine: Ring;
  readonly coarse: Ring;
  /** The row being filled; columns of slower samplers keep what they had. */
  readonly row: Float64Array;
  seen: boolean;
  memoryLimit: number;
  diskFree: number;
  /** Monotonic ms. */
  since: number;
  exhaustion: Exhaustion;
}

/**
 * `epoch` gives what is 0 of the monotonic clock, in Unix ms: rows stand in that, for the other clock may be set, and are
 * told in the other as it is set then.
 */
export function createRecorder(declared: readonly DaemonSpec[], epoch: () => number): Recorder {
  const foresee = createForesight(createTrendFinder(), ROWS);
  let lives = new Map<string, Life>();
  let wished = new Map<string, number>();
  let available = Number.NaN;

  const recorder: Recorder = {
    declare(specs) {
      lives = new Map(specs.map(({ name }) => [name, lives.get(name) ?? newLife()]));
      wished = new Map(specs.flatMap(({ name, expect }) => boundOf(name, expect.memory)));
    },
    take(at, families) {
      let cycle = false;
      for (const { desc, points } of families) {
        const column = COLUMN_OF[desc.name];
        const bound = BOUND_OF[desc.name];
        if (desc.name === HOST_AVAILABLE) for (const { value } of points) available = value;
        if (bound !== undefined) takeBound(lives, bound, points);
        if (column === undefined) continue;
        cycle ||= column === MEMORY;
        for (const { labels, value } of points) {
          const life = lives.get(labels[0]!);
          if (!life) continue;
          const sum = column === CPU ? life.row[CPU]! : Number.NaN;
          life.row[column] = Number.isNaN(sum) ? value : sum + value;
          // Whoever has no memory does not run.
          life.seen ||= column === MEMORY && value > 0;
        }
      }
      if (!cycle) return;
      for (const [name, life] of lives) {
        if (life.seen) {
          life.fine.push(at, life.row);
          life.coarse.push(at, life.row);
          life.exhaustion = exhaustionOf(foresee, life, available, wished.get(name));
        } else life.exhaustion = {};
        life.row.fill(Number.NaN, 0, DELETED);
        life.seen = false;
      }
    },
    began(daemon, at) {
      const life = lives.get(daemon);
      if (!life) return;
      life.since = at - epoch();
      life.row[DELETED] = Number.NaN;
      life.exhaustion = {};
    },
    samples: (daemon, since) => samplesOf(lives.get(daemon)?.fine, since, epoch()),
    cpu: (daemon, since) => latestCpu(lives.get(daemon)?.fine, since - epoch()),
    exhaustion: daemon => lives.get(daemon)?.exhaustion ?? {},
    sample(out) {
      for (const [name, { exhaustion }] of lives) writeExhaustion(out, name, exhaustion);
    },
  };
  recorder.declare(declared);
  return recorder;
}

const newLife = (): Life => ({
  fine: createRing(ROWS, COLUMNS, FINE_MS),
  coarse: createRing(ROWS, COLUMNS, COARSE_MS),
  row: new Float64Array(COLUMNS).fill(Number.NaN),
  seen: false,
  memoryLimit: Number.NaN,
  diskFree: Number.NaN,
  since: -Infinity,
  exhaustion: {},
});

/** Whoever is not named has none. */
function takeBound(
  lives: ReadonlyMap<string, Life>,
  bound: 'memoryLimit' | 'diskFree',
  points: Iterable<Point>,
): void {
  for (const life of lives.values()) life[bound] = Number.NaN;
  for (const { labels, value } of points) {
    const life = lives.get(labels[0]!);
    if (life) life[bound] = value;
  }
}

/** The highest memory that `expect` allows. */
function boundOf(name: string, expected: string | undefined): [string, number][] {
  if (expected === undefined) return [];
  const { limit, holds } = parseCondition(expected);
  return holds(0) && !holds(Infinity) ? [[name, limit]] : [];
}

/**
 * Memory ends at the limit of the control group, where caches give way and only what is anonymous counts; at what the
 * configuration expects; and where the host has none left.
 */
function exhaustionOf(
  foresee: Foresight,
  life: Life,
  available: number,
  wished: number | undefined,
): Exhaustion {
  const { memoryLimit, diskFree, since } = life;
  const memory: Ceiling[] = [];
  if (memoryLimit > 0) memory.push({ column: PRIVATE, left: used => memoryLimit - used });
  if (wished !== undefined) memory.push({ column: MEMORY, left: used => wished - used });
  if (available >= 0) memory.push({ column: PRIVATE, left: () => available });
  const found: Partial<Record<keyof Exhaustion, number>> = {};
  for (const [resource, ceilings] of [
    ['fds', [{ column: FD_SHARE, left: (used: number) => 1 - used }]],
    ['memory', memory],
    ['disk', diskFree >= 0 ? [{ column: DELETED, left: () => diskFree }] : []],
  ] as const) {
    const seconds = foresee(life, since, ceilings);
    if (seconds !== undefined) found[resource] = seconds;
  }
  return found;
}

/** `since` in Unix ms, of which the ring's clock was 0 at `epoch`. */
function samplesOf(ring: Ring | undefined, since: number, epoch: number): Samples {
  const samples = { at: [], cpu: [], memory: [], fds: [], fdUsage: [] } as Record<
    keyof Samples,
    (number | null)[]
  >;
  let [beforeAt, beforeCpu] = [Number.NaN, Number.NaN];
  for (const row of ring?.rows(since - epoch) ?? []) {
    const [at, cpu] = [row[0]!, row[1 + CPU]!];
    samples.at.push(Math.round(epoch + at));
    samples.cpu.push(known(coresOf(cpu - beforeCpu, at - beforeAt)));
    samples.memory.push(known(row[1 + MEMORY]!));
    samples.fds.push(known(row[1 + FDS]!));
    samples.fdUsage.push(known(row[1 + FD_SHARE]!));
    [beforeAt, beforeCpu] = [at, cpu];
  }
  return samples as Samples;
}

function latestCpu(ring: Ring | undefined, since: number): number | undefined {
  const [before, latest] = [ring?.newest(1), ring?.newest(0)];
  if (!before || !latest || before[0]! < since) return undefined;
  return known(coresOf(latest[1 + CPU]! - before[1 + CPU]!, latest[0]! - before[0]!)) ?? undefined;
}

const coresOf = (seconds: number, ms: number): number => Math.max(0, seconds / (ms / 1000));

const known = (figure: number): number | null => (Number.isFinite(figure) ? figure : null);
