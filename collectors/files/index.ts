// Collector `files`: log files, followed so that nobody has to think about rotation. Every line once, none lost, in the
// order of its file; where a line was read to is remembered only once its record is safe.

import type { RecordSink, Stream, StreamRoom } from '../../agent/core/collector.ts';
import { createFollower, type Follower } from './follow.ts';
import type { FilesOptions, KubernetesOptions } from './options.ts';
import { createPods, type Pods } from './pods.ts';
import { createSources, type Source } from './sources.ts';
import { createHints } from './watch.ts';

/**
 * Looks come this often, and with the tick alone where all is quiet and hints can be relied on; less when they would take
 * more than a fifth of a percent of the time, up to a twentieth of it.
 */
const LOOK_MS = 250;
/** Hints are not relied on for so long after a look found what none had told. */
const MISTRUST_MS = 600_000;
/** A file that changed within so long is likely to change again. */
const ACTIVE_MS = 10_000;
const RARE_LOOK_MS = 10_000;
const RARE_SHARE = 500;
const LOOK_SHARE = 20;
/**
 * A hint waits for more to come, and longer when what hints cause would take more than a twentieth of the time: a glance
 * at the files that change no longer than a look would wait, for what they say is waited for.
 */
const HINT_MS = 20;
const HINT_SHARE = 20;
/** Files that changed, remembered; when more do, a look finds them. */
const MAX_CHANGED = 10_000;
/** The first lines wait for the labels of their pods, no longer than this. */
const LABELS_MS = 3000;
/** A look that is due later than this is due because the clock was set back. */
const CLOCK_SET_MS = 600_000;

