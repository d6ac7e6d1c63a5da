// Where to go on after a restart: one small file, replaced whole, so that a power cut leaves the old one or the new one.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { readReplaced, replaceFile } from '../../agent/native/replace.ts';

/** The last record that is safe: its sequence number in the life of a kernel, -1 while there is none. */
export interface Place {
  /** /proc/sys/kernel/random/boot_id. */
  readonly boot: string;
  readonly sequence: number;
}

export interface Checkpoint {
  /** The last one saved; undefined when there is none. Throws for a file that is none. */
  load(): Place | undefined;
  /** Outlives power loss when it returns. Throws the system's errors, and the old one stands. */
  save(place: Place): void;
}

export function createCheckpoint(stateDir: string): Checkpoint {
  const path = join(stateDir, 'sequence.json');
  return {
    load() {
      const text = readReplaced(path);
      if (text === undefined) return undefined;
      const { boot, sequence } = JSON.parse(text) as Partial<Place>;
      if (typeof boot !== 'string' || !Number.isSafeInteger(sequence))
        throw new Error('its content is not that of a checkpoint');
      return { boot, sequence: sequence! };
    },
    save({ boot, sequence }) {
      mkdirSync(stateDir, { recursive: true, mode: 0o750 });
      replaceFile(path, JSON.stringify({ boot, sequence }));
    },
  };
}
