// What an earlier life left in the spool directory, whatever state it is in: good frames are taken up, damage is told,
// and nothing that is found there keeps the agent from starting.

import { existsSync, lstatSync, readdirSync, truncateSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { causeOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { type Cursor, cursorOwner, isBehind, isUnfinished, loadCursor, START } from './cursor.ts';
import { QUARANTINE, type Quarantine } from './quarantine.ts';
import { type Hole, reopenSegment, type Segment, segmentId, segmentName } from './segment.ts';

const DAMAGED = 'damaged, skipped';

/** Records that were in the spool and are no more. */
export interface Loss {
  readonly segment: number;
  readonly from: number;
  readonly to: number;
  /** An estimate of how many. */
  readonly records: number;
  readonly cause: string;
}

export interface Recovered {
  /** Oldest first. */
  readonly segments: Segment[];
  readonly cursors: ReadonlyMap<string, Cursor>;
  /** Ids never repeat while a cursor remembers them, else it would stand in the middle of a new segment. */
  readonly nextId: number;
  readonly losses: readonly Loss[];
  /** Bytes that no longer make a frame. */
  readonly damagedBytes: number;
  /** What could not be opened, one line each. */
  readonly faults: readonly string[];
}

export function recover(dir: string, quarantine: Quarantine, log: Log): Recovered {
  const faults: string[] = [];
  const names = namesIn(dir, faults);
  const cursors = new Map<string, Cursor>();
  const foreign: string[] = [];
  for (const name of names) {
    const owner = cursorOwner(name);
    if (owner !== undefined) cursors.set(owner, takeUpCursor(dir, name, owner, quarantine, log));
    else if (isUnfinished(name)) unlinkSync(join(dir, name));
    else if (segmentId(name) === undefined && name !== QUARANTINE) foreign.push(name);
  }
  if (foreign.length > 0)
    log.warn('left alone what is not of the spool', {
      dir,
      files: foreign.length,
      first: foreign.slice(0, 3).join(' '),
    });

  const safe = [...cursors.values()].map(({ end }) => end).reduce((a, b) => (isBehind(b, a) ? b : a), START);
  const segments: Segment[] = [];
  const losses: Loss[] = [];
  let damagedBytes = 0;
  const reached = [...cursors.values()].flatMap(({ segment, ahead }) => [
    segment,
    ...ahead.map(({ to }) => to.segment),
  ]);
  let nextId = Math.max(safe.segment, ...reached) + 1;

  const lose = (loss: Loss) => {
    losses.push(loss);
    log.error(`cannot read spool segment "${segmentName(loss.segment)}": ${loss.cause}`, {
      from: loss.from,
      to: loss.to,
      records: loss.records,
    });
  };

  for (const name of names) {
    const id = segmentId(name);
    if (id === undefined) continue;
    nextId = Math.max(nextId, id + 1);
    const holes: Hole[] = [];
    let segment: Segment;
    try {
      segment = reopenSegment(dir, id, hole => holes.push(hole));
    } catch (error) {
      faults.push(
        `cannot open spool segment "${join(dir, name)}": ${causeOf(error)}; make it readable or remove it, then restart`,
      );
      continue;
    }
    const size = Math.max(segment.size, holes.at(-1)?.to ?? 0);
    for (const { from, to } of holes) {
      damagedBytes += to - from;
      quarantine.copy(`${name}-${from}`, segment.fd!, from, to);
    }
    const tail = holes.at(-1)?.to === size ? holes.at(-1) : undefined;
    const isCut = id === safe.segment && size < safe.offset;
    const goodBytes =
      segment.size - holes.reduce((sum, { from, to }) => (to < size ? sum + to - from : sum), 0);
    const guess = (bytes: number) => Math.max(1, Math.round((segment.records / goodBytes) * bytes) || 0);
    for (const hole of holes) {
      const { from, to, records, unfinished } = hole;
      if (hole !== tail)
        lose({ segment: id, from, to, records: records || guess(to - from), cause: DAMAGED });
      else if (unfinished && !isBehind(safe, { segment: id, offset: from })) {
        // What was being written when the life ended was never said to be safe: its source gives it again.
        log.info('the last write to the spool had not come to its end', { segment: name, from, to });
        cut(join(dir, name), from);
      } else if (!isCut)
        lose({ segment: id, from, to, records: records || guess(to - from), cause: DAMAGED });
    }
    if (isCut) {
      const from = tail?.from ?? size;
      lose({ segment: id, from, to: safe.offset, records: guess(safe.offset - from), cause: 'cut off' });
    }
    if (segment.size > 0) segments.push(segment);
    else segment.remove();
  }
  for (const fault of faults) log.error(fault);
  return { segments, cursors, nextId, losses, damagedBytes, faults };
}

function namesIn(dir: string, faults: string[]): string[] {
  try {
    return existsSync(dir) ? readdirSync(dir).sort() : [];
  } catch (error) {
    faults.push(
      `cannot read spool "${dir}": ${causeOf(error)}; make it a directory of the agent's own, then restart`,
    );
    return [];
  }
}

/** So that it is told once; where that cannot be done it is told again. */
function cut(path: string, size: number): void {
  try {
    truncateSync(path, size);
  } catch {}
}

function takeUpCursor(dir: string, name: string, owner: string, quarantine: Quarantine, log: Log): Cursor {
  try {
    return loadCursor(dir, owner) ?? START;
  } catch (error) {
    log.error(
      `cannot read "${join(dir, name)}": ${causeOf(error)}; ${owner} begins with the oldest record again`,
    );
    quarantine.move(join(dir, name), `${name}-${Math.floor(lstatSync(join(dir, name)).mtimeMs)}`);
    return START;
  }
}
