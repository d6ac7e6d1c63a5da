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

/** A run of frames. */
export interface Span {
  readonly from: Position;
  readonly to: Position;
}

export interface Cursor extends Position {
  /** How far the spool was safe on disk then: what is missing before it was damaged, not unfinished. */
  readonly end: Position;
  /** What is behind the position and was finished with before it. */
  readonly ahead: readonly Span[];
}

export const START: Cursor = { segment: 0, offset: 0, end: { segment: 0, offset: 0 }, ahead: [] };

/** Whether `a` is behind `b`. */
export const isBehind = (a: Position, b: Position): boolean =>
  a.segment > b.segment || (a.segment === b.segment && a.offset > b.offset);

interface Kept extends Pick<Cursor, 'end' | 'ahead'> {
  readonly at: Position;
}

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
  const { crc, ...kept } = JSON.parse(text) as Kept & { crc: number };
  if (crc !== check(kept)) throw new Error('its checksum is wrong');
  const { at, end, ahead } = kept;
  return { segment: at.segment, offset: at.offset, end, ahead };
}

/** With `durable` it outlives power loss when it resolves; `stillWanted` is asked before the old one is replaced. */
export async function saveCursor(
  dir: string,
  exporter: string,
  { segment, offset, end, ahead }: Cursor,
  durable: boolean,
  stillWanted: () => boolean,
): Promise<void> {
  const kept = { at: { segment, offset }, end, ahead };
  const text = JSON.stringify({ ...kept, crc: check(kept) });
  await replaceFileLater(join(dir, nameOf(exporter)), text, durable, stillWanted);
}

export function removeCursor(dir: string, exporter: string): void {
  try {
    unlinkSync(join(dir, nameOf(exporter)));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

const check = ({ at, end, ahead }: Kept): number => crc32(JSON.stringify([at, end, ahead]));
