// Where to go on after a restart: one file, replaced whole, so that a power cut leaves the old one or the new one. A
// file that cannot be understood is set aside, never a reason not to start.

import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { StreamRoom } from '../../agent/core/collector.ts';
import { causeOf, codeOf } from '../../agent/core/errors.ts';
import { SYSLOG_SEVERITY } from '../../agent/core/record.ts';
import { replaceFile } from '../../agent/native/replace.ts';
import type { LogFile, Position } from './file.ts';
import type { Identity } from './identity.ts';

/** A file that was followed. */
export interface Entry extends Identity, Position {
  /** Id of its source. */
  readonly source: string;
  /** The path whose records are in it, and where it was last. */
  readonly trail: string;
  readonly path: string;
  /** What was born beside it later was not seen; ms. */
  readonly unseenSince: number;
  /** When it was last there; Unix ms. */
  readonly seen: number;
  /** Of a compressed file that was read to its end the size. */
  readonly packed?: number;
  /** Bytes seen, where not all of them are safe, and were not told as lost. */
  size?: number | undefined;
  /** Of what was compressed before it was read, that which was written to until then has been told; ms. */
  told?: number;
  /** It is how the file was before it was emptied, at this time at the latest; ms. */
  readonly emptied?: number;
}

/** What is remembered of a file: where it is safe to go on. */
export function entryOf(file: LogFile, now: number): Entry {
  const { id, source, path, trail, unseenSince, progress, generation } = file;
  // What was seen of the head is true whatever became of its records.
  const { head, headLength } = file;
  const isLate = file.size > progress.safe.offset && !file.isPacked && !file.isIgnored;
  return {
    ...id,
    source: source.id,
    path,
    trail: trail.path,
    unseenSince,
    seen: now,
    ...progress.safe,
    generation,
    head,
    headLength,
    ...(isLate && { size: file.size }),
    ...(trail.files.toldUntil > 0 && { told: trail.files.toldUntil }),
    ...(file.wholeSize > 0 && file.isSafe && { packed: file.wholeSize }),
  };
}

export interface Checkpoint {
  /** Ids of the sources that were followed. */
  readonly sources: readonly string[];
  readonly files: readonly Entry[];
}

const VERSION = 1;
const EMPTY: Checkpoint = { sources: [], files: [] };
const NUMBERS = [
  'dev',
  'ino',
  'birth',
  'unseenSince',
  'offset',
  'head',
  'headLength',
  'tail',
  'mid',
  'generation',
  'seen',
] as const;

export interface CheckpointStore {
  /** The last one saved, or an empty one; `setAside` hears the new name of a damaged file and what is wrong. */
  load(now: number, setAside: (path: string, cause: unknown) => void): Checkpoint;
  /** Outlives power loss when it returns. Throws the system's errors, and the old one stands. */
  save(checkpoint: Checkpoint): void;
}

export function createCheckpointStore(stateDir: string): CheckpointStore {
  const path = join(stateDir, 'checkpoints.json');
  return {
    load(now, setAside) {
      try {
        return parse(readFileSync(path, 'utf8'));
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return EMPTY;
        const aside = `${path}.corrupt-${Math.floor(now)}`;
        try {
          renameSync(path, aside);
        } catch {
          // Unreadable and unmovable: the next save replaces it or says why not.
        }
        setAside(aside, error);
        return EMPTY;
      }
    },
    save(checkpoint) {
      mkdirSync(stateDir, { recursive: true, mode: 0o750 });
      replaceFile(path, JSON.stringify({ version: VERSION, ...checkpoint }), 0o640);
    },
  };
}

/** The last one saved; that a damaged one was set aside is logged, and told as an event. */
export function loadCheckpoint(store: CheckpointStore, room: StreamRoom): Checkpoint {
  const at = room.now();
  return store.load(at, (path, cause) => {
    const body = `cannot read checkpoint, set aside as "${path}": ${causeOf(cause)}`;
    room.log.error(`${body}; log files are read as at the first start`);
    room.events.emit({
      name: 'eudaemon.checkpoint.lost',
      daemon: undefined,
      severity: SYSLOG_SEVERITY[3]!.number,
      body,
      attributes: { 'eudaemon.collector': room.name, 'file.path': path },
      at,
    });
  });
}

function parse(text: string): Checkpoint {
  const read = JSON.parse(text) as Partial<Checkpoint> & { version?: unknown };
  const isEntry = (each: Partial<Entry>) =>
    NUMBERS.every(name => Number.isFinite(each[name])) &&
    typeof each.source === 'string' &&
    typeof each.trail === 'string' &&
    typeof each.path === 'string' &&
    (each.parts === undefined ||
      (Array.isArray(each.parts) && each.parts.every(part => typeof part === 'string')));
  if (read.version !== VERSION) throw new Error(`version ${read.version} is not ${VERSION}`);
  if (!Array.isArray(read.sources) || !Array.isArray(read.files) || !read.files.every(isEntry))
    throw new Error('its content is not that of a checkpoint');
  return { sources: read.sources, files: read.files };
}