export function create(options: FilesOptions, room: StreamRoom): Stream {
  const clusters = new Map<string, Pods>();
  const podsOf = (wanted: KubernetesOptions): Pods =>
    clusters.getOrInsertComputed(JSON.stringify(wanted), () => createPods(wanted, room.log));
  let sources = createSources(options, room, podsOf);
  /** Those of the daemons declared since, until what was read for the old ones is safe. */
  let next: Source[] | undefined;
  let sink: RecordSink | undefined;
  let isResting = false;
  const hints = createHints(room.root, room.log, hinted);
  let follower: Follower | undefined;
  let running = false;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let lookAt = 0;
  let wakeAt = 0;
  /** The earliest that a hint may cause a look, and a glance. */
  let hintAt = 0;
  let glanceAt = 0;
  /** Files that are written to: looked at every LOOK_MS, whether hints come or not and however rare looks are. */
  let active: readonly string[] = [];
  let activeAt = 0;
  const changed = new Set<string>();
  /** There is a reason to look. */
  let isHinted = true;
  let mistrustedUntil = 0;

  function schedule(now: number, at: number): void {
    if (!running) return;
    clearTimeout(timer);
    wakeAt = at;
    if (at < Number.POSITIVE_INFINITY) timer = setTimeout(turn, Math.max(0, at - now));
  }

  function hinted(path?: string): void {
    const isLook = path === undefined || changed.size >= MAX_CHANGED;
    const at = Math.max(room.now() + HINT_MS, isLook ? hintAt : glanceAt);
    if (isLook) wantLook(at);
    else changed.add(path);
    if (wakeAt > at) schedule(room.now(), at);
  }

  function wantLook(at: number): void {
    isHinted = true;
    lookAt = Math.min(lookAt, at);
  }

  /** There is more to read of a compressed file. */
  const wake = () => schedule(0, 0);

  function comesToRest(now: number): boolean {
    follower!.look(now);
    isResting = follower!.rest(now);
    if (!isResting)
      room.log.info(
        'log files of other daemons are taken up when those that were deleted are read to their end',
      );
    return isResting;
  }

  /** Goes on with other sources from the checkpoint of the old ones. */
  function handOver(now: number): void {
    follower!.close(now);
    sources = next!;
    next = undefined;
    isResting = false;
    lookAt = hintAt = glanceAt = 0;
    isHinted = true;
    active = [];
    changed.clear();
    follower = createFollower(sources, room, sink!, wake);
    schedule(now, now);
  }

  /** What `work` took of this thread's time, ms; not the time that passed: on a busy machine that is mostly others'. */
  function cost(work: () => void): number {
    const begin = process.threadCpuUsage();
    work();
    const { user, system } = process.threadCpuUsage(begin);
    return (user + system) / 1000;
  }

  function glance(now: number): void {
    const isPoll = active.length > 0 && now >= activeAt;
    if (changed.size === 0 && !isPoll) return;
    const took = cost(() => {
      if (isPoll) for (const path of active) changed.add(path);
      if (!follower!.glance(changed, now)) wantLook(Math.max(now, hintAt));
      if (isPoll) active = follower!.changed(now - ACTIVE_MS);
    });
    changed.clear();
    const after = room.now();
    if (isPoll) activeAt = after + LOOK_MS;
    glanceAt = after + Math.min(LOOK_MS, took * HINT_SHARE);
  }

  function look(now: number): void {
    const took = cost(() => follower!.look(now));
    const after = room.now();
    if (!isHinted && follower!.changed(now).some(path => !changed.has(path)))
      mistrustedUntil = now + MISTRUST_MS;
    isHinted = false;
    changed.clear();
    active = follower!.changed(now - ACTIVE_MS);
    activeAt = after + LOOK_MS;
    hintAt = after + took * HINT_SHARE;
    lookAt = after + Math.max(LOOK_MS, took * LOOK_SHARE, Math.min(RARE_LOOK_MS, took * RARE_SHARE));
    hints.watch(follower!.directories);
  }

  function nextGlance(now: number): number {
    const hinted = changed.size > 0 ? Math.max(glanceAt, now + HINT_MS) : Number.POSITIVE_INFINITY;
    return active.length > 0 ? Math.min(hinted, Math.max(glanceAt, activeAt)) : hinted;
  }

  const isDue = (now: number): boolean => now >= lookAt || lookAt - now > CLOCK_SET_MS;

  function turn(): void {
    if (follower === undefined || isResting) return;
    const now = room.now();
    if (next !== undefined && comesToRest(now)) return;
    if (!isDue(now) && now >= glanceAt) glance(now);
    if (isDue(now)) look(now);
    const more = follower.turn(now);
    const after = room.now();
    const isQuiet = !isHinted && active.length === 0 && after >= mistrustedUntil;
    const nextLook = isQuiet ? Number.POSITIVE_INFINITY : lookAt;
    schedule(after, more ? after : Math.min(nextLook, nextGlance(after)));
  }

  return {
    waits: true,
    async open(out: RecordSink) {
      sink = out;
      await Promise.all(clusters.values().map(pods => pods.settled(LABELS_MS)));
      if (closed) return;
      follower = createFollower(sources, room, out, wake);
      running = true;
      turn();
    },
    resume() {
      follower?.resume();
      schedule(0, 0);
    },
    committed(_written, synced) {
      const now = room.now();
      follower?.committed(synced, now);
      if (!isResting || !running || synced < sink!.pushed) return;
      // What was deleted in the meantime would be found by nobody either.
      if (!comesToRest(now)) schedule(now, now);
      else if (synced >= sink!.pushed) handOver(now);
    },
    redeclared() {
      const wanted = createSources(options, room, podsOf);
      const key = (list: readonly Source[]) => list.map(source => source.key).join('\n');
      next = isResting || key(wanted) !== key(sources) ? wanted : undefined;
      if (next !== undefined) schedule(0, 0);
    },
    tick() {
      if (running && sources.length > 0 && isDue(room.now())) turn();
    },
    faults: () => follower?.faults() ?? [],
    async close() {
      running = false;
      closed = true;
      clearTimeout(timer);
      hints.close();
      for (const pods of clusters.values()) pods.close();
      follower?.close(room.now());
    },
  };
}
