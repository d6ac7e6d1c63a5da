// The lines of the store as they are written, from a given place on: the newest segment through the tail package,
// which follows one file and knows no other, and from segment to segment here.

import { type FSWatcher, watch } from 'node:fs';
import { Tail } from 'tail';
import type { Position } from '../../exporters/store/query.ts';
import { listSegments, openSegment, readForward } from '../../exporters/store/segment.ts';

/** Starts at a byte: the package asks this method where the last n lines begin, and n is handed through. */
class TailFrom extends Tail {
  getPositionAtNthLine(offset: number): number {
    return offset;
  }
}

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
  let current = from;
  let tail = current && followFile(current, wake);
  try {
    while (!signal.aborted) {
      changed = Promise.withResolvers<void>();
      if (current && tail) {
        for (const line of tail.take()) {
          current = { path: current.path, offset: current.offset + line.length + 1 };
          yield line;
        }
      }
      const segments = await listSegments(directory);
      const next = segments[segments.findIndex(({ path }) => path === current?.path) + 1];
      if (next) {
        // The writer is done with a segment once there is a newer one, so its rest can be read to the end.
        tail?.stop();
        if (current) yield* rest(current);
        current = { path: next.path, offset: 0 };
        tail = followFile(current, wake);
      } else await changed.promise;
    }
  } finally {
    tail?.stop();
    watcher.close();
    signal.removeEventListener('abort', wake);
  }
}

function followFile({ path, offset }: Position, wake: () => void) {
  let lines: Buffer[] = [];
  // One character a byte: the package would cut characters at the ends of its blocks.
  const start = offset === 0 ? { fromBeginning: true } : { nLines: offset };
  const tail = new TailFrom(path, { ...start, encoding: 'latin1', separator: '\n', follow: false });
  tail.on('line', (line: string) => {
    lines.push(Buffer.from(line, 'latin1'));
    wake();
  });
  // Deleted by retention: there is a newer segment, or there will be.
  tail.on('error', wake);
  return {
    take(): Buffer[] {
      const taken = lines;
      lines = [];
      return taken;
    },
    stop: () => tail.unwatch(),
  };
}

async function* rest({ path, offset }: Position): AsyncGenerator<Buffer> {
  await using file = await openSegment(path);
  if (file) yield* readForward(file, offset, (await file.stat()).size);
}
