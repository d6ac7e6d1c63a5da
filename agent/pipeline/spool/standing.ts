// How the readers stand to the segments.

import type { SpoolReader } from './reader.ts';
import type { Segment } from './segment.ts';

type Readers = Iterable<Pick<SpoolReader, 'position' | 'pending'>>;

/** Whether nobody needs it any more; not as long as there is nobody. */
export function isFinished(segment: Segment, readers: Readers): boolean {
  let count = 0;
  for (const { position } of readers) {
    if (remaining(segment, position) > 0) return false;
    count++;
  }
  return count > 0;
}

/** Bytes the slowest reader has before it, and the Unix ms of the oldest; undefined when nothing is pending. */
export function standing(
  segments: readonly Segment[],
  readers: Readers,
): { bytes: number; oldest: number | undefined } {
  let bytes = 0;
  let isPending = false;
  for (const { position, pending } of readers) {
    const own = segments.reduce((sum, segment) => sum + remaining(segment, position), 0);
    bytes = Math.max(bytes, own);
    isPending ||= pending > 0;
  }
  const needed = isPending ? segments.find(({ since }) => since !== Number.POSITIVE_INFINITY) : undefined;
  return { bytes, oldest: needed?.since };
}

function remaining(segment: Segment, position: SpoolReader['position']): number {
  if (segment.id < position.segment) return 0;
  return segment.id > position.segment ? segment.size : Math.max(0, segment.size - position.offset);
}
