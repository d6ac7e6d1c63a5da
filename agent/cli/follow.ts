// The lines of the store as they are written, from a given place on: the newest segment through the tail package,
// which follows one file and knows no other, and from segment to segment here.

import { type FSWatcher, watch } from 'node:fs';
import { Tail } from 'tail';
import type { Position } from '../../exporters/store/query.ts';
import { listSegments, openSegment, readForward, segmentStart } from '../../exporters/store/segment.ts';
import { codeOf } from '../core/errors.ts';

/** Starts at a byte: the package asks this method where the last n lines begin, and n is handed through. */
class TailFrom extends Tail {
  getPositionAtNthLine(offset: number): number {
    return offset;
  }
}

/** How often it looks by itself: what is told of a directory ends with it. */
const LOOK_MS = 1000;

/** Without `from` it starts with the first segment there will be. Ends when the signal says so; misses nothing. */
export async function* follow(
  directory: string,
  from: Position | undefined,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let changed = Promise.withResolvers<void>();
  const wake = () => changed.resolve();
  signal.addEventListener('abort', wake);
  const watcher: FSWatcher = watch(directory, wake);
  watcher.on('error', wake);
  const looking = setInterval(wake, LOOK_MS);
  let current = from && (await followSegment(from, wake));
  try {
    while (!signal.aborted) {
      changed = Promise.withResolvers<void>();
      if (current) yield* current.take();
      const after = current?.start ?? 0;
      const next = (await listSegments(directory)).find(({ start }) => start > after);
      if (next) {
        // The writer is done with a segment once there is a newer one, so its rest can be read to the end.
        if (current) yield* current.rest();
        await current?.close();
        current = await followSegment({ path: next.path, offset: 0 }, wake);
      } else await changed.promise;
    }
  } finally {
    await current?.close();
    clearInterval(looking);
    watcher.close();
    signal.removeEventListener('abort', wake);
  }
}

/** Held open, so that what stands in it can be read however it is deleted meanwhile. */
async function followSegment({ path, offset }: Position, wake: () => void) {
  const file = await openSegment(path);
  let at = offset;
  let lines: Buffer[] = [];
  const tail = file && startTail(path, offset);
  tail?.on('line', (line: string) => {
    lines.push(Buffer.from(line, 'latin1'));
    wake();
  });
  // Deleted by retention: there is a newer segment, or there will be.
  tail?.on('error', wake);
  return {
    start: segmentStart(path) ?? 0,
    *take() {
      const taken = lines;
      lines = [];
      for (const line of taken) {
        at += line.length + 1;
        yield line;
      }
    },
    async *rest() {
      tail?.unwatch();
      if (file) yield* readForward(file, at, (await file.stat()).size);
    },
    async close() {
      tail?.unwatch();
      await file?.close();
    },
  };
}

function startTail(path: string, offset: number): Tail | undefined {
  // One character a byte: the package would cut characters at the ends of its blocks.
  const start = offset === 0 ? { fromBeginning: true } : { nLines: offset };
  try {
    return new TailFrom(path, { ...start, encoding: 'latin1', separator: '\n', follow: false });
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
