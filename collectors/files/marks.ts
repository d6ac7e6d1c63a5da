// From "handed over" to "safe": how far each file was read when which record was pushed. Only what the pipeline has
// made safe becomes a file's checkpoint.

import type { LogFile, Position, Progress } from './file.ts';

interface Mark {
  readonly progress: Progress;
  readonly position: Position;
  /** Records pushed up to here. */
  readonly pushed: number;
}

export interface Marks {
  /** Everything before `position` is in the first `pushed` records. */
  add(file: LogFile, position: Position, pushed: number): void;
  /** The first `synced` records are safe. Returns whether any file moved. */
  commit(synced: number): boolean;
}

/** Marks wait in the order of `pushed`; a second one of a file for the same count replaces the first. */
export function createMarks(): Marks {
  let queue: Mark[] = [];
  return {
    add(file, position, pushed) {
      file.marked = position.offset;
      const last = queue.at(-1);
      const { progress } = file;
      if (last?.progress === progress && last.pushed === pushed) queue.pop();
      queue.push({ progress, position, pushed });
    },
    commit(synced) {
      let done = 0;
      for (; done < queue.length && queue[done]!.pushed <= synced; done++) {
        const { progress, position } = queue[done]!;
        progress.safe = position;
      }
      if (done > 0) queue = queue.slice(done);
      return done > 0;
    },
  };
}
