// Where to go on after a restart: one small file, replaced whole, so that a power cut leaves the old one or the new one.

import { join } from 'node:path';
import { readReplaced, replaceFile } from '../../agent/native/replace.ts';

/** A place in the journal: behind the entry of `cursor`, or at the time `since` (Unix ms) while none was read. */
export interface Place {
  readonly cursor?: string;
  readonly since: number;
}

export interface Checkpoint {
  /** The last one saved; undefined when there is none. Throws for a file that is none. */
  load(): Place | undefined;
  /** Outlives power loss when it returns. Throws the system's errors, and the old one stands. */
  save(place: Place): void;
}

export function createCheckpoint(stateDir: string): Checkpoint {
  const path = join(stateDir, 'cursor.json');
  return {
    load() {
      const text = readReplaced(path);
      if (text === undefined) return undefined;
      const { cursor, since } = JSON.parse(text) as Partial<Place>;
      if (typeof since !== 'number' || (cursor !== undefined && typeof cursor !== 'string'))
        throw new Error('its content is not that of a checkpoint');
      return cursor === undefined ? { since } : { cursor, since };
    },
    save({ cursor, since }) {
      replaceFile(path, JSON.stringify({ cursor, since }));
    },
  };
}
