// Where an exporter stands in the spool, kept in a file of its own, replaced whole; a lost or damaged one costs
// duplicates, never records.

import { readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { codeOf } from '../../core/errors.ts';
import { replaceFileLater } from '../../native/replace.ts';

export interface Position {
  readonly segment: number;
  readonly offset: number;
}

export interface Cursor extends Position {
  /** How far the spool was safe on disk then: what is missing before it was damaged, not unfinished. */
  readonly end: Position;
}

export const START: Cursor = { segment: 0, offset: 0, end: { segment: 0, offset: 0 } };

/** Whether `a` is behind `b`. */
export const isBehind = (a: Position, b: Position): boolean =>
  a.segment > b.segment || (a.segment === b.segment && a.offset > b.offset);

const nameOf = (exporter: string): string => `cursor-${exporter}.json`;
const NAME = /^cursor-(.+)\.json$/;

/** The exporter a cursor file belongs to. */
export const cursorOwner = (name: string): string | undefined => NAME.exec(name)?.[1];

/** A file that was left in the middle of being replaced. */
export const isUnfinished = (name: string): boolean => /^cursor-.+\.json\.tmp$/.test(name);

/** Undefined when there is none. Throws for one that cannot be read or is not what was written. */
export function loadCursor(dir: string, exporter: string): Cursor | undefined {
  let text: string;
  try {
    text = readFileSync(join(dir, nameOf(exporter)), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const { at, end, crc } = JSON.parse(text) as { at: Position; end: Position; crc: number };
  if (crc !== check(at, end)) throw new Error('its checksum is wrong');
  return { segment: at.segment, offset: at.offset, end };
}

/** With `durable` it outlives power loss when it resolves; `stillWanted` is asked before the old one is replaced. */
export async function saveCursor(
  dir: string,
  exporter: string,
  { segment, offset, end }: Cursor,
  durable: boolean,
  stillWanted: () => boolean,
): Promise<void> {
  const at = { segment, offset };
  const text = JSON.stringify({ at, end, crc: check(at, end) });
  await replaceFileLater(join(dir, nameOf(exporter)), text, durable, stillWanted);
}

export function removeCursor(dir: string, exporter: string): void {
  try {
    unlinkSync(join(dir, nameOf(exporter)));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

const check = (at: Position, end: Position): number =>
  crc32(`${at.segment} ${at.offset} ${end.segment} ${end.offset}`);
