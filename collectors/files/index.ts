// Collector `files`: log files, followed so that nobody has to think about rotation. Every line once, none lost, in the
// order of its file; where a line was read to is remembered only once its record is safe.

import type { RecordSink, Stream, StreamRoom } from '../../agent/core/collector.ts';
import { createFollower, type Follower } from './follow.ts';
import type { FilesOptions } from './options.ts';
import { createSources } from './sources.ts';
import { createHints } from './watch.ts';

/** Looks come this often, or less when they would take more than a twentieth of the time. */
const LOOK_MS = 250;
const LOOK_SHARE = 20;
/** A hint waits for more to come. */
const HINT_MS = 20;
/** A look that is due later than this is due because the clock was set back. */
const CLOCK_SET_MS = 600_000;

export function create(options: FilesOptions, room: StreamRoom): Stream {
  const sources = createSources(options, room);
  const hints = createHints(room.root, room.log, hinted);
  let follower: Follower | undefined;
  let running = false;
  let timer: NodeJS.Timeout | undefined;
  let lookAt = 0;
  let wakeAt = 0;

  function schedule(now: number, at: number): void {
    if (!running) return;
    clearTimeout(timer);
    wakeAt = at;
    timer = setTimeout(turn, Math.max(0, at - now));
  }

  function hinted(): void {
    const now = room.now();
    if (wakeAt <= now + HINT_MS) return;
    lookAt = Math.min(lookAt, now + HINT_MS);
    schedule(now, now + HINT_MS);
  }

  function turn(): void {
    if (follower === undefined) return;
    const now = room.now();
    const isDue = now >= lookAt || lookAt - now > CLOCK_SET_MS;
    const more = follower.turn(now, isDue);
    const after = room.now();
    if (isDue) {
      lookAt = after + Math.max(LOOK_MS, (after - now) * LOOK_SHARE);
      hints.watch(follower.directories);
    }
    schedule(after, more ? after : lookAt);
  }

  return {
    async open(out: RecordSink) {
      follower = createFollower(sources, room, out);
      running = true;
      turn();
    },
    resume() {
      follower?.resume();
      schedule(0, 0);
    },
    committed(_written, synced) {
      follower?.committed(synced, room.now());
    },
    faults: () => follower?.faults() ?? [],
    async close() {
      running = false;
      clearTimeout(timer);
      hints.close();
      follower?.close(room.now());
    },
  };
}
